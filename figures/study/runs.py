"""Training runs read back from the folders of llm.compare and llm.train, with the forecast made before each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.run_folder import read_metrics
from harness.run_kind import Folder, read_json
from theory.vocabulary import COMPARED

NUMBERS = ("base", "forecast", "low", "high", "run", "run_se")
COLUMNS = ("arm", "seed", "quantity", "reliable", *NUMBERS)
LENGTH_CONTROLLED, SAMPLER = "length-controlled", "sampler"


class TrainedRun(NamedTuple):
    """One finished run. forecast, base and final are records: quantity -> value, with _low, _high, _reliable or _se.

    A quantity that was not forecast is nan, and not reliable.
    """

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

    @property
    def family(self) -> str:
        """The regime; but what sharpens without its pull on length is a family of its own, off the (alpha, b) plane."""
        controlled = self.summary.get("kappa") or self.summary.get("length_control") not in (None, "none")
        return LENGTH_CONTROLLED if controlled else self.regime

    @property
    def is_sharpening(self) -> bool:
        """Sharpens without a reward and without control of length: p -> p^alpha, alpha > 1."""
        return self.family == "sharpening" or (self.family == "tempered" and (self.alpha or 1) > 1)

    @property
    def is_rewarded(self) -> bool:
        """A task reward and nothing else pulls it away from p."""
        return self.family in ("task", "tilted")


class Study(NamedTuple):
    """The finished runs of one model; results is a row for each arm, seed and quantity, samplers among them."""

    name: str
    folder: Path
    model: str
    runs: list[TrainedRun]
    results: pd.DataFrame
    base: Path  # rollouts of the base model on the held-out prompts
    rollouts: dict[str, list[Path]]  # arm -> those of its seeds on the same prompts, trained or sampled
    given: Path | None = None  # base rollouts of llm.sample that the run was told to forecast from
    unfinished: Sequence[str] = ()  # arms that were forecast and have no finished run
    diagnosis: Sequence[dict[str, Any]] = ()  # made before the runs; empty in older files
    quick: bool = False  # runs of --quick: a few steps, to see that everything works
    told: Mapping[str, Any] = MappingProxyType({})  # the forecast.json of the study itself

    @property
    def base_accuracy(self) -> float:
        return float(self.results.loc[self.results["quantity"] == "accuracy", "base"].iloc[0])

    @property
    def families(self) -> dict[str, str]:
        """arm -> family, in the order of the runs; an arm that was not trained is a sampler."""
        trained = {run.arm: run.family for run in self.runs}
        return trained | {arm: SAMPLER for arm in self.results["arm"].unique() if arm not in trained}


def by_arm(runs: list[TrainedRun]) -> dict[str, list[TrainedRun]]:
    """arm -> its runs, one a seed."""
    return {arm: [run for run in runs if run.arm == arm] for arm in dict.fromkeys(run.arm for run in runs)}


def read_study(folder: Folder) -> Study:
    """The runs of a folder of llm.compare, or the one run of a folder of llm.train."""
    config = read_json(folder.path / "config.json")
    model = str(config.get("model") or "a model")
    if folder.kind == "llm.train":
        run = read_run(folder.path, folder.name)
        rollouts = {run.arm: [run.folder / "final.parquet"]}
        given = Path(config["base"]) if config.get("base") else None
        return Study(
            folder.name, folder.path, model, [run], _results([run]), run.folder / "base.parquet", rollouts, given
        )
    content = read_json(folder.path / "forecast.json")
    forecasts = content["arms"]
    runs, rollouts = [], {}
    for arm in dict.fromkeys([*forecasts, *sorted(path.name for path in (folder.path / "runs").glob("*/"))]):
        finished = [path.parent for path in sorted((folder.path / "runs" / arm).glob("seed*/summary.json"))]
        trained = [path for path in finished if (path / "metrics.jsonl").exists() and (path / "final.parquet").exists()]
        runs += [read_run(path, arm, forecasts.get(arm)) for path in trained]
        sampled = [path / "rollouts.parquet" for path in finished if (path / "rollouts.parquet").exists()]
        rollouts[arm] = [path / "final.parquet" for path in trained] or sampled
    if not runs:
        raise ValueError(f"RUN {folder.path} has no finished run yet; start llm.compare again, it goes on")
    results = _read_results(folder.path / "results.parquet")
    return Study(
        folder.name,
        folder.path,
        model,
        runs,
        results,
        base=folder.path / "base" / "rollouts.parquet",
        rollouts={arm: paths for arm, paths in rollouts.items() if paths},
        unfinished=[arm for arm in forecasts if arm not in set(results["arm"])],
        diagnosis=content.get("diagnosis") or [],
        quick=bool(config.get("quick")),
        told=content,
    )


def read_run(path: Path, arm: str, forecast: dict[str, Any] | None = None) -> TrainedRun:
    """forecast: that of the study; without it the one that the run itself made."""
    return trained_run(read_json(path / "summary.json"), path, arm, forecast)


def trained_run(summary: dict[str, Any], path: Path, arm: str, forecast: dict[str, Any] | None = None) -> TrainedRun:
    """The run in the folder `path` that says this of itself. ValueError: a number that is drawn is not there."""
    try:
        run = TrainedRun(
            arm=arm,
            regime=summary["regime"],
            alpha=summary["alpha"],
            beta=summary["beta"],
            forecast=_with_nan(forecast or summary["forecast"], "", "_low", "_high"),
            base=_with_nan(summary["base"], ""),
            final=_with_nan(summary["final"], "", "_se"),
            summary=summary,
            folder=path,
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
    results = results[results["quantity"].isin(COMPARED)]
    numbers = {name: pd.to_numeric(results[name]) for name in NUMBERS}
    return results.assign(**numbers, reliable=results["reliable"].eq(True))  # an unknown one is not reliable


def _with_nan(record: dict[str, Any], *ends: str) -> dict[str, Any]:
    """null, in a JSON file, is nan for a quantity; of alpha and b it is the limit and stays."""
    names = [f"{quantity}{end}" for quantity in COMPARED for end in ends]
    return record | {name: np.nan for name in names if record[name] is None}


def _results(runs: list[TrainedRun]) -> pd.DataFrame:
    rows = [
        {
            "arm": run.arm,
            "seed": run.folder.name,
            "quantity": str(quantity),
            "base": run.base[quantity],
            "forecast": run.forecast[quantity],
            "low": run.forecast[f"{quantity}_low"],
            "high": run.forecast[f"{quantity}_high"],
            "reliable": run.forecast[f"{quantity}_reliable"],
            "run": run.final[quantity],
            "run_se": run.final[f"{quantity}_se"],
        }
        for run in runs
        for quantity in COMPARED
    ]
    return pd.DataFrame(rows)
