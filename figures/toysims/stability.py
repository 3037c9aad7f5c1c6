"""Stability as pictures: phase portraits on the triangle of three responses, multipliers, exponents."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from figures.style import PAGE, figure

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
SERIES = ("#D55E00", "#904B0B", "#352000")
BASINS = ("#0072B2", "#D55E00", "#20A72E")  # a colour for each response that may win


def draw_portrait(
    ax,
    title: str,
    paths: Float[np.ndarray, "starts times 3"],
    wins: Int[np.ndarray, " starts"],
    rest: Float[np.ndarray, " 3"] | None = None,
    attracts: bool = False,
):
    """Paths of policies over three responses, coloured by the response that theory says gains most.

    The fixed point is a dot if it attracts, a ring if it repels.
    """
    ax.plot(*CORNERS[[0, 1, 2, 0]].T, color="0.6", linewidth=0.8)
    for path, winner in zip(paths, wins, strict=True):
        points = path @ CORNERS
        ax.plot(*points.T, color=BASINS[winner], linewidth=0.8)
        ax.plot(*points[0], ".", color=BASINS[winner], markersize=3)
        middle = np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum().searchsorted(0.08)
        if middle + 1 < len(points):
            ax.annotate(
                "",
                points[middle + 1],
                points[middle],
                arrowprops={"arrowstyle": "->", "color": BASINS[winner], "linewidth": 0.8},
            )
    if rest is not None:
        face = "black" if attracts else "white"
        ax.plot(*(rest @ CORNERS), "o", markerfacecolor=face, markeredgecolor="black", zorder=5)
    for number, (corner, shift) in enumerate(zip(CORNERS, ((-6, -6), (6, -6), (0, 6)), strict=True), 1):
        ax.annotate(f"$y_{number}$", corner, shift, textcoords="offset points", ha="center", va="center")
    ax.set(title=title, aspect="equal")
    ax.set_axis_off()


def draw_multipliers(
    ax,
    gains: Float[np.ndarray, " steps"],
    predicted: Float[np.ndarray, " steps"],
    measured: Float[np.ndarray, " steps"],
):
    """What one step makes of a deviation, against ητ: outside (-1, 1) it grows."""
    ax.axhspan(-1, 1, color="0.92", linewidth=0)
    ax.axhline(0, color="0.7", linewidth=0.6)
    ax.plot(gains, predicted, color="black", label="1 - ητ")
    ax.plot(gains, measured, "o", color="#D55E00", label="mirror ascent")
    ax.set(xlabel="step ητ", ylabel="multiplier of a deviation")
    ax.legend()


def draw_exponents(ax, xlabel: str, series: Mapping[str, Sequence[Sequence[float]]]):
    """Exponent of p against steps or rounds, (predicted, measured) of each series: a line, and marks."""
    for (name, (predicted, measured)), colour in zip(series.items(), SERIES, strict=True):
        ax.plot(predicted, color=colour, label=name)
        ax.plot(measured, "o", color=colour, markersize=3)
    ax.set(xlabel=xlabel, ylabel="exponent of p")
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.legend(loc="upper left")


def finding(parts: Mapping) -> str:
    """How near the measured multipliers are to 1 - ητ, on both sides of where a step begins to overshoot for good."""
    gains, predicted, measured = (np.array(parts["step size"][x]) for x in ("gains", "predicted", "measured"))
    return (
        f"One step multiplies a deviation by 1 - ητ, to {np.max(np.abs(measured - predicted)):.0e}: "
        f"{int(np.sum(np.abs(measured) > 1))} of {len(gains)} step sizes make it grow"
    )


def stability_figure(parts: Mapping):
    """All panels, from the parts of toysims.instability (or its stability.json, where arrays are lists)."""
    with figure(PAGE, 4.6, finding(parts), nrows=2, ncols=3) as (canvas, axes):
        for ax, (title, paths, wins, *rest) in zip(axes[0], parts["portraits"], strict=True):
            point = np.array(rest[0], dtype=float) if rest else None
            draw_portrait(ax, title, np.array(paths), np.array(wins), point, bool(rest[1:] and rest[1]))
        gains, predicted, measured = (np.array(parts["step size"][x]) for x in ("gains", "predicted", "measured"))
        draw_multipliers(axes[1, 0], gains, predicted, measured)
        draw_exponents(axes[1, 1], "steps of mirror ascent", parts["self-reward"])
        draw_exponents(axes[1, 2], "rounds", parts["iterated sharpening"])
    return canvas
