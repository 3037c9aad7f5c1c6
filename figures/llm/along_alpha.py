"""Accuracy against the power alpha: the forecast's fall and rise, and where the sharpening runs ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.llm.arms import Look
from figures.llm.forecast import draw_curve
from figures.study.runs import TrainedRun
from figures.study.words import known
from figures.style import COLOURS, bars, figure, key


def along_alpha_figure(
    forecasts: Mapping[str, Sequence[dict[str, Any]]], runs: Sequence[TrainedRun], looks: Mapping[str, Look]
):
    """One panel; the limit α → ∞ stands a step beyond the largest power."""
    along = [record for record in forecasts["alpha"] if record["alpha"] > 0]
    powers = [record["alpha"] for record in along]
    far = 2 * max(powers)
    with figure(height=3.4) as (canvas, ax):
        draw_curve(ax, along, "alpha", "accuracy", COLOURS["tempered"])
        for limit in forecasts["limit"]:
            if limit["alpha"] is None and limit["accuracy_reliable"]:
                value, low, high = (limit[f"accuracy{end}"] for end in ("", "_low", "_high"))
                band = bars(value, low, high) if known(low, high) else None
                ax.errorbar(far, value, yerr=band, fmt="o", color=COLOURS["tempered"], elinewidth=3, alpha=0.4)
        for run in runs:
            if run.family not in ("tempered", "sharpening"):
                continue
            look = looks[run.arm]
            x = far if run.regime == "sharpening" else run.alpha
            bar = 2 * run.final["accuracy_se"]
            ax.errorbar(x, run.final["accuracy"], yerr=bar, fmt=look.marker, color=look.colour, label=run.arm, zorder=4)
        ax.axhline(
            next(record["accuracy"] for record in along if record["alpha"] == 1), color="0.55", lw=0.8, ls=":", zorder=0
        )
        ax.set(xscale="log", xlabel="power α on the reference (b = 0)", ylabel="accuracy")
        ticks = [alpha for alpha in (0.25, 0.5, 1, 2, 4, 8, 16) if min(powers) <= alpha <= max(powers)]
        ax.set_xticks([*ticks, far], [*(f"{alpha:g}" for alpha in ticks), "∞"])
        ax.minorticks_off()
        ax.set_title("line: forecast with its 95 % band, hollow: cannot tell")
        if key(ax)[1]:
            canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
