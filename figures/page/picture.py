"""The frontier as a drawing inside the page, wide and narrow, with a point that the slider moves."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from figures.direct_labels import Box, Name, lay, tip
from figures.llm.arms import Look, spoken
from figures.llm.frontier import ALL_CORRECT, LINES, Panel, extent
from figures.page.markup import element
from figures.page.slider import slider
from figures.page.svg import mark, outline, path, short, word
from figures.study.frontier import REWARD, Curve
from figures.study.words import known
from figures.style import COLOURS, INK, QUIET


class Frame(NamedTuple):
    """Where the axes lie in a drawing, and what they show. Upwards is positive until the very end."""

    kind: str  # "wide" or "narrow": its class in the page
    width: float
    height: float
    size: float  # of the letters
    limits: tuple[float, float, float]

    @property
    def box(self) -> Box:
        """Left, top, right, lower edge of the axes, from the upper left corner of the drawing."""
        return 4.0 * self.size, 0.8 * self.size, self.width - 0.8 * self.size, self.height - 3.6 * self.size

    def x(self, kl: float) -> float:
        left, _, right, _ = self.box
        return left + (right - left) * kl / self.limits[0]

    def y(self, accuracy: float) -> float:
        _, top, _, bottom = self.box
        _, low, high = self.limits
        return bottom - (bottom - top) * (accuracy - low) / (high - low)


def picture(panel: Panel, looks: dict[str, Look], alt: str) -> str:
    """Two drawings, of which a style sheet shows one, and the slider's places; nothing without a line to draw."""
    if not panel.curves:
        return ""
    limits = extent([panel])
    frames = [Frame("wide", 720, 400, 13, limits), Frame("narrow", 360, 300, 11, limits)]
    drawn = (_drawing(frame, panel, looks, alt) for frame in frames)
    return "".join(drawn) + slider(panel)


def _drawing(frame: Frame, panel: Panel, looks: dict[str, Look], alt: str) -> str:
    pieces = [*_axes(frame), *_unreachable(frame, panel.curves)]
    for name, curve in panel.curves.items():
        pieces += _line(frame, curve, COLOURS[LINES[name][0]])
    base = frame.y(panel.base)
    pieces.append(path([(frame.box[0], base), (frame.box[2], base)], "#5C5C5C", 1, dash="1 4"))
    for end in panel.ends:
        pieces += _run(frame, end, looks[end.arm], end.arm in panel.waiting)
    pieces.append(f'<circle cx="{short(frame.x(0))}" cy="{short(base)}" r="7" fill="#000"/>')
    pieces += _names(frame, panel, looks)
    pieces.append('<circle class="at" r="8" fill="none" stroke="#1a1a1a" stroke-width="3"/>')
    view = f"0 0 {frame.width:g} {frame.height:g}"
    axes = " ".join(short(value) for value in (*frame.box, *frame.limits))
    look = {"class_": f"frontier {frame.kind}", "viewBox": view, "role": "img", "aria_label": alt, "data_axes": axes}
    return element("svg", *pieces, **look)


def _axes(frame: Frame) -> list[str]:
    left, _, right, bottom = frame.box
    across, low, high = frame.limits
    found = []
    for value in _ticks(low, high, 6):
        y = frame.y(value)
        found.append(path([(left, y), (right, y)], "#E4E4E4", 1))
        found.append(word(f"{100 * value:.0f} %", left - 6, y + 0.35 * frame.size, frame.size * 0.92, QUIET, "end"))
    for value in _ticks(0, across, 5):
        found.append(word(f"{value:g}", frame.x(value), bottom + 1.3 * frame.size, frame.size * 0.92, QUIET, "middle"))
    words = "distance from the base model, KL in nats"
    found.append(word(words, (left + right) / 2, bottom + 2.8 * frame.size, frame.size * 0.92, QUIET, "middle"))
    return found


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values within the limits."""
    raw = (high - low) / most
    size = 10 ** np.floor(np.log10(raw))
    step = next(size * part for part in (1, 2, 5, 10) if size * part >= raw - 1e-12)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(round(k * step, 10)) for k in range(first, last + 1)]


def _unreachable(frame: Frame, curves: dict[str, Curve] | Any) -> list[str]:
    """Above the reward's line, to the edge where nothing is left to gain.    [T5]"""
    reward = curves.get(REWARD)
    if reward is None or not reward.told.any():
        return []
    kl, accuracy = reward.kl[reward.told], reward.accuracy[reward.told]
    done, edge = accuracy[-1] > ALL_CORRECT, frame.limits[0]
    points = [(frame.x(k), frame.y(a)) for k, a in zip(kl, accuracy, strict=True) if k <= edge]
    end = (frame.x(edge), points[-1][1])
    top = frame.box[1]
    closed = [*points, *([end] if done else []), ((end if done else points[-1])[0], top), (points[0][0], top)]
    found = [f'<path d="{outline(closed)}Z" fill="#EEEEEE"/>']
    found.append(path([points[-1], end], COLOURS["tilted"], 2.5, dash="" if done else "6 4", faded=not done))
    if done and frame.y(1) - top > frame.size:
        middle = (top + frame.y(1)) / 2 + 0.35 * frame.size
        words = "no policy can be up here"
        found.append(word(words, frame.x(0.6 * edge), middle, frame.size * 0.92, INK, "middle", "italic"))
    return found


