"""Sharpening without its pull on length: what is taken off the score t = (alpha - 1) l + b r of a response.

    content               g(|y|) = log E_p[e^t | |y|], over all prompts: every length keeps its share           [T18]
    trajectory-balance    λ_x |y|, with E_p[e^{t - λ_x |y|}] = 1 on each prompt x                      [T20; 2603.18363]
    ignore-eos            nothing; in training all responses go on to the length limit          [the paper's "fixed"]

The first two are rewards that depend on length alone, so that T1 holds as it stands: the optimum is p e^{t - term}.
Of the third base rollouts say nothing: they end where the responses end.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped
from scipy.special import logsumexp

SAME_LENGTH = 1.1  # responses whose lengths differ by less than this factor count as equally long
Rows = Float[np.ndarray, " rows"]


def length_class(length: Shaped[np.ndarray, " rows"]) -> Shaped[np.ndarray, " rows"]:
    """A number for each length, the same for lengths within a factor of 1.1."""
    return np.floor(np.log(length) / np.log(SAME_LENGTH)).astype(int)


class ContentTerm(NamedTuple):
    """g at the mean length of each class of lengths; between them by straight lines, beyond them as at the ends."""

    length: Float[np.ndarray, " classes"]
    value: Float[np.ndarray, " classes"]

    def __call__(self, length: Shaped[np.ndarray, " rows"]) -> Rows:
        return np.interp(length, self.length, self.value)


def content_term(score: Rows, length: Rows, log_weight: Rows) -> ContentTerm:
    """g(L) = log Σ w e^t - log Σ w over the rows of one length class, all prompts together.    [T18]

    log_weight: 0 for samples of p, l where the rows are all responses, each once.
    """
    _, number = np.unique(length_class(length), return_inverse=True)
    classes = range(number.max() + 1)
    mass = np.array([logsumexp(log_weight[number == c]) for c in classes])
    tilted = np.array([logsumexp((log_weight + score)[number == c]) for c in classes])
    share = np.exp(log_weight - mass[number])  # of each row in its class
    mean = np.array([np.sum((share * length)[number == c]) for c in classes])
    return ContentTerm(mean, tilted - mass)


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
