"""Language-model runs in the (alpha, b) plane: predicted lines, the way each run took, on the forecast's accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.llm.arms import Look
from figures.study.runs import Run
from figures.style import ACCURACY, ACCURACY_RANGE, MARKERS, figure, key

WINDOW = 25  # steps; the median, because a batch without a wrong answer has its coordinate on the border


def draw_shade(ax, plane: Sequence[dict[str, Any]]):
    """The forecast's accuracy; hatched where the rollouts cannot tell. Returns the contours, None on one line."""
    from matplotlib import colormaps

    alphas, bs = (sorted({record[name] for record in plane}) for name in ("alpha", "b"))
    if min(len(alphas), len(bs)) < 2:
        return None
    at = {(record["alpha"], record["b"]): record for record in plane}
    accuracy, reliable = (np.array([[at[a, b][name] for a in alphas] for b in bs]) for name in ("accuracy", "reliable"))
    colours = colormaps[ACCURACY](np.linspace(*ACCURACY_RANGE, 20))
    shades = ax.contourf(alphas, bs, accuracy, levels=np.linspace(0, 1, 21), colors=colours, zorder=0)
    unknown = np.where(reliable, 0.0, 1.0)
    ax.contourf(alphas, bs, unknown, levels=[0.5, 1.5], colors="none", hatches=["////"], zorder=0)
    return shades


def draw_way(ax, run: Run, look: Look, edge: tuple[float, float]) -> None:
    """Dashed to the predicted end (hollow), or to the edge where it runs away; solid the run's moving median (full)."""
    metrics = run.metrics()[["alpha_t", "b_t"]].astype(float)
    end = _end(run, edge)
    ax.plot([1, end[0]], [0, end[1]], "--", color=look.colour, lw=0.8, zorder=2)
    hollow = {"mfc": "none", "mec": look.colour, "ms": 8}
    ax.plot(*end, look.marker, zorder=4, **hollow)
    way = metrics.rolling(WINDOW, min_periods=1).median().to_numpy()[WINDOW - 1 :]
    if len(way):
        ax.plot(*way.T, color=look.colour, lw=0.7, alpha=0.6, zorder=3)
        ax.plot(*way[-1], look.marker, color=look.colour, mec="white", mew=0.4, ms=5, zorder=5, label=run.arm)


def _end(run: Run, edge: tuple[float, float]) -> tuple[float, float]:
    alpha, b = run.forecast["alpha"], run.forecast["b"]  # null is the limit
    return edge[0] if alpha is None else alpha, edge[1] if b is None else b


def runs_in_plane_figure(runs: Sequence[Run], looks: Mapping[str, Look], plane: Sequence[dict[str, Any]] | None):
    """One panel; a limit is drawn half as far again as the farthest target."""
    ends = [_end(run, (np.nan, np.nan)) for run in runs]
    edge = tuple(
        1.5 * np.nanmax([least, *axis]) for least, axis in zip((2.0, 2.0), zip(*ends, strict=True), strict=True)
    )
    with figure(height=4.2) as (canvas, ax):
        shades = draw_shade(ax, plane) if plane else None
        for run in runs:
            draw_way(ax, run, looks[run.arm], edge)
        ax.plot(1, 0, MARKERS["base"], color="white", mec="black", zorder=6, label="base model")
        ax.set(xlim=(0, 1.05 * edge[0]), ylim=(max(ax.dataLim.ymin, -edge[1]) - 0.1 * edge[1], 1.05 * edge[1]))
        ax.set(xlabel="sharpening: power α on the reference", ylabel="task reward: weight b = 1/β")
        if shades is not None:
            canvas.colorbar(shades, ax=ax, pad=0.02, ticks=[0, 0.25, 0.5, 0.75, 1], label="forecast accuracy")
        canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
