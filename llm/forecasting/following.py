"""A run folder of llm.train beside the curve that base rollouts predict for it."""

import json
from pathlib import Path

import pandas as pd

from harness.run_folder import read_metrics
from theory.estimation.following import follow
from theory.estimation.samples import Rollouts
from theory.objectives import regime

WINDOW = 5  # steps averaged: a batch of 128 responses has a standard error of 4 points
COLUMNS = {"accuracy": "accuracy", "length": "length", "entropy": "sequence_entropy"}  # quantity -> metrics.jsonl


def follow_run(rollouts: Rollouts, run: Path) -> pd.DataFrame:
    """A row a step: measured (window mean), the coordinate that it implies, and the prediction at that coordinate."""
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
    followed = follow(rollouts, objective, log_p, kl)
    table = {"step": measured["step"], "alpha": followed.alpha, "b": followed.b}
    for name, column in COLUMNS.items():
        table[name] = measured[column]
        table[f"{name}_predicted"] = getattr(followed, name)
    return pd.DataFrame(table)


def on_the_curve(followed: pd.DataFrame, within: float = 0.05) -> dict[str, float]:
    """How far accuracy stays from the prediction along the run, and how long it stays within `within`."""
    gap = (followed["accuracy"] - followed["accuracy_predicted"]).abs()
    outside = followed["step"][gap > within]
    return {
        "share_within_5_points": float((gap <= within).mean()),
        "largest_gap": float(gap.max()),
        "largest_gap_step": int(followed["step"][gap.idxmax()]),
        "last_step_outside": int(outside.max()) if len(outside) else 0,
    }
