"""How near the forecast of each arm came to its run, and how near the baselines did: one score for all.

A row for each arm, seed, quantity and guess (`forecast`, `at_own_place`, and the baselines): what was said, where the
run ended, and the absolute error. `at_own_place` is read off the line of the arm's objective where the run stands by
its own mean log p or KL, for runs that have not arrived: it is computed after the run and is no forecast of it.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from harness import run_folder, text_table
from llm.comparison.config import ARMS, TrainedArm
from llm.comparison.paired import responses_of
from llm.rollout_table import read
from theory.estimation.following import follow
from theory.estimation.samples import Rollouts
from theory.objectives import regime
from theory.vocabulary import LengthControl, Quantity

SCORED = (Quantity.ACCURACY, Quantity.LENGTH)
LOW_TEMPERATURE = "low-temperature-2"
Z = 1.96


def scores(folder: Path) -> pd.DataFrame:
    """Of a comparison's results.parquet, baselines.json and final rollouts; empty without a scored arm."""
    results = pd.read_parquet(folder / "results.parquet")
    said = json.loads((folder / "baselines.json").read_text())
    base = read(folder / "base")
    sampled = results[results["arm"] == LOW_TEMPERATURE].groupby("quantity")["run"].mean()
    rows = []
    for _, cell in results[results["quantity"].isin(SCORED) & results["forecast"].notna()].iterrows():
        guesses = {"forecast": cell["forecast"], "at_own_place": _at_own_place(base, folder, cell)}
        guesses |= {name: value[cell["quantity"]] for name, value in said[cell["arm"]].items()}
        guesses["low_temperature"] = sampled.get(cell["quantity"])
        error = sampling_error(folder / "runs" / cell["arm"] / f"seed{cell['seed']}", cell["quantity"])
        for guess, value in guesses.items():
            value = np.nan if value is None else float(value)
            rows.append(
                {
                    **{name: cell[name] for name in ("arm", "seed", "quantity", "base", "run", "not_arrived")},
                    "run_error": error,
                    "guess": guess,
                    "value": value,
                    "error": abs(value - cell["run"]),
                    "sign_right": np.sign(value - cell["base"]) == np.sign(cell["run"] - cell["base"]),
                    "reliable": bool(cell["reliable"]) if guess == "forecast" else None,
                    "inside": bool(cell["low"] - Z * error <= cell["run"] <= cell["high"] + Z * error)
                    if guess == "forecast"
                    else None,
                }
            )
    return pd.DataFrame(rows)


def sampling_error(run: Path, quantity: str) -> float:
    """Standard error of a run's mean at these very prompts: how prompts differ is shared with the forecast."""
    table = responses_of(run)
    by_prompt = table.groupby("prompt_id")["reward" if quantity == Quantity.ACCURACY else "length"]
    return float(np.sqrt((by_prompt.var(ddof=1) / by_prompt.size()).sum()) / len(by_prompt))


def _at_own_place(base: Rollouts, folder: Path, cell: pd.Series) -> float:
    """nan for arms whose line is not that of an objective in the plane: sampled ones and length control."""
    arm = ARMS[cell["arm"]]
    if not isinstance(arm, TrainedArm) or arm.kappa or arm.length_control != LengthControl.NONE or arm.alpha == 1:
        return np.nan
    summary = json.loads((folder / "runs" / cell["arm"] / f"seed{cell['seed']}" / "summary.json").read_text())
    objective = regime(arm.regime, alpha=arm.alpha, beta=arm.beta)
    log_p, kl = (np.array([summary["final"][name]]) for name in ("log_p", "kl"))
    return float(getattr(follow(base, objective, log_p, kl), cell["quantity"])[0])


def by_guess(table: pd.DataFrame) -> pd.DataFrame:
    """[guess, quantity]: cells with a value, median and largest error, share of signs called right."""
    known = table[table["value"].notna()]
    return known.groupby(["guess", "quantity"], sort=False).agg(
        cells=("error", "size"), median=("error", "median"), largest=("error", "max"), sign_right=("sign_right", "mean")
    )


def write_scores(folder: Path) -> None:
    """scores.parquet, and the table on the screen."""
    table = scores(folder)
    if table.empty:
        return
    run_folder.write(folder / "scores.parquet", table.to_parquet)
    rows = [
        (guess, quantity, f"{row['cells']:.0f}", *(f"{row[name]:.3f}" for name in ("median", "largest", "sign_right")))
        for (guess, quantity), row in by_guess(table).iterrows()
    ]
    header = ("guess", "quantity", "cells", "median error", "largest", "sign right")
    print(text_table.table(header, rows, text_table.width()), end="\n\n")
