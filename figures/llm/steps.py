"""All runs of a study against steps: a row for each family, accuracy first and widest, the forecast as a band."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.llm.arms import Look, spoken
from figures.llm.comparison import LABELS
from figures.study.arrival import on_the_way
from figures.study.course import Batches, batches
from figures.study.runs import TrainedRun
from figures.study.words import known
from figures.style import FADED, PAGE, figure, fit_y, key, outside

COLUMNS = ("accuracy", "length", "entropy", "kl")


def draw_run(ax, seen: Batches, run: TrainedRun, quantity: str, look: Look) -> list[float]:
    """Training batches as a faint line, their moving mean as a strong one, the end ± 2 s.e., the forecast's band.

    A forecast that could not be told is faded, dashed and without a band. Returns what the axis has to show: single
    batches wander far, and may leave it, as may what could not be told.
    """
    ax.plot(seen.step, seen.batch, color=look.colour, lw=0.4, alpha=0.25)
    ax.plot(seen.step, seen.mean, color=look.colour, lw=1)
    forecast, low, high = (run.forecast[f"{quantity}{end}"] for end in ("", "_low", "_high"))
    told = bool(run.forecast[f"{quantity}_reliable"])
    if told and known(low, high):
        ax.axhspan(low, high, color=look.colour, alpha=0.2, lw=0)
    if known(forecast):
        doubt = {"ls": "-"} if told else {"ls": (0, (3, 2)), "alpha": FADED}
        ax.axhline(forecast, color=look.colour, lw=0.8, **doubt)
    end, bar = run.final[quantity], 2 * run.final[f"{quantity}_se"]
    label = spoken(run.arm) + (" (on its way)" if on_the_way(run) else "")
    ax.errorbar(
        1.04 * seen.step[-1], end, yerr=bar, ls="", marker=look.marker, color=look.colour, label=label, zorder=4
    )
    shown = [*seen.mean, *([forecast] if told else []), run.base[quantity], end, end + bar, end - bar]
    return [value for value in shown if known(value)]  # what was not forecast has no place


def finding(runs: Sequence[TrainedRun]) -> str:
    there = sum(on_the_way(run) is None for run in runs)
    return f"{there} of {len(runs)} runs have arrived where their objective ends"


def steps_figure(runs: Sequence[TrainedRun], looks: Mapping[str, Look]):
    families = list(dict.fromkeys(run.family for run in runs))
    shape: dict[str, Any] = {"nrows": len(families), "ncols": len(COLUMNS), "sharex": True, "squeeze": False}
    shape["width_ratios"] = (1.7, 1, 1, 1)
    with figure(PAGE, 0.9 + 1.45 * len(families), finding(runs), **shape) as (canvas, axes):
        for row, family in zip(axes, families, strict=True):
            own = [run for run in runs if run.family == family]
            for ax, quantity in zip(row, COLUMNS, strict=True):
                shown = [
                    value
                    for run in own
                    for value in draw_run(ax, batches(run, quantity), run, quantity, looks[run.arm])
                ]
                fit_y(ax, shown, 0.06)
                for run in own:
                    if known(run.forecast[quantity]):
                        outside(ax, [0.0], [run.forecast[quantity]], looks[run.arm].colour)
                ax.axhline(own[0].base[quantity], color="0.5", lw=0.8, ls=":")
            row[0].set_ylabel(family)
        for ax, quantity in zip(axes[0], COLUMNS, strict=True):
            ax.set_title(LABELS[quantity])
        for ax in axes[-1]:
            ax.set_xlabel("step")
        canvas.legend(*key(*axes[:, 0]), loc="outside lower center", ncols=3)
    return canvas
