"""Following a run with base rollouts: one number of the run says where on its line it stands, theory says the rest.

The tabular flow of an objective stays on a straight line of the (alpha, b) plane [T8]. The mean of l under the run's
own policy (the KL where the objective does not sharpen) identifies the point; accuracy, length and entropy should then
be those of that point, with nothing left to fit [T23]. Where a network leaves the line is a measurement.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from harness.run_folder import read_metrics
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts
from theory.objectives import Objective, regime

WINDOW = 5  # steps averaged: a batch of 128 responses has a standard error of 4 points
POINTS = 48
COLUMNS = {"accuracy": "accuracy", "length": "length", "entropy": "sequence_entropy"}  # quantity -> metrics.jsonl


def line_points(objective: Objective) -> list[Target]:
    """Points on the line from the base model to the optimum and a fifth beyond it; far out where it has no end."""
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    if tau > 0:
        alpha, b = objective.target
        direction, parameters = (alpha - 1, b), np.linspace(0, 1.2, POINTS)
    else:
        direction, parameters = (c, w), np.concatenate([[0], np.geomspace(0.01, 40, POINTS - 1)])
    return [Target(max(1 + u * direction[0], 0.0), u * direction[1]) for u in parameters]


def follow(rollouts: Rollouts, run: Path) -> pd.DataFrame:
    """A row a step: measured (window mean), the coordinate that it implies, and the prediction at that coordinate."""
    try:
        config = json.loads((run / "config.json").read_text())
        objective = regime(config["regime"], alpha=config["alpha"], beta=config["beta"])
        metrics = pd.DataFrame(read_metrics(run))
        needed = metrics[["step", "log_p", "sequence_kl", *COLUMNS.values()]]
    except (OSError, KeyError) as error:
        raise ValueError(
            f"--run {run} is not a run folder of llm.train with steps in metrics.jsonl ({error})"
        ) from None
    measured = needed.set_index("step").rolling(WINDOW, center=True, min_periods=1).mean().reset_index()

    targets = line_points(objective)
    estimates = [reweight(rollouts, target) for target in targets]
    curve = {name: np.array([e.value[name].mean() for e in estimates]) for name in ("log_p", "kl", *COLUMNS)}
    # On a line with alpha > 1 the mean of l only rises (T2); where only b moves it need not, but the KL does.
    moves_alpha = targets[-1].alpha != 1 and targets[-1].b == 0
    by, own = ("log_p", "log_p") if moves_alpha else ("kl", "sequence_kl")
    known = np.maximum.accumulate(curve[by]) if curve[by][-1] > curve[by][0] else np.minimum.accumulate(curve[by])
    order = np.argsort(known, kind="stable")
    position = np.interp(measured[own], known[order], np.arange(POINTS)[order])

    def at(values):
        return np.interp(position, np.arange(POINTS), values)

    table = {"step": measured["step"], "alpha": at([t.alpha for t in targets]), "b": at([t.b for t in targets])}
    for name, column in COLUMNS.items():
        table[name] = measured[column]
        table[f"{name}_predicted"] = at(curve[name])
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
