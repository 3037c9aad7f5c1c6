"""All runs of a study against steps: a row for each family, a column for each quantity, the forecast as a band."""

from collections.abc import Mapping, Sequence

import numpy as np

from figures.llm.arms import Look
from figures.llm.comparison import LABELS
from figures.study.runs import Run
from figures.style import PAGE, figure, key

COLUMNS = {"accuracy": "accuracy", "length": "length", "entropy": "sequence_entropy", "kl": "sequence_kl"}
WINDOW = 15  # steps: the line is the mean over them, a single batch is too noisy to be read


def draw_run(ax, run: Run, quantity: str, look: Look) -> list[float]:
    """Training batches as a faint line, their moving mean as a strong one, the end ± 2 s.e., the forecast's band.

    Returns what the axis has to show: single batches wander far, and may leave it.
    """
    metrics = run.metrics()
    values = metrics[COLUMNS[quantity]]
    ax.plot(metrics["step"], values, color=look.colour, lw=0.4, alpha=0.25)
    moving = values.rolling(WINDOW, center=True, min_periods=1).mean()
    ax.plot(metrics["step"], moving, color=look.colour, lw=1)
    if run.forecast[f"{quantity}_reliable"]:
        ax.axhspan(
            run.forecast[f"{quantity}_low"], run.forecast[f"{quantity}_high"], color=look.colour, alpha=0.2, lw=0
        )
    ax.axhline(run.forecast[quantity], color=look.colour, lw=0.8, ls="--")
    bar = 2 * run.final[f"{quantity}_se"]
    end = 1.04 * metrics["step"].iloc[-1]
    ax.errorbar(end, run.final[quantity], yerr=bar, fmt=look.marker, color=look.colour, label=run.arm, zorder=4)
    shown = [*moving, run.forecast[quantity], run.base[quantity], run.final[quantity] + bar, run.final[quantity] - bar]
    return [value for value in shown if np.isfinite(value)]  # what was not forecast has no place


def steps_figure(runs: Sequence[Run], looks: Mapping[str, Look]):
    families = list(dict.fromkeys(run.family for run in runs))
    shape = {"nrows": len(families), "ncols": len(COLUMNS), "sharex": True, "squeeze": False}
    with figure(PAGE, 0.9 + 1.45 * len(families), **shape) as (canvas, axes):
        for row, family in zip(axes, families, strict=True):
            own = [run for run in runs if run.family == family]
            for ax, quantity in zip(row, COLUMNS, strict=True):
                seen = [value for run in own for value in draw_run(ax, run, quantity, looks[run.arm])]
                margin = 0.06 * (max(seen) - min(seen)) + 1e-6
                ax.set_ylim(min(seen) - margin, max(seen) + margin)
                ax.axhline(own[0].base[quantity], color="0.5", lw=0.8, ls=":")
            row[0].set_ylabel(family)
        for ax, quantity in zip(axes[0], COLUMNS, strict=True):
            ax.set_title(LABELS[quantity])
        for ax in axes[-1]:
            ax.set_xlabel("step")
        canvas.legend(*key(*axes[:, 0]), loc="outside lower center", ncols=4)
    return canvas
