"""The slider on the frontier: one place a point of its lines, told in α and β."""

from typing import Any

import numpy as np

from figures.llm.frontier import Panel
from figures.page.markup import element, script_data, text
from figures.study.frontier import REWARD, SHARPENING
from figures.study.words import known


def slider(panel: Panel) -> str:
    """One place a point of the lines: the strongest reward first, the base model between, the sharpest last."""
    points = places(panel)
    start = next(i for i, point in enumerate(points) if point["x"] == 0)
    said = text(points[start]["text"])
    moved = f'<input type="range" min="0" max="{len(points) - 1}" value="{start}" step="1" aria-valuetext="{said}">'
    words = "Move along the lines: a task reward to the left, sharpening to the right"
    return element(
        "div",
        element("label", words, moved),
        element("output", said),
        script_data(points, class_="places"),
        class_="slider",
    )


def places(panel: Panel) -> list[dict[str, Any]]:
    """{x, y, text} of each place, x in nats; text is what it says of α, β and accuracy."""
    reward, sharpened = (_points(panel, name) for name in (REWARD, SHARPENING))
    base = {"x": 0.0, "y": panel.base, "text": f"α = 1, no reward: the base model, accuracy {100 * panel.base:.1f} %"}
    return [*reversed(reward), base, *sharpened]


def _points(panel: Panel, name: str) -> list[dict[str, Any]]:
    curve = panel.curves.get(name)
    if curve is None:
        return []
    found = []
    for kl, accuracy, low, high, told, at in zip(*curve, strict=True):
        if kl <= 0:
            continue
        said = f"{_objective(name, at)}: "
        if told:
            ends = f" [{100 * low:.1f}, {100 * high:.1f}]" if known(low, high) else ""
            said += f"accuracy {100 * accuracy:.1f} %{ends}, {kl:.2f} nats from the base model"
        else:
            said += "these samples cannot tell"
        found.append({"x": float(f"{kl:.4g}"), "y": float(f"{accuracy:.4g}"), "text": said})
    return found


def _objective(name: str, at: float) -> str:
    if name == SHARPENING:
        return "the likeliest of several samples" if np.isnan(at) else f"α = {at:.3g}, no reward".replace("inf", "∞")
    return "α = 1, β = 0" if np.isinf(at) else f"α = 1, β = {1 / at:.3g}" if at > 0 else "α = 1"
