"""A run folder of llm.train beside the curve that base rollouts predict for it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from harness.run_folder import read_metrics
from theory.estimation.following import follow
from theory.estimation.samples import Rollouts
from theory.objectives import regime
from theory.vocabulary import LengthControl

WINDOW = 5  # steps averaged: a batch of 128 responses has a standard error of 4 points
COLUMNS = {"accuracy": "accuracy", "length": "length", "entropy": "sequence_entropy"}  # quantity -> metrics.jsonl

NUMBERS = ("share_within_5_points", "largest_gap", "largest_gap_step", "last_step_outside")


def follow_run(rollouts: Rollouts, run: Path) -> pd.DataFrame:
    """A row a step: measured (window mean), the coordinate that it implies, and the prediction at that coordinate.

    told: whether the rollouts have enough effective samples there. ValueError: no run folder of llm.train, or of a run
    whose way to its optimum base rollouts do not tell.
    """
    try:
        config = json.loads((run / "config.json").read_text())
        objective = regime(config["regime"], alpha=config["alpha"], beta=config["beta"])
        metrics = pd.DataFrame(read_metrics(run))
        needed = metrics[["step", "log_p", "sequence_kl", *COLUMNS.values()]]
    except (OSError, KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        raise ValueError(f"--run {run} is not a run folder of llm.train with steps in metrics.jsonl ({why})") from None
    measured = needed.set_index("step").rolling(WINDOW, center=True, min_periods=1).mean().reset_index()
    log_p, kl = (measured[name].to_numpy(float) for name in ("log_p", "sequence_kl"))
    kappa, control = config.get("kappa", 0.0), config.get("length_control", LengthControl.NONE)
    try:
        followed = follow(rollouts, objective, log_p, kl, kappa, control)
    except ValueError as error:
        raise ValueError(f"--run {run}: {error}; its optimum is forecast without --run") from None
    table = {"step": measured["step"], "alpha": followed.alpha, "b": followed.b}
    for name, column in COLUMNS.items():
        table[name] = measured[column]
        table[f"{name}_predicted"] = getattr(followed, name)
    return pd.DataFrame(table | {"ess": followed.ess, "told": followed.told})


def on_the_curve(followed: pd.DataFrame, within: float = 0.05) -> dict[str, Any]:
    """How far accuracy stays from the prediction, and how long within `within` of it, at the steps that can be told."""
    told = followed[followed["told"]]
    share = float(followed["told"].mean())
    if not len(told):
        said = (
            "The run: cannot be compared. At no step have these rollouts 5 effective samples a prompt where it stands; "
            "sample more responses to each prompt."
        )
        return {"share_told": share, "sentence": said} | dict.fromkeys(NUMBERS)
    gap = (told["accuracy"] - told["accuracy_predicted"]).abs()
    outside = told["step"][gap > within]
    where = "" if share == 1 else f" of the {100 * share:.0f} % where these rollouts can tell"
    farthest = int(told["step"][gap.idxmax()])
    numbers = (float((gap <= within).mean()), float(gap.max()), farthest, int(outside.max()) if len(outside) else 0)
    said = (
        f"The run: accuracy within {100 * within:.0f} points of the curve at {100 * numbers[0]:.0f} % of steps{where}, "
        f"farthest {100 * numbers[1]:.1f} points away at step {farthest}."
    )
    return {"share_told": share, "sentence": said} | dict(zip(NUMBERS, numbers, strict=True))
