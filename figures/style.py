"""One look for every figure: a family of arms always in the same colours, and one sign for what cannot be told.

Who reads a figure should learn its signs once. A colour says what a policy was trained for (figures.palette); a solid
line or a full mark is a number that can be relied on; what the samples cannot tell is faded and dashed, never white,
and where it leaves the axes an arrow at the edge says so.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from figures.palette import COLOURS, MARKERS  # the names that a drawing needs beside the style

__all__ = ["COLOURS", "COLUMN", "FADED", "INK", "MARKERS", "PAGE", "QUIET", "bars", "figure", "fit_y", "key"]
__all__ += ["outside", "told_line", "told_mark"]

INK, QUIET = "#1A1A1A", "#5C5C5C"  # of words; of words that wait
# Accuracy alone is a shade of grey, so that every colour of an arm stands out on it; light where accuracy is high.
ACCURACY = "gray"
ACCURACY_RANGE = (0.42, 0.98)  # of the colour map
FADED = 0.38  # the opacity of what cannot be told

COLUMN = 3.4  # inches: one column of a two-column page
PAGE = 7.0

Values = Sequence[Any] | np.ndarray

_RC: dict[str, Any] = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.size": 8,
    "text.color": INK,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.edgecolor": "0.4",
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "hatch.color": "0.35",
    "hatch.linewidth": 0.5,
}


@contextlib.contextmanager
def figure(width: float = COLUMN, height: float = 2.8, title: str = "", **subplots) -> Iterator:
    """(figure, axes) in the house style, without a window and without touching the user's matplotlib.

    title: the finding, in bold over all panels, broken to the figure's width. Nothing is shown or saved:
    `harness.run_folder` saves, in one move.
    """
    import textwrap

    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_RC):  # type: ignore[arg-type]  # it lists the keys one by one
        said = textwrap.wrap(title, int(12.5 * width)) if title else []
        canvas = Figure(figsize=(width, height + 0.15 * len(said)))
        FigureCanvasAgg(canvas)
        if said:
            canvas.suptitle("\n".join(said), x=0.01, ha="left", fontsize=9, fontweight="bold")
        yield canvas, canvas.subplots(**subplots)


def key(*axes) -> tuple[list, list[str]]:
    """Handles and labels of the legend of some axes, each label once."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def told_line(ax, x: Values, y: Values, told: Values, colour, **look) -> None:
    """A line through points in order: solid between two that can be told, faded and dashed where one cannot.

    A stretch is drawn as one line, so that its dashes run on; a label belongs to the first of them.
    """
    label = look.pop("label", None)
    sure = [a and b for a, b in itertools.pairwise(told)]
    start = 0
    for stop in range(1, len(sure) + 1):
        if stop < len(sure) and sure[stop] == sure[start]:
            continue
        doubt = {} if sure[start] else {"ls": (0, (3, 2)), "alpha": FADED}
        ax.plot(x[start : stop + 1], y[start : stop + 1], color=colour, label=label, **{**look, **doubt})
        label, start = None, stop


def told_mark(told: bool) -> dict[str, Any]:
    """How a mark looks that can be told, and one that cannot."""
    return {} if told else {"alpha": FADED}


def outside(ax, x: Values, y: Values, colour) -> None:
    """An arrow at the upper or lower edge for each point that the axes leave out. After the limits are set."""
    low, high = ax.get_ylim()
    for place, value in zip(x, y, strict=True):
        if value > high or value < low:
            up = value > high
            edge = {"transform": ax.get_xaxis_transform(), "clip_on": False, "alpha": FADED, "ms": 4.5}
            arrow = "$\\uparrow$" if up else "$\\downarrow$"
            ax.plot([place], [float(up)], marker=arrow, ls="", color=colour, **edge)


def fit_y(ax, shown: Sequence[float], margin: float) -> None:
    """The y axis from the least to the largest that it has to show, and a share of that beyond; as it is for none."""
    if shown:
        space = margin * (max(shown) - min(shown)) + 1e-6
        ax.set_ylim(min(shown) - space, max(shown) + space)


def bars(value: float, low: float, high: float) -> list[list[float]]:
    """The lengths of an error bar, down and up, as matplotlib wants them; an end on the wrong side has none."""
    return [[max(value - low, 0)], [max(high - value, 0)]]
