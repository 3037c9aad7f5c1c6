"""pass@k and maj@k: what training does to them, and what tables that were evaluated have, with intervals.    [T22]"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from figures.direct_labels import Label, at_right
from figures.llm.arms import Look, spoken
from figures.study.ends import BASE
from figures.study.pass_at_k import AtK, Curves, Gains
from figures.study.words import known
from figures.style import COLOURS, MARKERS, PAGE, figure

TITLES = {"pass@": "pass@k: any of k samples is correct", "maj@": "maj@k: a vote of k samples is correct"}


def draw_at_k(ax, numbers: Mapping[int, AtK], name: str, look: Look) -> Label:
    """One line with its 95 % interval; returns its name at its end."""
    ks = list(numbers)
    value, low, high = (np.array([getattr(own, end) for own in numbers.values()], float) for end in AtK._fields)
    ax.plot(ks, value, marker=look.marker, color=look.colour, lw=1.2, label=name)
    ax.fill_between(ks, low, high, color=look.colour, alpha=0.13, lw=0)
    return Label(ks[-1], float(value[-1]), name, look.colour)


def _dress(ax, title: str, ks) -> None:
    ax.set(xscale="log", xlabel="samples k", title=title)
    ax.set_xticks(sorted(ks), [str(k) for k in sorted(ks)])
    ax.minorticks_off()


def finding(gains: Gains) -> str:
    """How many arms are above the base model with one sample, and with the most."""
    ends = [(own[min(own)], own[max(own)]) for own in gains.values() if own]
    if not ends:
        return "No arm has pass@k to compare"
    most = max(max(own) for own in gains.values() if own)
    first, last = (sum(known(end.low) and end.low > 0 for end in column) for column in zip(*ends, strict=True))
    lost = sum(known(last.high) and last.high < 0 for _, last in ends)
    said = f"Of {len(ends)} arms {first} beat the base model with one sample"
    return said if most == 1 else f"{said}, {last} with {most}, and {lost} fall below it there"


def pass_figure(gains: Gains, majority: Curves, looks: Mapping[str, Look]):
    """pass@k less that of the base model, in points; maj@k beside it where votes were counted."""
    number = max(len(gains), 1)
    with figure(PAGE, max(2.8, 0.6 + 0.17 * number), finding(gains), ncols=1 + bool(majority), squeeze=False) as (
        canvas,
        axes,
    ):
        ax = axes[0, 0]
        labels = [draw_at_k(ax, own, spoken(arm), looks[arm]) for arm, own in gains.items()]
        _dress(ax, "pass@k less that of the base model", {k for own in gains.values() for k in own})
        ax.axhline(0, color=COLOURS["base"], lw=0.8, ls=":")
        ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}")
        ax.set_ylabel("points, 95 % interval")
        at_right(ax, labels)
        if majority:
            votes = axes[0, 1]
            marks = []
            for arm, own in majority.items():
                look = Look(COLOURS["base"], MARKERS["base"]) if arm == BASE else looks[arm]
                sure = {k: AtK(value, np.nan, np.nan) for k, value in own.items()}
                marks.append(draw_at_k(votes, sure, spoken(arm), look))
            _dress(votes, TITLES["maj@"], {k for own in majority.values() for k in own})
            votes.set_ylabel("share of prompts")
            at_right(votes, marks)
    return canvas


def evaluation_figure(tables: Mapping[str, Mapping[str, Any]], looks: Mapping[str, Look]):
    """A line a table, in the look of its arm; a table of no arm has a colour that keeps it from the others."""
    from matplotlib import colormaps

    with figure(PAGE, max(2.8, 0.6 + 0.17 * len(tables)), ncols=2, sharey=True) as (canvas, axes):
        shared = os.path.commonpath([name.rpartition("/")[0] for name in tables]) if len(tables) > 1 else ""
        labels: list[Label] = []
        for place, (name, quantities) in enumerate(tables.items()):
            spare = Look(colormaps["cividis"](place / max(1, len(tables) - 1) * 0.6)[:3], "o")
            for ax, kind in zip(axes, TITLES, strict=True):
                own = at_k(quantities, kind)
                if own:
                    label = draw_at_k(ax, own, name.removeprefix(shared).strip("/"), looks.get(name, spare))
                    labels += [label] if ax is axes[-1] else []
                _dress(ax, TITLES[kind], own)
        axes[0].set_ylabel("share of prompts, 95 % interval")
        at_right(axes[-1], labels)
    return canvas


def at_k(quantities: Mapping[str, Mapping[str, float]], kind: str) -> dict[int, AtK]:
    """pass@ or maj@ of a table of evaluation.json, by k; null is nan."""
    found = {int(name.removeprefix(kind)): own for name, own in quantities.items() if name.startswith(kind)}
    return {
        k: AtK(*(np.nan if own[end] is None else own[end] for end in AtK._fields)) for k, own in sorted(found.items())
    }
