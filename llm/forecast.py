"""Where an objective ends, from base rollouts alone: reweight the samples of each prompt, then average over prompts.

From y_i ~ p, the optimum q ∝ p e^{t}, t = (alpha - 1) l/|y|^kappa + b r, is reached by the self-normalised weights
    w_i ∝ e^{t_i}    [T23; T20 for kappa]
(kappa = 0: q ∝ p^alpha e^{b r}), and with tau = 0, where the flow runs to a face of the simplex, by equal weights on
the samples with the largest w r + c l/|y|^kappa (the flow keeps p's proportions within the face, T8).
"""

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from theory.objectives import Objective


def forecast_optimum(rollouts: pd.DataFrame, objective: Objective, kappa: float = 0.0) -> dict[str, float]:
    """accuracy, length, log_p, kl, entropy at the optimum, each with NAME_se over prompts; and the sample sizes left.

    ess is the mean over prompts of 1/Σ w_i^2, to be read against samples, the number of draws a prompt has: where it
    is near 1 the forecast rests on one response a prompt and its error is not in the standard error.
    """
    rows = []
    for _, group in rollouts.groupby("prompt_id", sort=False):
        reweighted = _interior if objective.entropy_weight > 0 else _face
        weight, kl = reweighted(group, objective, kappa)
        log_p = weight @ group["log_p"].to_numpy(float)
        rows.append(
            {
                "accuracy": weight @ group["reward"].to_numpy(float),
                "length": weight @ group["length"].to_numpy(float),
                "log_p": log_p,
                "kl": kl,
                "entropy": -log_p - kl,
                "ess": 1 / np.sum(weight**2),
                "samples": len(group),
            }
        )
    table = pd.DataFrame(rows)
    spread = table.std(ddof=1) / np.sqrt(len(table))
    quantities = ("accuracy", "length", "log_p", "kl", "entropy")
    return {
        **{name: float(table[name].mean()) for name in table},
        **{f"{name}_se": float(spread[name]) for name in quantities},
    }


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
        _, log_z = _log_weights(_tilt(base[base["prompt_id"] == prompt_id], objective, kappa))
        gaps.append((group["log_pi"] - group["log_p"] - _tilt(group, objective, kappa)).mean() + log_z)
    return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))


def _tilt(group: pd.DataFrame, objective: Objective, kappa: float) -> np.ndarray:
    """t = log q - log p + log Z = (alpha - 1) l/|y|^kappa + b r."""
    alpha, b = objective.target
    return ((alpha - 1) * group["log_p"] / group["length"] ** kappa + b * group["reward"]).to_numpy(float)


def _log_weights(tilt: np.ndarray) -> tuple[np.ndarray, float]:
    """(log w_i, log mean e^{t_i})."""
    total = logsumexp(tilt)
    return tilt - total, total - np.log(len(tilt))


def _interior(group: pd.DataFrame, objective: Objective, kappa: float) -> tuple[np.ndarray, float]:
    """(w, KL(q || p) = E_q[t] - log Z) of one prompt's samples."""
    tilt = _tilt(group, objective, kappa)
    log_weight, log_z = _log_weights(tilt)
    weight = np.exp(log_weight)
    return weight, weight @ tilt - log_z


def _face(group: pd.DataFrame, objective: Objective, kappa: float) -> tuple[np.ndarray, float]:
    """(w, KL(q || p) = -log p(face)) of one prompt's samples.

    With l in the score the face is a single response (sampled more than once, perhaps), so p(face) = e^l; without it
    the face is a set of responses, whose probability is the share of the samples in it.
    """
    normalised = group["log_p"] / group["length"] ** kappa
    score = (objective.reward_weight * group["reward"] + objective.reference_weight * normalised).to_numpy(float)
    face = score == score.max()
    log_p_face = group["log_p"].to_numpy(float)[face].max() if objective.reference_weight else np.log(face.mean())
    return face / face.sum(), -log_p_face
