"""Names at the ends of lines and beside marks, moved apart until none covers another: a legend is a detour."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Label(NamedTuple):
    """A name for the point (x, y), in data coordinates.

    kind: "mark", "line" (bold, may stand off the line) or "end" (ends at the point, above it).
    """

    x: float
    y: float
    text: str
    colour: object
    kind: str = "mark"


def spread(wanted: Sequence[Any], gap: float, low: float, high: float) -> list[float]:
    """Places at least gap apart and within [low, high], in the order of what was wanted and near to it.

    Neighbours that are too near are moved as a block about their mean, again until none is. Where they do not all fit
    they are laid evenly.

    >>> spread([0.5, 0.5, 0.0], 0.1, 0.0, 1.0)
    [0.45, 0.55, 0.0]
    """
    order = np.argsort(wanted, kind="stable")
    if (len(order) - 1) * gap > high - low:
        even = np.linspace(low, high, len(order))
        return [float(even[rank]) for rank in np.argsort(order)]
    blocks: list[list[float]] = []  # [middle, size]
    for place in np.asarray(wanted, float)[order]:
        blocks.append([float(place), 1])
        while True:
            middle, size = blocks[-1]
            half = (size - 1) * gap / 2
            blocks[-1][0] = min(max(middle, low + half), high - half)
            if len(blocks) < 2 or _edge(blocks[-1], gap, -1) - _edge(blocks[-2], gap, 1) >= gap - 1e-12:
                break
            (other, n), (own, m) = blocks[-2], blocks.pop()
            blocks[-1] = [(other * n + own * m) / (n + m), n + m]
    laid = [middle + (i - (n - 1) / 2) * gap for middle, n in blocks for i in range(int(n))]
    return [round(laid[rank], 12) for rank in np.argsort(order)]


def _edge(block: list[float], gap: float, side: int) -> float:
    return block[0] + side * (block[1] - 1) * gap / 2


def at_right(ax, labels: Sequence[Label], size: float = 7) -> None:
    """A column of names right of the axes, each with a thin line to its point where it had to move.

    Call it when the limits of the axes are set.
    """
    if not labels:
        return
    _laid_out(ax)
    height = ax.get_window_extent().height / ax.figure.dpi * 72  # points
    shares = [_share(ax, label.y) for label in labels]
    for label, place in zip(labels, spread(shares, 1.5 * size / height, 0.0, 1.0), strict=True):
        line = {"arrowstyle": "-", "color": label.colour, "lw": 0.6, "alpha": 0.6, "shrinkA": 0, "shrinkB": 2}
        ax.annotate(
            label.text,
            xy=(label.x, ax.get_ylim()[0] if not np.isfinite(label.y) else label.y),
            xytext=(1.03, place),
            textcoords="axes fraction",
            color=label.colour,
            fontsize=size,
            va="center",
            annotation_clip=False,
            arrowprops=line,
        )


SIDES = ((1, 0), (1, -1), (1, 1), (-1, 0), (-1, -1), (-1, 1), (0, -1), (0, 1))
STEPS = {"mark": (7, 13, 20, 30, 42), "line": (9, 14, 22), "end": (2,)}
Box = tuple[float, float, float, float]
"""left, lower, right and upper edge; upwards is positive"""


class Name(NamedTuple):
    """A label that is to be laid: its point, its size, and its kind, all in points of one scale."""

    at: tuple[float, float]
    width: float
    height: float
    kind: str


def lay(
    names: Sequence[Name], frame: Box, drawn: np.ndarray, scale: float = 1.0, written: Sequence[Box] = ()
) -> list[Box]:
    """A box for each name where it covers least: other names worst, then marks, then lines, then what lies far off.

    drawn: points along all lines. scale: pixels a point. written: boxes of words that stand there already. The longest
    names choose first, for they need most room.
    """
    marks = np.array([name.at for name in names if name.kind == "mark"]).reshape(-1, 2)
    found: dict[int, Box] = {}
    for place in sorted(range(len(names)), key=lambda i: (names[i].kind == "mark", -names[i].width)):
        name = names[place]
        sides = ((-1, 1),) if name.kind == "end" else SIDES
        rated = []
        for step in STEPS[name.kind]:
            for right, up in sides:
                x = name.at[0] + scale * step * right - name.width * (1 - right) / 2
                y = name.at[1] + scale * step * up * (0.8 if right else 1) - name.height * (1 - up) / 2
                box = (x, y, x + name.width, y + name.height)
                rated.append((_cost(box, frame, [*written, *found.values()], marks, drawn) + 0.4 * step, box))
        found[place] = min(rated, key=lambda own: own[0])[1]
    return [found[place] for place in range(len(names))]


def tip(name: Name, box: Box, scale: float = 1.0) -> tuple[float, float] | None:
    """Where a line from the point to its name ends; None where the name is near enough to need none."""
    x, y = (min(max(at, low), high) for at, low, high in zip(name.at, box[:2], box[2:], strict=True))
    near = float(np.hypot(x - name.at[0], y - name.at[1])) <= 15 * scale
    return None if near or name.kind != "mark" else (x, y)


def beside(ax, labels: Sequence[Label], size: float = 7) -> None:
    """Each name where it covers least. Call it when the limits are set and everything else is drawn."""
    canvas = _laid_out(ax)
    renderer, scale = canvas.canvas.get_renderer(), canvas.dpi / 72
    drawn, texts, names = _drawn(ax), [], []
    taken = [_edges(text.get_window_extent(renderer)) for text in ax.texts if text.get_text()]
    for label in labels:
        heavy = {"fontweight": "bold", "fontsize": size + 1.5} if label.kind == "line" else {"fontsize": size}
        look = {"textcoords": "offset points", "color": label.colour, "zorder": 8, **heavy}
        texts.append(ax.annotate(label.text, (label.x, label.y), (0, 0), **look))
        box, at = texts[-1].get_window_extent(renderer), ax.transData.transform((label.x, label.y))
        names.append(Name((float(at[0]), float(at[1])), box.width, box.height, label.kind))
    boxes = lay(names, _edges(ax.get_window_extent(renderer)), drawn, scale, taken)
    for label, written, name, box in zip(labels, texts, names, boxes, strict=True):
        written.set_position(((box[0] - name.at[0]) / scale, (box[1] - name.at[1]) / scale))
        if end := tip(name, box, scale):
            x, y = ax.transData.inverted().transform(end)
            ax.plot([label.x, x], [label.y, y], color=label.colour, lw=0.5, alpha=0.7, zorder=2)


def _laid_out(ax):
    """The figure, after its layout has found its place for the axes."""
    canvas = ax.figure
    if (engine := canvas.get_layout_engine()) is not None:
        engine.execute(canvas)
    return canvas


def _edges(box) -> Box:
    left, lower, right, upper = (float(edge) for edge in box.extents)
    return left, lower, right, upper


def _drawn(ax) -> np.ndarray:
    """Points along what the axes show, in pixels."""
    found = [np.zeros((0, 2))]
    for line in ax.lines:
        points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
        if len(points) > 1:
            steps = np.linspace(0, len(points) - 1, max(200, len(points)))
            found.append(np.column_stack([np.interp(steps, np.arange(len(points)), axis) for axis in points.T]))
    for bars in (own for own in ax.collections if hasattr(own, "get_segments")):
        known = [segment for segment in bars.get_segments() if len(segment)]  # an unknown error has no bar
        found += [ax.transData.transform(np.linspace(segment[0], segment[-1], 40)) for segment in known]
    return np.concatenate(found)


def _cost(box: Box, frame: Box, taken: Sequence[Box], marks: np.ndarray, drawn: np.ndarray) -> float:
    x0, y0, x1, y1 = box
    out = max(frame[0] - x0, 0) + max(frame[1] - y0, 0) + max(x1 - frame[2], 0) + max(y1 - frame[3], 0)
    covered = sum(max(min(x1, b[2]) - max(x0, b[0]), 0) * max(min(y1, b[3]) - max(y0, b[1]) + 1, 0) for b in taken)

    def inside(points: np.ndarray, room: float) -> int:
        if not len(points):
            return 0
        x, y = points.T
        return int(((x > x0 - room) & (x < x1 + room) & (y > y0 - room) & (y < y1 + room)).sum())

    return 5 * out + 2 * covered + 60 * inside(marks, 6) + 3 * min(inside(drawn, 1), 60)


def _share(ax, y: float) -> float:
    """How far up the axes a value stands, from 0 to 1."""
    return float(np.clip(ax.transAxes.inverted().transform(ax.transData.transform((ax.get_xlim()[0], y)))[1], 0, 1))
