"""Training runs read back from the folders of llm.compare and llm.train, with the forecast made before each."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from figures.kinds import Folder, read_json
from figures.run_folder import read_metrics

QUANTITIES = ("accuracy", "length", "log_p", "entropy", "kl")
COLUMNS = ("arm", "seed", "quantity", "base", "forecast", "low", "high", "reliable", "run", "run_se")


class Run(NamedTuple):
    """One finished run. forecast, base and final are records: quantity -> value, with _low, _high, _reliable or _se."""

    arm: str
    regime: str
    alpha: float | None
    beta: float | None
    forecast: dict[str, Any]
    base: dict[str, float]
    final: dict[str, float]
    summary: dict[str, Any]
    folder: Path

    def metrics(self) -> pd.DataFrame:
        return pd.DataFrame(read_metrics(self.folder))


class Study(NamedTuple):
    """The finished runs of one model; results is a row for each arm, seed and quantity."""

    name: str
    model: str
    runs: list[Run]
    results: pd.DataFrame
    unfinished: list[str]  # arms that were forecast and have no finished run

    @property
    def regimes(self) -> dict[str, str]:
        """arm -> regime, in the order of the runs; an arm that was not trained (a sampler) stands for itself."""
        trained = {run.arm: run.regime for run in self.runs}
        return trained | {arm: arm for arm in self.results["arm"].unique() if arm not in trained}


def read_study(folder: Folder) -> Study:
    """The runs of a folder of llm.compare, or the one run of a folder of llm.train."""
    if folder.kind == "llm.train":
        run = _read_run(folder.path, folder.name, None)
        return Study(folder.name, _model(folder.path), [run], _results([run]), [])
    forecasts = read_json(folder.path / "forecast.json")["arms"]
    runs = []
    for arm, forecast in forecasts.items():
        finished = sorted((folder.path / "runs" / arm).glob("seed*/summary.json"))
        runs += [_read_run(path.parent, arm, forecast) for path in finished]
    if not runs:
        raise ValueError(f"RUN {folder.path} has no finished run yet; start llm.compare again, it goes on")
    results = _read_results(folder.path / "results.parquet")
    unfinished = [arm for arm in forecasts if arm not in set(results["arm"])]
    return Study(folder.name, _model(folder.path), runs, results, unfinished)


def _read_run(path: Path, arm: str, forecast: dict | None) -> Run:
    summary = read_json(path / "summary.json")
    try:
        forecast = forecast or summary["forecast"]
        run = Run(
            arm,
            *(summary[name] for name in ("regime", "alpha", "beta")),
            *(forecast, summary["base"], summary["final"], summary, path),
        )
        _results([run])  # every number that is drawn is there
    except KeyError as error:
        raise ValueError(f"RUN {path} has a summary.json without {error}; it was written by another version") from None
    return run


def _read_results(path: Path) -> pd.DataFrame:
    try:
        results = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow raises a ValueError for what is no Parquet
        raise ValueError(f"RUN file {path} cannot be read ({error}); start llm.compare again") from None
    missing = [name for name in COLUMNS if name not in results]
    if missing:
        raise ValueError(f"RUN file {path} has no column {missing[0]!r}; it was written by another version")
    return results[results["quantity"].isin(QUANTITIES)]


def _model(path: Path) -> str:
    return str(read_json(path / "config.json").get("model") or "a model")


def _results(runs: list[Run]) -> pd.DataFrame:
    rows = [
        {
            "arm": run.arm,
            "seed": run.folder.name,
            "quantity": quantity,
            "base": run.base[quantity],
            "forecast": run.forecast[quantity],
            "low": run.forecast[f"{quantity}_low"],
            "high": run.forecast[f"{quantity}_high"],
            "reliable": run.forecast[f"{quantity}_reliable"],
            "run": run.final[quantity],
            "run_se": run.final[f"{quantity}_se"],
        }
        for run in runs
        for quantity in QUANTITIES
    ]
    return pd.DataFrame(rows)
