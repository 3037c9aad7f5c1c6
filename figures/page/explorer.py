"""Two sliders over a forecast's plane: the markup and the grid of numbers that page.js moves on."""

from typing import Any

from figures.gallery import Forecast
from figures.page.markup import element, script_data, text

LABELS = ("power α on the reference", "weight b = 1/β of the task reward")


def grid(plane: list[dict[str, Any]]) -> dict[str, Any]:
    """{alphas, bs, grid}: grid[b][alpha] = {quantity: {value, low, high}, or None where it cannot be told}."""
    alphas, bs = (sorted({record[name] for record in plane}) for name in ("alpha", "b"))
    at = {(record["alpha"], record["b"]): record for record in plane}
    rows = [[{name: _number(at[alpha, b], name) for name in ("accuracy", "length")} for alpha in alphas] for b in bs]
    return {"alphas": alphas, "bs": bs, "grid": rows}


def _number(record: dict[str, Any], quantity: str) -> dict[str, float] | None:
    ends = {name: record[quantity + end] for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))}
    return ends if record[f"{quantity}_reliable"] and None not in ends.values() else None


def explorer(forecast: Forecast) -> str:
    """Nothing where the plane is only a line: two sliders need two axes."""
    data = grid(forecast.content["plane"])
    if min(len(data["alphas"]), len(data["bs"])) < 2:
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
        script_data(data),
        class_="explorer",
    )
