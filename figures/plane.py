"""The (alpha, b) plane coloured by accuracy: predicted lines, and where simulations or runs really ended."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from figures.style import ACCURACY, ACCURACY_RANGE, COLOURS, MARKERS, figure

SHADE_TICKS = [0, 0.25, 0.5, 0.75, 1]


class RegimePath(NamedTuple):
    """One regime: its predicted line, points measured on the way, and ends found by other learners.

    Each array has rows (alpha, b). A ray goes on for ever; a repeller's line is walked away from it.
    """

    predicted: Float[np.ndarray, "points 2"]
    measured: Float[np.ndarray, "times 2"]
    ends: Float[np.ndarray, "learners 2"]
    kind: str  # "point", "ray" or "repeller"


def draw_plane(
    ax,
    alphas: Float[np.ndarray, " alphas"],
    bs: Float[np.ndarray, " bs"],
    accuracy: Float[np.ndarray, "bs alphas"],
    paths: Mapping[str, RegimePath],
):
    """Accuracy as shade, prediction as a line, simulation as marks. Returns the shaded contours.

    Small marks are the flow at successive times, large hollow ones the ends of the other learners; a
    repeller is a ring.
    """
    levels = np.linspace(0, 1, 11)
    contours = ax.contourf(alphas, bs, accuracy, levels=levels, colors=shades(len(levels) - 1))
    draw_contour_lines(ax, alphas, bs, accuracy, [0.5], colors="white", linewidths=0.8, linestyles="--")
    for name, path in paths.items():
        _draw_path(ax, name, path)
    ax.plot(1, 0, MARKERS["base"], color="white", markeredgecolor=COLOURS["base"], zorder=6, label="base model")
    ax.set(
        xlim=(alphas[0], alphas[-1]),
        ylim=(bs[0], bs[-1]),
        xlabel="sharpening: power α on the reference",
        ylabel="task reward: weight b = 1/β",
    )
    return contours


def plane_figure(*arguments):
    """draw_plane with its shade bar beside it and its legend underneath."""
    with figure(height=4.0) as (canvas, ax):
        contours = draw_plane(ax, *arguments)
        canvas.colorbar(contours, ax=ax, pad=0.02, ticks=SHADE_TICKS, label="accuracy")
        canvas.legend(loc="outside lower center", ncols=2, handlelength=1.6, columnspacing=1.0)
    return canvas


def draw_contour_lines(ax, x, y, values: Float[np.ndarray, "y x"], levels: Iterable[float], **look):
    """Contour lines at the levels that the values cross, each row at a y; None where they cross none."""
    known = values[np.isfinite(values)]
    crossed = [level for level in levels if known.size and known.min() < level < known.max()]
    return ax.contour(x, y, values, levels=crossed, **look) if crossed else None


def shades(number: int, darkest: float = ACCURACY_RANGE[0]):
    """Colours of accuracy from low to high."""
    from matplotlib import colormaps

    return colormaps[ACCURACY](np.linspace(darkest, ACCURACY_RANGE[1], number))


def _draw_path(ax, name, path):
    colour, marker = COLOURS[name], MARKERS[name]
    if path.kind == "repeller":
        # On the edge alpha = 0 half of it would be cut off.
        ring = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": colour, "markersize": 8}
        ax.plot(*path.predicted[0], linestyle="", clip_on=False, zorder=4, **ring)
        ax.plot(
            *path.measured.T, marker, color=colour, linestyle="", clip_on=False, zorder=5, label=f"{name}: repeller"
        )
        return
    ax.plot(*path.predicted.T, color="white", linewidth=2.6, zorder=2)
    ax.plot(*path.predicted.T, color=colour, zorder=3)
    edge = {"markeredgecolor": "white", "markeredgewidth": 0.4}
    ax.plot(*path.measured.T, marker, color=colour, label=name, zorder=5, **edge)
    hollow = {"color": "none", "markeredgecolor": colour, "markersize": 8, "markeredgewidth": 0.9}
    ax.plot(*path.ends.T, marker, zorder=4, **hollow)
