"""What no objective here can reach: responses without mass under the reference, or absent from a sample of it."""

import numpy as np
from jaxtyping import Bool, Float

from theory.distribution import checked_log_p, checked_whole


def support(log_p: Float[np.ndarray, "*batch y"]) -> Bool[np.ndarray, "*batch y"]:
    """Where p > 0: every flow, mirror step and optimum of this package keeps -inf outside it.    [T24]"""
    return ~np.isneginf(checked_log_p(log_p))


def missed_probability(log_p: Float[np.ndarray, "*batch y"], samples: int) -> Float[np.ndarray, "*batch y"]:
    """(1 - p(y))^n: how likely n samples of p never show y, so that training on them cannot raise it.    [T24]

    1 off the support or without samples. ValueError when samples < 0.
    """
    checked_whole(samples, "samples")
    if samples < 0:
        raise ValueError(f"samples must be >= 0, got {samples}")
    p = np.exp(checked_log_p(log_p))
    with np.errstate(divide="ignore"):  # a certain response is never missed: log 0 = -inf
        # 0 samples miss everything, and 0 · -inf would be nan.
        return np.exp(samples * np.log1p(-np.minimum(p, 1.0))) if samples else np.ones_like(p)


def unseen_mass(log_p: Float[np.ndarray, "*batch y"], samples: int) -> Float[np.ndarray, "*batch"] | float:
    """Σ_y p(y) (1 - p(y))^n: the mean mass of the reference that n samples of it leave without support.    [T24]"""
    return np.sum(np.exp(log_p) * missed_probability(log_p, samples), axis=-1)
