"""Accuracy against KL from the base model: the most that can be had, what sharpening has, where the runs ended."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from figures.direct_labels import Label, beside
from figures.llm.arms import Look, spoken
from figures.study.frontier import REWARD, SHARPENING, Curve, End
from figures.study.words import known
from figures.style import COLOURS, PAGE, QUIET, figure, told_line

LINES = {REWARD: ("tilted", "task reward"), SHARPENING: ("tempered", "sharpening")}


ALL_CORRECT = 0.995


class Panel(NamedTuple):
    """One model: its lines, its runs, and why an arm has not arrived (arm -> words)."""

    title: str
    base: float
    curves: Mapping[str, Curve]
    ends: Sequence[End]
    waiting: Mapping[str, str]


def draw_lines(ax, curves: Mapping[str, Curve]) -> None:
    """Both lines, sharpening's with its 95 % band; faded and dashed where the samples cannot tell."""
    for name, curve in curves.items():
        regime, label = LINES[name]
        colour = COLOURS[regime]
        told_line(ax, curve.kl, curve.accuracy, curve.told, colour, lw=2, label=label, zorder=3)
        ax.fill_between(curve.kl, curve.low, curve.high, where=curve.told, color=colour, alpha=0.16, lw=0, zorder=1)


def draw_unreachable(ax, reward: Curve, end: float, top: float) -> None:
    """The grey above the reward's line as far as that can be told, and to the edge where all is correct by then.  [T5]

    Beyond its largest KL a reward can keep what it has: a line, but no bound unless nothing is left to gain.
    """
    kl, accuracy = reward.kl[reward.told], reward.accuracy[reward.told]
    if not len(kl):
        return
    done = accuracy[-1] > ALL_CORRECT
    edge = max(end, kl[-1])
    ax.fill_between([*kl, edge if done else kl[-1]], [*accuracy, accuracy[-1]], top, color="0.93", lw=0, zorder=0)
    told_line(ax, [kl[-1], edge], [accuracy[-1]] * 2, [done, done], COLOURS["tilted"], lw=2, zorder=3)


def draw_run(ax, end: End, look: Look, why: str | None) -> None:
    """Full where the runs have arrived, half full where one is on its way; bars are two errors each way."""
    half = {} if why is None else {"fillstyle": "bottom", "markerfacecoloralt": "white"}
    bars = {"elinewidth": 1, "capsize": 0, "mec": look.colour if why else "white", "mew": 0.6}
    if look.marker in ("x", "+", "1"):
        bars["mec"], half = look.colour, {}
    ax.errorbar(
        end.kl,
        end.accuracy,
        xerr=2 * end.kl_error,
        yerr=2 * end.error,
        ls="",
        marker=look.marker,
        color=look.colour,
        label=spoken(end.arm),
        ms=6,
        zorder=5,
        **bars,
        **half,
    )


def draw_panel(ax, panel: Panel, looks: Mapping[str, Look], limits: tuple[float, float, float]) -> list[Label]:
    """limits: the largest KL, the lowest and the highest accuracy shown. Returns the names of the marks."""
    across, low, top = limits
    if REWARD in panel.curves:
        draw_unreachable(ax, panel.curves[REWARD], across, top)
    draw_lines(ax, panel.curves)
    ax.axhline(panel.base, color="0.45", lw=0.8, ls=":", zorder=1)
    ax.plot(0, panel.base, "o", color="black", ms=7, zorder=6, label="base model", clip_on=False)
    labels = []
    for end in panel.ends:
        why = panel.waiting.get(end.arm)
        draw_run(ax, end, looks[end.arm], why)
        labels.append(
            Label(end.kl, end.accuracy, spoken(end.arm) + (" (on its way)" if why else ""), looks[end.arm].colour)
        )
    ax.set(xlim=(-0.012 * across, across), ylim=(low, top), xlabel="distance from the base model, KL / nats")
    ax.set_title(panel.title, fontsize=9)
    return labels


def extent(panels: Sequence[Panel]) -> tuple[float, float, float]:
    """What the panels share: a largest KL, a lowest and a highest accuracy. What cannot be told sets none of them."""
    curves = [curve for panel in panels for curve in panel.curves.values()]
    ends = [end for panel in panels for end in panel.ends]
    sharpened = [panel.curves[SHARPENING].known_to() for panel in panels if SHARPENING in panel.curves]
    across = [kl for kl in [*sharpened, *(end.kl for end in ends)] if known(kl)]
    if not across or max(across) == 0:
        across = [float(curve.kl.max()) for curve in curves] or [1.0]
    low = [float(value) for curve in curves for value in curve.low[curve.told] if known(value)]
    low += [end.accuracy - 2 * end.error for end in ends] + [panel.base for panel in panels]
    high = [float(value) for curve in curves for value in curve.accuracy[curve.told]]
    high += [end.accuracy + 2 * end.error for end in ends] + [panel.base for panel in panels]
    room = 0.06 * (max(high) - min(low)) + 0.005
    return 1.08 * max(max(across), 0.01), max(min(low) - room, -0.02), max(high) + 1.3 * room


def frontier_figure(panels: Sequence[Panel], looks: Mapping[str, Look], title: str, note: str = ""):
    """A panel a model, all on the same axes."""
    limits = extent(panels)
    with figure(PAGE, 3.5, title, ncols=len(panels), sharey=True, squeeze=False) as (canvas, axes):
        for ax, panel in zip(axes.flat, panels, strict=True):
            labels = draw_panel(ax, panel, looks, limits)
            beside(ax, [*_names(ax, panel, limits), *labels])
        axes[0, 0].set_ylabel("accuracy")
        axes[0, 0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        if note:
            canvas.supxlabel(textwrap.fill(note, int(18 * PAGE)), x=0.01, ha="left", fontsize=7, color=QUIET)
    return canvas


def _names(ax, panel: Panel, limits: tuple[float, float, float]) -> list[Label]:
    """The names of the lines and of what is grey, before those of the marks: they may choose their place."""
    across, low, top = limits
    found = [Label(0.97 * across, panel.base, "base model", QUIET, "end")]
    for name, curve in panel.curves.items():
        inside = curve.told & (curve.kl <= across) & (curve.accuracy >= low)
        if inside.any():
            regime, label = LINES[name]
            share = 0.5
            place = int((abs(curve.kl - share * curve.kl[inside].max()) + 1e9 * ~inside).argmin())
            found.append(Label(curve.kl[place], curve.accuracy[place], label, COLOURS[regime], "line"))
    reward = panel.curves.get(REWARD)
    if reward is not None and reward.told.any() and reward.accuracy[reward.told].max() > ALL_CORRECT:
        middle = (top + 1) / 2
        ax.text(0.4 * across, middle, "no policy can be up here", fontsize=7, va="center", ha="center", style="italic")
    return found
