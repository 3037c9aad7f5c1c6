"""Where an objective ends, from base rollouts alone: reweight the samples of each prompt, then average over prompts.

From y_i ~ p, the optimum q ∝ p^alpha e^{b r} is reached by the self-normalised weights
    w_i ∝ exp((alpha - 1) l_i + b r_i),                                                                     [T23]
and with tau = 0, where the flow runs to a face of the simplex, by equal weights on the samples with the largest
w r + c l (the flow keeps p's proportions within the face, T8).
"""

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from theory.objectives import Objective


def forecast_optimum(rollouts: pd.DataFrame, objective: Objective) -> dict[str, float]:
    """accuracy, length, log_p, kl, entropy at the optimum, each with NAME_se over prompts; and the sample sizes left.

    ess is the mean over prompts of 1/Σ w_i^2, to be read against samples, the number of draws a prompt has: where it
    is near 1 the forecast rests on one response a prompt and its error is not in the standard error.
    """
    rows = []
    for _, group in rollouts.groupby("prompt_id", sort=False):
        log_p, reward = group["log_p"].to_numpy(float), group["reward"].to_numpy(float)
        weight, kl, entropy = _reweight(log_p, reward, objective)
        rows.append(
            {
                "accuracy": weight @ reward,
                "length": weight @ group["length"].to_numpy(float),
                "log_p": weight @ log_p,
                "kl": kl,
                "entropy": entropy,
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


def _reweight(log_p: np.ndarray, reward: np.ndarray, objective: Objective) -> tuple[np.ndarray, float, float]:
    """(weights, KL(q || p), H(q)) of one prompt's samples.

    With log Zhat = log mean exp((alpha-1) l + b r): log q = alpha l + b r - log Zhat.
    """
    if objective.entropy_weight > 0:
        alpha, b = objective.target
        tilt = (alpha - 1) * log_p + b * reward
        log_z = logsumexp(tilt) - np.log(len(tilt))
        weight = np.exp(tilt - logsumexp(tilt))
        kl = weight @ tilt - log_z
        return weight, kl, -(weight @ log_p) - kl
    score = objective.reward_weight * reward + objective.reference_weight * log_p
    face = score == score.max()
    weight = face / face.sum()
    # With l in the score the face is a single response (sampled more than once, perhaps), so p(face) = e^l;
    # without it the face is a set of responses whose probability is the share of the samples in it.
    log_p_face = log_p[face].max() if objective.reference_weight else np.log(face.mean())
    return weight, -log_p_face, -(weight @ log_p) + log_p_face


def distance_to_optimum(base: pd.DataFrame, run: pd.DataFrame, objective: Objective) -> tuple[float, float]:
    """KL(pi || q) of a run to the optimum q = q_{alpha,b}, and its standard error over prompts; tau > 0.    [T1]

    KL(pi || q) = E_pi[log pi - alpha l - b r] + Phi, Phi = log E_p exp((alpha-1) l + b r): the first from the run's
    rollouts, Phi from the base model's. Phi is too small when no base sample reaches the mass of q, so that a
    distance may come out negative; it is then not known to be anything but small.
    """
    alpha, b = objective.target
    gaps = []
    for prompt_id, group in run.groupby("prompt_id", sort=False):
        reference = base[base["prompt_id"] == prompt_id]
        tilt = (alpha - 1) * reference["log_p"].to_numpy(float) + b * reference["reward"].to_numpy(float)
        phi = logsumexp(tilt) - np.log(len(tilt))
        gaps.append((group["log_pi"] - alpha * group["log_p"] - b * group["reward"]).mean() + phi)
    return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
