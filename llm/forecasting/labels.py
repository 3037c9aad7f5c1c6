"""--labels: samples that somebody judged by hand, beside the verdicts of the reward that stands in the rollouts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from llm.forecasting.config import ForecastConfig
from llm.rollout_file import read_file
from llm.wording import interval, number
from theory.estimation.labelled import VerifierErrors, verifier_errors
from theory.estimation.records import Estimate

COLUMNS = ("prompt_id", "sample", "label")
WORDS = {"true": 1.0, "false": 0.0}


def errors_of_reward(config: ForecastConfig) -> VerifierErrors:
    """What the labels say of the reward as a verifier. ValueError: a file, or a row of it, that cannot be used."""
    assert config.labels is not None
    found = read_file(config.rollouts, config.column, config.answers)
    table = found.table
    if "sample" not in table:
        table = table.assign(sample=table.groupby("prompt_id", sort=False).cumcount())
    reward = pd.to_numeric(table["reward"], errors="coerce").to_numpy(float)
    known = "finished" in table and "finished" not in found.unknown
    finished = table["finished"].to_numpy(bool) if known else np.ones(len(table), bool)
    if not np.isin(reward, (0, 1)).all():
        raise ValueError(f"--labels {config.labels} needs rewards of 0 and 1, verdicts; those of ROLLOUTS lie between")
    prompt = pd.factorize(table["prompt_id"])[0]
    return verifier_errors(prompt, (reward == 1) & finished, _labels(config.labels, table))


def _labels(path: Path, rollouts: pd.DataFrame) -> Float[np.ndarray, " rows"]:
    """1 (right), 0 (wrong) or nan (not labelled), row by row of the rollouts."""
    table = _read(path)
    label = np.array([_label(value, row, path) for row, value in enumerate(table["label"], start=1)], float)
    place = {key: row for row, key in enumerate(_keys(rollouts))}
    found = np.full(len(rollouts), np.nan)
    for row, (key, value) in enumerate(zip(_keys(table), label, strict=True), start=1):
        if np.isnan(value):
            continue
        where = f"--labels {path} row {row}: prompt_id {key[0]}, sample {key[1]}"
        if key not in place:
            raise ValueError(f"{where} is not in ROLLOUTS; give both as they stand there")
        if not np.isnan(found[place[key]]):
            raise ValueError(f"{where} is labelled a second time; leave one of the two rows out")
        found[place[key]] = value
    if np.isnan(found).all():
        raise ValueError(f"--labels {path} has no label in it; write 1 (right) or 0 (wrong) into the column label")
    return found


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"--labels {path} is no file; give a table (CSV, JSONL or Parquet) of {', '.join(COLUMNS)}")
    try:
        if path.suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        elif path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_json(path, lines=True, dtype=False)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"--labels {path} could not be read ({reason}); it must be CSV, JSONL or Parquet") from None
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"--labels {path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    return table


def _label(value: Any, row: int, path: Path) -> float:
    """1, 0, true or false, in any spelling of a table; nan where nothing is written."""
    text = "" if value is None else str(value).strip().lower()
    if text in ("", "nan", "none", "<na>"):
        return np.nan
    try:
        known = WORDS[text] if text in WORDS else float(text)
    except ValueError:
        known = np.nan
    if known not in (0, 1):
        raise ValueError(f"--labels {path} row {row}: label is {value}, must be 1 (right), 0 (wrong) or empty")
    return known


def _keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["prompt_id"].astype(str), table["sample"].astype(str), strict=True))


def described(found: VerifierErrors) -> dict[str, Any]:
    """As forecast.json holds it."""
    told = {name: getattr(found, name) for name in ("precision", "recall", "accuracy", "end")}
    result: dict[str, Any] = {"labelled_accepted": found.accepted, "labelled_rejected": found.rejected}
    for name, own in told.items():
        result |= {name: own.value, f"{name}_low": own.low, f"{name}_high": own.high}
        result |= {f"{name}_reliable": own.reliable, f"{name}_doubts": list(own.doubts)}
    return result | {"sentence": sentence(found)}


def sentence(found: VerifierErrors) -> str:
    labels = f"{found.accepted} labels of what it accepts, {found.rejected} of what it rejects"
    if not found.end.reliable:
        return (
            f"Verifier: {found.end.doubts[0]}; nothing is told of how often it is wrong ({labels}). Label some of each "
            "kind of prompt, also of those that it rarely accepts."
        )
    recall = f"of the right ones it accepts {_share(found.recall)}" if found.recall.reliable else "its recall is open"
    return (
        f"Verifier: of what it accepts {_share(found.precision)} is right, {recall} ({labels}). Training on it, "
        f"however long, ends at {_share(found.end)} right on the prompts where it accepts anything, and it will say "
        "100 %."
    )


def _share(own: Estimate) -> str:
    return f"{number(100 * own.value, 0)} % {interval(100 * own.low, 100 * own.high, 0)}"
