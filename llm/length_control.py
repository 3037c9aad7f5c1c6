"""Sharpening without its pull on length: what is taken off the score t = (alpha - 1) l + b r of a response.

    trajectory-balance    λ_x |y|, with E_p[e^{t - λ_x |y|}] = 1 on each prompt x                      [T20; 2603.18363]
    ignore-eos            nothing; in training all responses go on to the length limit          [the paper's "fixed"]

The first is a reward that depends on length alone, so that T1 holds as it stands: the optimum is p e^{t - λ_x |y|}.
Of the second base rollouts say nothing: they end where the responses end.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

Rows = Float[np.ndarray, " rows"]


def balance_rate(score: Rows, length: Rows, log_weight: Rows) -> float:
    """λ, the one root of Σ w e^{t - λ|y|} = Σ w, for the rows of one prompt.    [T20]

    log Σ w e^{t - λ|y|} is convex and falls in λ, so that Newton's steps from the left never overshoot.
    """
    rate = float(np.min(score / length))
    for _ in range(200):
        exponent = log_weight + score - rate * length
        excess = logsumexp(exponent) - logsumexp(log_weight)
        step = excess / float(np.average(length, weights=np.exp(exponent - exponent.max())))
        rate += step
        if abs(step) <= 1e-12 * max(1.0, abs(rate)):
            break
    return rate


def balance_return(prompts: list, log_p: list[float], log_pi: list[float], length: list[int], alpha: float) -> Rows:
    """(u - mean u)/|y| with u = (alpha l - log π)/|y|, the mean over the responses to the same prompt.    [T20]

    The gradient of ½ E_π[(log π - alpha l + λ|y|)²/|y|²] with respect to π's log-probabilities, less its sign; the mean
    of u is the λ that makes the square smallest. It vanishes where u is the same for all y: at p^alpha e^{-λ|y|}.
    """
    length = np.asarray(length, float)
    rate = (alpha * np.asarray(log_p) - np.asarray(log_pi)) / length
    _, group = np.unique([str(prompt) for prompt in prompts], return_inverse=True)
    mean = np.bincount(group, rate) / np.bincount(group)
    return (rate - mean[group]) / length
