"""Accuracy against the power alpha: the forecast's fall and rise, and where the sharpening runs ended."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.direct_labels import Label, beside
from figures.llm.arms import Look, spoken
from figures.llm.forecast import draw_curve
from figures.study.runs import TrainedRun
from figures.study.words import known
from figures.style import COLOURS, PAGE, QUIET, bars, figure

TICKS = (0.25, 0.5, 1, 2, 4, 8, 16)


def finding(along: Sequence[Mapping[str, Any]]) -> str:
    """Where accuracy is lowest among the powers above 1 that can be told, and highest."""
    told = [own for own in along if own["alpha"] >= 1 and own["accuracy_reliable"] and known(own["accuracy"])]
    if len(told) < 2:
        return "These samples cannot tell what sharpening does to accuracy"
    low, high = (pick(told, key=lambda own: own["accuracy"]) for pick in (min, max))
    said = f"Accuracy is lowest at α = {low['alpha']:g} ({low['accuracy']:.2f})"
    return f"{said} and highest at α = {high['alpha']:g} ({high['accuracy']:.2f})"


def along_alpha_figure(
    forecasts: Mapping[str, Sequence[dict[str, Any]]], runs: Sequence[TrainedRun], looks: Mapping[str, Look]
):
    """One panel; the limit α → ∞ stands a step beyond the largest power."""
    along = [record for record in forecasts["alpha"] if record["alpha"] > 0]
    powers = [record["alpha"] for record in along]
    far = 2 * max(powers)
    with figure(PAGE, 3.2, finding(along)) as (canvas, ax):
        draw_curve(ax, along, "alpha", "accuracy", COLOURS["tempered"])
        for limit in forecasts["limit"]:
            if limit["alpha"] is None and limit["accuracy_reliable"]:
                value, low, high = (limit[f"accuracy{end}"] for end in ("", "_low", "_high"))
                band = bars(value, low, high) if known(low, high) else None
                ax.errorbar(far, value, yerr=band, fmt="o", color=COLOURS["tempered"], elinewidth=3, alpha=0.4)
        labels: list[Label] = []
        for run in runs:
            if run.family not in ("tempered", "sharpening"):
                continue
            look, name = looks[run.arm], spoken(run.arm)
            x, y = far if run.regime == "sharpening" else run.alpha or np.nan, run.final["accuracy"]
            bar = 2 * run.final["accuracy_se"]
            ax.errorbar(x, y, yerr=bar, ls="", marker=look.marker, color=look.colour, label=name, zorder=4)
            if name not in [label.text for label in labels]:
                labels.append(Label(x, y, name, look.colour))
        base = next(record["accuracy"] for record in along if record["alpha"] == 1)
        ax.axhline(base, color="0.55", lw=0.8, ls=":", zorder=0)
        ax.set(xscale="log", xlabel="power α on the base model, without a reward", ylabel="accuracy")
        ticks = [alpha for alpha in TICKS if min(powers) <= alpha <= max(powers)]
        ax.set_xticks([*ticks, far], [*(f"{alpha:g}" for alpha in ticks), "∞"])
        ax.minorticks_off()
        if known(base):
            labels.insert(0, Label(far, base, "base model", QUIET, "end"))
        beside(ax, labels)
    return canvas
