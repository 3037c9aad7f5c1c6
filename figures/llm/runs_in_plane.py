"""Language-model runs in the (alpha, b) plane: predicted lines, the way each run took, on the forecast's accuracy."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from figures.llm.arms import Look, spoken
from figures.plane import draw_accuracy
from figures.study.course import way_in_plane
from figures.study.forecasts import PlaneGrid
from figures.study.runs import TrainedRun
from figures.style import COLOURS, MARKERS, PAGE, figure, key


def draw_shade(ax, plane: PlaneGrid):
    """The forecast's accuracy; faded and hatched where the rollouts cannot tell. None on one line."""
    if plane.is_line:
        return None
    alphas, bs = np.array(plane.alphas), np.array(plane.bs)
    return draw_accuracy(ax, alphas, bs, plane.values("accuracy"), plane.values("reliable").astype(bool))


def draw_way(ax, run: TrainedRun, way: Float[np.ndarray, "steps 2"], look: Look, edge: tuple[float, float]) -> None:
    """Dashed to the predicted end (a ring), or to the edge where it runs away; solid the run's moving median (full).

    A run that is too short for a median has its ring alone, and says so in the key.
    """
    end = _end(run, edge)
    ax.plot([1, end[0]], [0, end[1]], "--", color=look.colour, lw=0.8, zorder=2)
    name = spoken(run.arm) if len(way) else f"{spoken(run.arm)} (too short to place)"
    ring = {"mfc": "none", "mec": look.colour, "ms": 8, "color": look.colour, "ls": ""}
    ax.plot(*end, marker=look.marker, zorder=4, label=None if len(way) else name, **ring)
    if len(way):
        ax.plot(*way.T, color=look.colour, lw=0.7, alpha=0.6, zorder=3)
        full = {"marker": look.marker, "ls": "", "mec": "white", "mew": 0.4, "ms": 5}
        ax.plot(*way[-1], color=look.colour, zorder=5, label=name, **full)


def _end(run: TrainedRun, edge: tuple[float, float]) -> tuple[float, float]:
    alpha, b = run.forecast["alpha"], run.forecast["b"]  # null is the limit
    return edge[0] if alpha is None else alpha, edge[1] if b is None else b


def runs_in_plane_figure(runs: Sequence[TrainedRun], looks: Mapping[str, Look], plane: PlaneGrid | None):
    """One panel; a limit is drawn half as far again as the farthest target, and the axes end where the runs do."""
    ends = [_end(run, (np.nan, np.nan)) for run in runs]
    edge = 1.5 * np.nanmax([2.0, *(end[0] for end in ends)]), 1.5 * np.nanmax([2.0, *(end[1] for end in ends)])
    with figure(0.75 * PAGE, 4.0) as (canvas, ax):
        filled = draw_shade(ax, plane) if plane else None
        ways = [way_in_plane(run) for run in runs]
        for run, way in zip(runs, ways, strict=True):
            draw_way(ax, run, way, looks[run.arm], edge)
        ax.plot(1, 0, MARKERS["base"], color=COLOURS["base"], ms=7, zorder=6, label="base model")
        reached = np.concatenate([*ways, [_end(run, edge) for run in runs], [[1.0, 0.0]]])
        lowest = [max(reached[:, axis].min(), -edge[axis]) for axis in (0, 1)]
        ax.set(xlim=(lowest[0] - 0.06 * edge[0], 1.05 * edge[0]), ylim=(lowest[1] - 0.06 * edge[1], 1.05 * edge[1]))
        ax.set(xlabel="sharpening: power α on the base model", ylabel="task reward: weight b = 1/β")
        if filled is not None:
            canvas.colorbar(filled, ax=ax, pad=0.02, label="forecast accuracy")
        canvas.legend(*key(ax), loc="outside lower center", ncols=3)
    return canvas
