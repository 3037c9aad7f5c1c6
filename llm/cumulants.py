"""The forecast near the base model without weights: a Taylor expansion whose coefficients a few rollouts estimate.

With t = (alpha - 1) l + b r, and moments under p prompt by prompt [T2, T23],
    accuracy  by theory.reweighting.cumulant_log_odds: logit A to second order in (alpha - 1), exact in b
    E_q[f]  ≈ E[f] + Cov(f, t) + κ(f, t, t)/2
    KL(q‖p) ≈ Var(t)/2 + κ(t, t, t)/3
It needs no effective sample size, and is wrong far from the base; the size of its next term says how far that is.
"""

import numpy as np
from scipy.special import expit, logit

from llm.reweight import Reweighted, Target
from llm.rollout_file import Rollouts


def expand(rollouts: Rollouts, target: Target, ks: tuple[int, ...] = ()) -> Reweighted:
    """`bias` holds the size of the first term left out, which is what makes an expansion unreliable."""
    x = target.alpha - 1
    sharpening = x * rollouts.log_p / rollouts.length**target.kappa
    t = sharpening + target.b * rollouts.reward
    deviation = t - rollouts.each(rollouts.mean(t))

    def expectation(values):
        centred = values - rollouts.each(rollouts.mean(values))
        orders = [rollouts.mean(centred * deviation**m) for m in (1, 2, 3)]
        # The fourth joint cumulant is the moment less its Gaussian part.
        fourth = orders[2] - 3 * orders[0] * rollouts.mean(deviation**2)
        return rollouts.mean(values) + orders[0] + orders[1] / 2, np.abs(fourth) / 6

    second, third = rollouts.mean(deviation**2), rollouts.mean(deviation**3)
    fourth = rollouts.mean(deviation**4) - 3 * second**2
    pairs = {
        "accuracy": _accuracy(rollouts, sharpening, target.b),
        "length": expectation(rollouts.length),
        "log_p": expectation(rollouts.log_p),
        "finished": expectation(rollouts.finished.astype(float)),
        "kl": (second / 2 + third / 3, np.abs(fourth) / 8),
    }
    pairs["entropy"] = -pairs["log_p"][0] - pairs["kl"][0], pairs["log_p"][1] + pairs["kl"][1]
    for k in ks:
        accuracy, error = pairs["accuracy"]
        pairs[f"pass@{k}"] = 1 - (1 - accuracy) ** k, k * error * (1 - accuracy) ** (k - 1)
    return Reweighted(
        {name: value for name, (value, _) in pairs.items()},
        {name: error for name, (_, error) in pairs.items()},
        rollouts.count.astype(float),
        None,
        np.nan,
    )


def _accuracy(rollouts: Rollouts, sharpening: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
    """(A, size of the next term). A prompt that has only right or only wrong samples stays as it is [T24]."""
    log_odds, next_term = logit(rollouts.mean(rollouts.reward)) + b, 0.0
    for sign, weight in ((1, rollouts.reward), (-1, 1 - rollouts.reward)):
        mass = np.maximum(rollouts.sum(weight), 1e-300)
        mean = rollouts.sum(weight * sharpening) / mass
        centred = sharpening - rollouts.each(mean)
        log_odds = log_odds + sign * (mean + rollouts.sum(weight * centred**2) / mass / 2)
        next_term = next_term + np.abs(rollouts.sum(weight * centred**3) / mass / 6)
    solved = rollouts.mean(rollouts.reward)
    accuracy = np.where((solved > 0) & (solved < 1), expit(log_odds), solved)
    return accuracy, accuracy * (1 - accuracy) * next_term
