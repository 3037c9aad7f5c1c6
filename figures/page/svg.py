"""Pieces of a drawing in SVG: lines, words, and the marks of matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.page.markup import text


def path(points: Sequence[tuple[float, float]], colour: str, width: float, dash: str = "", faded: bool = False) -> str:
    more = (f' stroke-dasharray="{dash}"' if dash else "") + (' opacity="0.45"' if faded else "")
    return f'<path d="{outline(points)}" fill="none" stroke="{colour}" stroke-width="{width:g}"{more}/>'


def word(
    said: str, x: float, y: float, size: float, colour: str, anchor: str = "start", slant: str = "", weight: str = ""
) -> str:
    place = f'x="{short(x)}" y="{short(y)}" font-size="{short(size)}" fill="{colour}" text-anchor="{anchor}"'
    more = (f' font-style="{slant}"' if slant else "") + (f' font-weight="{weight}"' if weight else "")
    return f"<text {place}{more}>{text(said)}</text>"


def outline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points)


def short(value: float) -> str:
    return f"{value:.5g}"


def mark(marker: Any, x: float, y: float, radius: float = 6.0) -> str:
    """A matplotlib mark as the outline of an SVG path, so that an arm has the same mark in every figure."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    scale = radius / max(float(np.abs(path.vertices).max()), 1e-9)
    found = []
    for polygon in path.to_polygons(closed_only=False):
        points = [(x + scale * px, y - scale * py) for px, py in np.asarray(polygon, float)]
        found.append(outline(points) + ("Z" if style.is_filled() else ""))
    return "".join(found)
