"""One look for every figure: colours that survive colour blindness, a regime always in the same colour."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

# Okabe and Ito's palette, and a violet; black and grey are kept for the base model and for what is not a regime.
COLOURS = {
    "base": "#000000",
    "task": "#009E73",
    "tilted": "#0072B2",
    "sharpening": "#D55E00",
    "tempered": "#E69F00",
    "tilted-tempered": "#CC79A7",
    "length-controlled": "#7E57C2",
    "minimum entropy": "#7F7F7F",
    "self-sharpening": "#56B4E9",
}
# A second channel beside colour, for print in grey.
MARKERS = {
    "base": "o",
    "task": "^",
    "tilted": "D",
    "sharpening": ">",
    "tempered": "s",
    "tilted-tempered": "P",
    "length-controlled": "H",
    "minimum entropy": "X",
    "self-sharpening": "X",
}
# Grey, so that every regime's colour stands out on it; light where accuracy is high.
ACCURACY = "gray"
ACCURACY_RANGE = (0.3, 1.0)  # of the colour map

COLUMN = 3.4  # inches: one column of a two-column page
PAGE = 7.0

_RC: dict[str, Any] = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "hatch.color": "0.55",
    "hatch.linewidth": 0.6,
}


@contextlib.contextmanager
def figure(width: float = COLUMN, height: float = 2.8, **subplots) -> Iterator:
    """(figure, axes) in the house style, without a window and without touching the user's matplotlib.

    Nothing is shown or saved: `harness.run_folder` saves, in one move.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_RC):  # type: ignore[arg-type]  # it lists the keys one by one
        canvas = Figure(figsize=(width, height))
        FigureCanvasAgg(canvas)
        yield canvas, canvas.subplots(**subplots)


def key(*axes) -> tuple[list, list[str]]:
    """Handles and labels of the legend of some axes, each label once."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def fit_y(ax, shown: Sequence[float], margin: float) -> None:
    """The y axis from the least to the largest that it has to show, and a share of that beyond; as it is for none."""
    if shown:
        space = margin * (max(shown) - min(shown)) + 1e-6
        ax.set_ylim(min(shown) - space, max(shown) + space)


def bars(value: float, low: float, high: float) -> list[list[float]]:
    """The lengths of an error bar, down and up, as matplotlib wants them; an end on the wrong side has none."""
    return [[max(value - low, 0)], [max(high - value, 0)]]
