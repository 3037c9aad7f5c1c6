"""What a length-controlled target takes off the score of a response, fitted to base samples."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from theory.vocabulary import LengthControl

Rows = Float[np.ndarray, " rows"]
SAME_LENGTH = 1.1  # responses whose lengths differ by less than this factor count as equally long


def length_class(length: Rows) -> Int[np.ndarray, " rows"]:
    """L: a number for all lengths within a factor of SAME_LENGTH; below 11 tokens every length is its own."""
    return np.floor(np.log(length) / np.log(SAME_LENGTH)).astype(int)


def fit_length_term(control: str, score: Rows, length: Rows, log_weight: Rows) -> Callable[[Rows, Rows], Rows]:
    """(score, length) -> score less its length term, fitted to base samples of one prompt, weighted by log_weight.

    A length that no base sample has counts as if its one response were all that there is: t = 0 keeps p's own mass.
    """
    if control == LengthControl.TRAJECTORY_BALANCE:
        rate = balance_rate(score, length, log_weight)
        return lambda score, length: score - rate * length
    if control == LengthControl.CONTENT:
        known, group = np.unique(length_class(length), return_inverse=True)
        log_z = np.array([logsumexp((score + log_weight)[group == i]) for i in range(len(known))])
        log_z -= [logsumexp(log_weight[group == i]) for i in range(len(known))]

        def content(score: Rows, length: Rows) -> Rows:
            own = length_class(length)
            place = np.minimum(np.searchsorted(known, own), len(known) - 1)
            return np.where(known[place] == own, score - log_z[place], 0.0)

        return content
    return lambda score, length: score


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