def _line(frame: Frame, curve: Curve, colour: str) -> list[str]:
    """The band where it can be told; the line solid there, faded and dashed elsewhere."""
    found = []
    shown = [i for i in range(len(curve.kl)) if curve.kl[i] <= frame.limits[0]]
    sure = [i for i in shown if curve.told[i] and known(curve.low[i], curve.high[i])]
    if len(sure) > 1:
        up = [(frame.x(curve.kl[i]), frame.y(min(curve.high[i], frame.limits[2]))) for i in sure]
        down = [(frame.x(curve.kl[i]), frame.y(max(curve.low[i], frame.limits[1]))) for i in reversed(sure)]
        found.append(f'<path d="{outline(up + down)}Z" fill="{colour}" fill-opacity="0.16"/>')
    points = [(frame.x(curve.kl[i]), frame.y(curve.accuracy[i])) for i in shown]
    told = [bool(curve.told[i] and curve.told[j]) for i, j in itertools.pairwise(shown)]
    start = 0
    for solid, stretch in itertools.groupby(told):
        stop = start + len(list(stretch))
        dash = "" if solid else "6 4"
        found.append(path(points[start : stop + 1], colour, 2.5, dash=dash, faded=not solid))
        start = stop
    return found


def _run(frame: Frame, end: Any, look: Look, waiting: bool) -> list[str]:
    """A mark with its bars; half full where the arm is on its way."""
    x, y = frame.x(min(end.kl, frame.limits[0])), frame.y(end.accuracy)
    bar_x, bar_y = (frame.x(2 * end.kl_error) - frame.x(0)), frame.y(0) - frame.y(2 * end.error)
    found = [
        path([(x - bar_x, y), (x + bar_x, y)], look.colour, 1.2),
        path([(x, y - bar_y), (x, y + bar_y)], look.colour, 1.2),
    ]
    shape = mark(look.marker, x, y)
    if not shape:
        return found
    stroke = look.colour if waiting or look.marker in ("x", "+", "1") else "#fff"
    width = 2 if look.marker in ("x", "+", "1") else 1
    opacity = ' fill-opacity="0.35"' if waiting else ""
    return [*found, f'<path d="{shape}" fill="{look.colour}" stroke="{stroke}" stroke-width="{width}"{opacity}/>']


def _names(frame: Frame, panel: Panel, looks: dict[str, Look]) -> list[str]:
    """What each mark and line is called, where there is room for it."""
    size, written = frame.size, []
    across, low, _ = frame.limits
    written.append((0.98 * across, panel.base, "base model", QUIET, "end", size * 0.92))
    for name, curve in panel.curves.items():
        inside = curve.told & (curve.kl <= across) & (curve.accuracy >= low)
        if inside.any():
            regime, label = LINES[name]
            place = int((abs(curve.kl - 0.5 * curve.kl[inside].max()) + 1e9 * ~inside).argmin())
            written.append((curve.kl[place], curve.accuracy[place], label, COLOURS[regime], "line", size * 1.12))
    for end in panel.ends:
        said = spoken(end.arm) + (", on its way" if end.arm in panel.waiting else "")
        written.append((min(end.kl, across), end.accuracy, said, looks[end.arm].colour, "mark", size * 0.92))
    names = [
        Name((frame.x(x), -frame.y(y)), 0.56 * own * len(said), 1.1 * own, kind) for x, y, said, _, kind, own in written
    ]
    left, top, right, bottom = frame.box
    boxes = lay(names, (left, -bottom, right, -top), _dots(frame, panel), size / 9)
    found = []
    for laid, box, (_, _, said, colour, kind, own) in zip(names, boxes, written, strict=True):
        if where := tip(laid, box, size / 9):
            found.append(path([(laid.at[0], -laid.at[1]), (where[0], -where[1])], colour, 0.8))
        weight = "bold" if kind == "line" else ""
        found.append(word(said, box[0], -box[1] - 0.2 * own, own, colour, "start", "", weight))
    return found


def _dots(frame: Frame, panel: Panel) -> np.ndarray:
    """Points along the lines, upwards positive."""
    base = -frame.y(panel.base)
    found = [np.column_stack([np.linspace(frame.box[0], frame.box[2], 200), np.full(200, base)])]
    for curve in panel.curves.values():
        kl = np.linspace(curve.kl.min(), curve.kl.max(), 200)
        accuracy = np.interp(kl, curve.kl, curve.accuracy)
        found.append(np.array([(frame.x(k), -frame.y(a)) for k, a in zip(kl, accuracy, strict=True)]))
    for end in panel.ends:
        reach = np.linspace(-2, 2, 20)
        found.append(np.array([(frame.x(end.kl + r * end.kl_error), -frame.y(end.accuracy)) for r in reach]))
        found.append(np.array([(frame.x(end.kl), -frame.y(end.accuracy + r * end.error)) for r in reach]))
    return np.concatenate(found)
