"""One run and its optimum: the forecast of where it ends, and how far from there it ended."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from llm.forecasting import forecast, target_of
from llm.rollout_file import from_table
from theory.objectives import Objective


def forecast_optimum(base: pd.DataFrame, objective: Objective, kappa: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """The record of llm.forecasting for the optimum of one objective: exact where it can be, else reweighted."""
    return forecast(from_table(base), [target_of(objective, kappa)], np.random.default_rng(seed))[0]


def distance_to_optimum(
    base: pd.DataFrame, run: pd.DataFrame, objective: Objective, kappa: float = 0.0
) -> tuple[float, float]:
    """KL(pi || q) of a run to the optimum q ∝ p e^t, and its standard error over prompts; tau > 0.    [T1]

    KL(pi || q) = E_pi[log pi - l - t] + log Z, Z = E_p[e^t]: the first from the run's rollouts, Z from the base
    model's. Z is too small when no base sample reaches the mass of q, so that a distance may come out negative; it is
    then not known to be anything but small.
    """
    gaps = []
    for prompt_id, group in run.groupby("prompt_id", sort=False):
        tilt = _tilt(base[base["prompt_id"] == prompt_id], objective, kappa)
        log_z = logsumexp(tilt) - np.log(len(tilt))
        gaps.append((group["log_pi"] - group["log_p"] - _tilt(group, objective, kappa)).mean() + log_z)
    return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))


def _tilt(group: pd.DataFrame, objective: Objective, kappa: float) -> np.ndarray:
    """t = log q - log p + log Z = (alpha - 1) l/|y|^kappa + b r."""
    alpha, b = objective.target
    return ((alpha - 1) * group["log_p"] / group["length"] ** kappa + b * group["reward"]).to_numpy(float)
