"""Language-model runs in the (alpha, b) plane: predicted lines, the way each run took, on the forecast's accuracy."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from figures.llm.arms import Look
from figures.plane import SHADE_TICKS, shades
from figures.study.course import way_in_plane
from figures.study.forecasts import PlaneGrid
from figures.study.runs import TrainedRun
from figures.style import MARKERS, figure, key


def draw_shade(ax, plane: PlaneGrid):
    """The forecast's accuracy; hatched where the rollouts cannot tell. Returns the contours, None on one line."""
    accuracy = plane.values("accuracy")
    if plane.is_line or not np.isfinite(accuracy).any():
        return None
    levels = np.linspace(0, 1, 21)
    filled = ax.contourf(plane.alphas, plane.bs, accuracy, levels=levels, colors=shades(20), zorder=0)
    unknown = 1 - plane.values("reliable")
    ax.contourf(plane.alphas, plane.bs, unknown, levels=[0.5, 1.5], colors="none", hatches=["////"], zorder=0)
    return filled


def draw_way(ax, run: TrainedRun, way: Float[np.ndarray, "steps 2"], look: Look, edge: tuple[float, float]) -> None:
    """Dashed to the predicted end (hollow), or to the edge where it runs away; solid the run's moving median (full)."""
    end = _end(run, edge)
    ax.plot([1, end[0]], [0, end[1]], "--", color=look.colour, lw=0.8, zorder=2)
    hollow = {"mfc": "none", "mec": look.colour, "ms": 8}
    ax.plot(*end, look.marker, zorder=4, **hollow)
    if len(way):
        ax.plot(*way.T, color=look.colour, lw=0.7, alpha=0.6, zorder=3)
        ax.plot(*way[-1], look.marker, color=look.colour, mec="white", mew=0.4, ms=5, zorder=5, label=run.arm)


def _end(run: TrainedRun, edge: tuple[float, float]) -> tuple[float, float]:
    alpha, b = run.forecast["alpha"], run.forecast["b"]  # null is the limit
    return edge[0] if alpha is None else alpha, edge[1] if b is None else b


def runs_in_plane_figure(runs: Sequence[TrainedRun], looks: Mapping[str, Look], plane: PlaneGrid | None):
    """One panel; a limit is drawn half as far again as the farthest target."""
    ends = [_end(run, (np.nan, np.nan)) for run in runs]
    edge = 1.5 * np.nanmax([2.0, *(end[0] for end in ends)]), 1.5 * np.nanmax([2.0, *(end[1] for end in ends)])
    with figure(height=4.2) as (canvas, ax):
        filled = draw_shade(ax, plane) if plane else None
        for run in runs:
            draw_way(ax, run, way_in_plane(run), looks[run.arm], edge)
        ax.plot(1, 0, MARKERS["base"], color="white", mec="black", zorder=6, label="base model")
        ax.set(xlim=(0, 1.05 * edge[0]), ylim=(max(ax.dataLim.ymin, -edge[1]) - 0.1 * edge[1], 1.05 * edge[1]))
        ax.set(xlabel="sharpening: power α on the reference", ylabel="task reward: weight b = 1/β")
        if filled is not None:
            canvas.colorbar(filled, ax=ax, pad=0.02, ticks=SHADE_TICKS, label="forecast accuracy")
        canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
