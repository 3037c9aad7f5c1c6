"""The two figures of a forecast: curves along alpha and along b, and the plane with the part that can be relied on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures import style
from figures.plane import SHADE_TICKS, draw_contour_lines
from figures.study.words import known
from harness.run_folder import write

ROWS = (("accuracy", "accuracy"), ("length", "length / tokens"), ("entropy", "entropy / nats"))
ALPHA_TICKS = (0.5, 1, 2, 4, 8)


def draw_curve(ax, records: Sequence[dict[str, Any]], coordinate: str, quantity: str, colour: str) -> None:
    """The quantity with its 95 % band; hollow marks where the rollouts cannot tell."""
    names = (coordinate, quantity, f"{quantity}_low", f"{quantity}_high")
    x, value, low, high = (np.array([record[name] for record in records], dtype=float) for name in names)
    reliable = np.array([bool(record[f"{quantity}_reliable"]) for record in records], dtype=bool)
    ax.plot(x, value, color=colour, lw=1, zorder=2)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, lw=0, zorder=1)
    ax.plot(x[reliable], value[reliable], "o", color=colour, ms=4, zorder=3)
    if not reliable.all():
        ax.plot(x[~reliable], value[~reliable], "o", mfc="white", mec=colour, ms=4, zorder=3)


def save_curves(path: Path, *arguments) -> None:
    write(path, curves_figure(*arguments).savefig)


def save_plane(path: Path, *arguments) -> None:
    write(path, plane_figure(*arguments).savefig)


def curves_figure(along_alpha: Sequence[dict[str, Any]], along_b: Sequence[dict[str, Any]], followed=None):
    """Accuracy, length and entropy along alpha (b = 0) and along b (alpha = 1), and a run's own points on them."""
    with style.figure(style.PAGE, 5.6, nrows=3, ncols=2, sharex="col", sharey="row") as (figure, axes):
        for row, (quantity, label) in zip(axes, ROWS, strict=True):
            draw_curve(row[0], along_alpha, "alpha", quantity, style.COLOURS["tempered"])
            draw_curve(row[1], along_b, "b", quantity, style.COLOURS["tilted"])
            base = next(record[quantity] for record in along_alpha if record["alpha"] == 1 and record["b"] == 0)
            for ax in row:
                if known(base):
                    ax.axhline(base, color="0.55", lw=0.8, ls=":", zorder=0)
            row[0].set_ylabel(label)
            run = [] if followed is None else list(followed[quantity])
            style.fit_y(row[0], _told([*along_alpha, *along_b], quantity, run), 0.08)
        if followed is not None:
            draw_followed(axes, followed)
        axes[-1, 0].set(xlabel="power α on the reference (b = 0)", xscale="log")
        axes[-1, 0].set_xticks(ALPHA_TICKS, [f"{x:g}" for x in ALPHA_TICKS], minor=False)
        axes[-1, 0].minorticks_off()
        axes[-1, 1].set(xlabel="weight b = 1/β of the task reward (α = 1)")
        handles = {"forecast, 95 % band": _mark("0.4", "0.4"), "cannot tell": _mark("white", "0.4")}
        if followed is not None:
            handles["run, step by step"] = _mark("black", "black", ms=2)
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return figure


def draw_followed(axes, followed) -> None:
    """A run's own points, step by step, on the line that it moves along."""
    column, coordinate = (0, "alpha") if followed["b"].abs().max() == 0 else (1, "b")
    for ax, (quantity, _) in zip(axes[:, column], ROWS, strict=True):
        ax.plot(followed[coordinate], followed[quantity], ".", color="black", ms=2)


def plane_figure(records: Sequence[dict[str, Any]], alphas: Sequence[float], bs: Sequence[float]):
    """Accuracy as shade; hatched where the rollouts cannot tell. records: those of each b in turn."""
    shape = len(bs), len(alphas)
    accuracy = np.array([record["accuracy"] for record in records], dtype=float).reshape(shape)
    unknown = np.array([not record["reliable"] for record in records], dtype=float).reshape(shape)
    with style.figure(style.COLUMN, 2.8) as (figure, ax):
        if min(shape) > 1:
            filled = ax.contourf(alphas, bs, accuracy, levels=np.linspace(0, 1, 21), cmap=style.ACCURACY)
            levels = np.arange(0.1, 1, 0.1)
            lines = draw_contour_lines(ax, alphas, bs, accuracy, levels, colors="white", linewidths=0.6)
            if lines is not None:
                ax.clabel(lines, fmt="%.1f", fontsize=6)
            ax.contourf(alphas, bs, unknown, levels=[0.5, 1.5], colors="none", hatches=["////"])
            figure.colorbar(filled, ax=ax, label="accuracy", ticks=SHADE_TICKS)
        ax.plot(1, 0, style.MARKERS["base"], color="white", mec=style.COLOURS["base"], clip_on=False, zorder=5)
        ax.set(xlabel="power α on the reference", ylabel="weight b = 1/β of the task reward")
        ax.set_title("hatched: these rollouts cannot tell")
    return figure


def _told(records: Sequence[dict[str, Any]], quantity: str, run: Sequence[float]) -> list[float]:
    """What the axis has to show: the bands that can be relied on, and the run with them; the rest sets no scale."""
    told = [record for record in records if record[f"{quantity}_reliable"]]
    ends = [record[f"{quantity}{end}"] for record in told for end in ("", "_low", "_high")]
    found = [value for value in ends if known(value)]
    return [*found, *(value for value in run if known(value))] if found else []


def _mark(face, edge, ms=4):
    from matplotlib.lines import Line2D

    return Line2D([], [], marker="o", ls="", mfc=face, mec=edge, ms=ms)
