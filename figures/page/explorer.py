"""Two sliders over a forecast's plane: the markup and the grid of numbers that page.js moves on."""

from typing import Any

from figures.page.markup import element, script_data, text
from figures.study.forecasts import ForecastFolder, PlaneGrid, grid
from figures.study.words import known

LABELS = ("power α on the reference", "weight b = 1/β of the task reward")


def told(plane: PlaneGrid) -> dict[str, Any]:
    """{alphas, bs, grid}: grid[b][alpha] = {quantity: {value, low, high}, or None where it cannot be told}."""
    rows = [[{name: _number(record, name) for name in ("accuracy", "length")} for record in row] for row in plane.rows]
    return {"alphas": plane.alphas, "bs": plane.bs, "grid": rows}


def _number(record: dict[str, Any], quantity: str) -> dict[str, float] | None:
    ends = {name: record[quantity + end] for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))}
    return ends if record[f"{quantity}_reliable"] and known(*ends.values()) else None


def explorer(forecast: ForecastFolder) -> str:
    """Nothing where the plane is only a line: two sliders need two axes."""
    plane = grid(forecast.plane)
    if plane.is_line:
        return ""
    sliders = (
        element("label", text(f"{label}: "), element("output"))
        + f'<input type="range" min="0" max="1" step="0.01" aria-label="{text(label)}">'
        for label in LABELS
    )
    results = (element("p", f"{name}: ", element("output", aria_live="polite")) for name in ("accuracy", "length"))
    return element(
        "section",
        element("p", element("b", "Move α and b"), " and read what the forecast says, with its 95 % interval."),
        *sliders,
        *results,
        '<svg role="img" aria-label="the plane: α to the right, b upwards"></svg>',
        element("p", "Tiles: the forecast's grid, light where accuracy is high, crossed where it cannot tell."),
        script_data(told(plane)),
        class_="explorer",
    )
