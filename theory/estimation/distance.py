"""One run and its optimum: the forecast of where it ends, and how far from there it ended."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from llm.rollout_table import from_table
from theory.estimation.forecast import forecast
from theory.estimation.reweight import Target, log_tilt


def forecast_optimum(base: pd.DataFrame, target: Target, seed: int = 0) -> dict[str, Any]:
    """The record of theory.estimation.forecast for one optimum: exact where it can be, else reweighted."""
    return forecast(from_table(base), [target], np.random.default_rng(seed))[0]


def distance_to_optimum(base: pd.DataFrame, run: pd.DataFrame, target: Target) -> tuple[float, float]:
    """KL(pi || q) of a run to the optimum q ∝ p e^t, and its standard error over prompts; no limit.    [T1]

    KL(pi || q) = E_pi[log pi - l - t] + log Z, Z = E_p[e^t]: the first from the run's rollouts, Z from the base
    model's. Z is too small when no base sample reaches the mass of q, so that a distance may come out negative; it is
    then not known to be anything but small.
    """
    # Prompts in the base model's order, so that both tables are read row by row as they stand.
    place = {prompt_id: number for number, prompt_id in enumerate(pd.unique(base["prompt_id"]))}
    run = run.sort_values("prompt_id", key=lambda ids: ids.map(place), kind="stable")
    of_base, of_run = from_table(base), from_table(run)
    tilt = log_tilt(of_base, target)
    log_z = np.array([logsumexp(part) for part in np.split(tilt, of_base.start[1:])]) - np.log(of_base.count)
    log_ratio = run["log_pi"].to_numpy(float) - of_run.log_p
    gaps = of_run.mean(log_ratio - log_tilt(of_run, target, base=of_base)) + log_z
    return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
