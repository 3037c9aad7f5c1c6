"""Forecasts read back from the folders of llm.forecast, and which of them belongs to a study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from figures.study.runs import Study
from harness.run_kind import Folder, read_json

METHODS = ("exact", "counts", "psis", "power-smc")  # the best first
TARGET = ("line", "alpha", "b", "kappa", "length_control")
NEEDED = ("forecasts", "plane", "verdict", "diagnosis")


class ForecastFolder(NamedTuple):
    """A folder of llm.forecast: one record a target on each of its lines, those of its plane, and the whole file."""

    name: str
    model: str | None
    rollouts: Path | None
    lines: dict[str, list[dict[str, Any]]]
    plane: list[dict[str, Any]]
    content: dict[str, Any]


class PlaneGrid(NamedTuple):
    """The records of a plane in order: rows[b][alpha]. It is a mere line where one of the axes has a single value."""

    alphas: list[float]
    bs: list[float]
    rows: list[list[dict[str, Any]]]

    @property
    def is_line(self) -> bool:
        return min(len(self.alphas), len(self.bs)) < 2

    def values(self, name: str) -> np.ndarray:
        """bs × alphas; null in the file is nan."""
        return np.array([[record[name] for record in row] for row in self.rows], dtype=float)


def read_forecast(folder: Folder) -> ForecastFolder:
    """Exact records where there are some, else counted or reweighted ones: the expansion is a second opinion only."""
    content, config = read_json(folder.path / "forecast.json"), read_json(folder.path / "config.json")
    missing = [name for name in NEEDED if name not in content]
    if missing or any("length_low" not in record for record in content["plane"]):
        lacks = missing[0] if missing else "lengths in its plane"
        raise ValueError(f"RUN {folder.path} has a forecast.json without {lacks}; run llm.forecast again")
    kept = _best(content["forecasts"])
    lines = {line: [r for r in kept if r["line"] == line] for line in ("alpha", "b", "point", "limit")}
    rollouts = Path(config["rollouts"]) if config.get("rollouts") else None
    return ForecastFolder(folder.name, config.get("model"), rollouts, lines, content["plane"], content)


def _best(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One record a target, by the best method that tells it, or else by the best; in the order of the file."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for told in (True, False):
        for method in METHODS:
            for own in records:
                if own["method"] == method and (own.get("reliable", True) or not told):
                    found.setdefault(tuple(own.get(name) for name in TARGET), own)
    return [own for own in records if any(own is kept for kept in found.values())]


def forecast_of(study: Study, forecasts: Sequence[ForecastFolder]) -> ForecastFolder | None:
    """The forecast made from this study's own base rollouts, or else from its model."""
    own = [forecast for forecast in forecasts if forecast.rollouts and _is_base_of(study, forecast.rollouts)]
    return next(iter([*own, *(forecast for forecast in forecasts if forecast.model == study.model)]), None)


def grid(plane: Sequence[dict[str, Any]]) -> PlaneGrid:
    alphas, bs = (sorted({record[name] for record in plane}) for name in ("alpha", "b"))
    at = {(record["alpha"], record["b"]): record for record in plane}
    return PlaneGrid(alphas, bs, [[at[alpha, b] for alpha in alphas] for b in bs])


def _is_base_of(study: Study, rollouts: Path) -> bool:
    """rollouts: a table or a folder, as it was typed; of a relative path what counts is how the study's own ends.

    So it is found again from another working folder, and where the runs were moved together. A single name, such as
    base, says too little for that: it has to be there.
    """
    typed, place = rollouts.parts, rollouts.resolve()
    given = () if study.given is None else (study.given.resolve(), study.given.resolve().parent)
    if study.folder in (place, *place.parents) or place in given:
        return True
    own = [study.folder, study.base, study.base.parent, *given]
    return not rollouts.is_absolute() and len(typed) > 1 and any(known.parts[-len(typed) :] == typed for known in own)
