"""The (alpha, b) plane shaded by accuracy alone: predicted lines, and where simulations or runs really ended."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from figures.style import ACCURACY, ACCURACY_RANGE, COLOURS, MARKERS, PAGE, figure


class RegimePath(NamedTuple):
    """One regime: its predicted line, points measured on the way, and ends found by other learners.

    Each array has rows (alpha, b). A ray goes on for ever; a repeller's line is walked away from it.
    """

    predicted: Float[np.ndarray, "points 2"]
    measured: Float[np.ndarray, "times 2"]
    ends: Float[np.ndarray, "learners 2"]
    kind: str  # "point", "ray" or "repeller"


def draw_accuracy(
    ax,
    alphas: Float[np.ndarray, " alphas"],
    bs: Float[np.ndarray, " bs"],
    accuracy: Float[np.ndarray, "bs alphas"],
    told: Bool[np.ndarray, "bs alphas"] | None = None,
):
    """Grey from the lowest accuracy to the highest that is there, with lines at round values.

    What cannot be told is faded and hatched, and sets no shade. Returns the contours; None on one line, or where
    nothing is known.
    """
    sure = np.isfinite(accuracy) if told is None else told & np.isfinite(accuracy)
    if min(accuracy.shape) < 2 or not sure.any():
        return None
    low, high = float(accuracy[sure].min()), float(accuracy[sure].max())
    step = next(step for step in (0.01, 0.02, 0.05, 0.1) if high - low <= 12 * step)
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    levels = np.arange(first, max(last, first + 1) + 1) * step
    inner = levels[1:-1]
    levels[0], levels[-1] = min(levels[0], np.nanmin(accuracy)), max(levels[-1], np.nanmax(accuracy))
    filled = ax.contourf(alphas, bs, accuracy, levels=levels, colors=shades(len(levels) - 1), zorder=0)
    lines = draw_contour_lines(ax, alphas, bs, accuracy, inner, colors="black", alpha=0.6, linewidths=0.5, zorder=0)
    if lines is not None:
        ax.clabel(lines, fmt=lambda value: f"{100 * value:.0f} %", fontsize=6)
    if told is not None and not told.all():
        unknown = 1.0 - told
        ax.contourf(alphas, bs, unknown, levels=[0.5, 1.5], colors=["0.85"], alpha=0.75, zorder=0)
        ax.contourf(alphas, bs, unknown, levels=[0.5, 1.5], colors="none", hatches=["////"], zorder=0)
    return filled


def draw_plane(
    ax,
    alphas: Float[np.ndarray, " alphas"],
    bs: Float[np.ndarray, " bs"],
    accuracy: Float[np.ndarray, "bs alphas"],
    paths: Mapping[str, RegimePath],
):
    """Accuracy as shade, prediction as a line, simulation as marks. Returns the shaded contours.

    Small marks are the flow at successive times, large rings the ends of the other learners; a repeller is a ring.
    """
    contours = draw_accuracy(ax, alphas, bs, accuracy)
    for name, path in paths.items():
        _draw_path(ax, name, path)
    ax.plot(1, 0, MARKERS["base"], color=COLOURS["base"], ms=7, zorder=6, label="base model")
    ax.set(
        xlim=(alphas[0], alphas[-1]),
        ylim=(bs[0], bs[-1]),
        xlabel="sharpening: power α on the base model",
        ylabel="task reward: weight b = 1/β",
    )
    return contours


def finding(paths: Mapping[str, RegimePath]) -> str:
    """How near the flows of regimes that have an end came to the point that theory names; empty without any."""
    ends = [np.abs(path.measured[-1] - path.predicted[-1]).max() for path in paths.values() if path.kind == "point"]
    if not ends:
        return ""
    return f"The flow of each of {len(ends)} objectives ends on its own point of the plane, within {max(ends):.0e}"


def plane_figure(*arguments):
    """draw_plane with its shade bar beside it and its legend underneath."""
    with figure(PAGE * 0.75, 4.0, finding(arguments[-1])) as (canvas, ax):
        contours = draw_plane(ax, *arguments)
        if contours is not None:
            canvas.colorbar(contours, ax=ax, pad=0.02, label="accuracy")
        canvas.legend(loc="outside lower center", ncols=3, handlelength=1.6, columnspacing=1.0)
    return canvas


def draw_contour_lines(ax, x, y, values: Float[np.ndarray, "y x"], levels: Iterable[float], **look):
    """Contour lines at the levels that the values cross, each row at a y; None where they cross none."""
    known = values[np.isfinite(values)]
    crossed = [level for level in levels if known.size and known.min() < level < known.max()]
    return ax.contour(x, y, values, levels=crossed, **look) if crossed else None


def shades(number: int, darkest: float = ACCURACY_RANGE[0]):
    """Greys of accuracy from low to high."""
    from matplotlib import colormaps

    return colormaps[ACCURACY](np.linspace(darkest, ACCURACY_RANGE[1], number))


def _draw_path(ax, name, path):
    colour, marker = COLOURS[name], MARKERS[name]
    if path.kind == "repeller":
        # On the edge alpha = 0 half of it would be cut off.
        ring = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": colour, "markersize": 8}
        ax.plot(*path.predicted[0], linestyle="", clip_on=False, zorder=4, **ring)
        ax.plot(
            *path.measured.T, marker, color=colour, linestyle="", clip_on=False, zorder=5, label=f"{name}: repeller"
        )
        return
    ax.plot(*path.predicted.T, color="white", linewidth=2.8, zorder=2)
    ax.plot(*path.predicted.T, color=colour, zorder=3)
    edge = {} if marker in ("x", "+", "1") else {"markeredgecolor": "white", "markeredgewidth": 0.4}
    ax.plot(*path.measured.T, marker, color=colour, label=name, zorder=5, **edge)
    ring = {"color": "none", "markeredgecolor": colour, "markersize": 8, "markeredgewidth": 0.9}
    ax.plot(*path.ends.T, "o", zorder=4, **ring)
