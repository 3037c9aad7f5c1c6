"""What no objective here can reach: responses without mass under the reference, or absent from a sample of it.

Every update here multiplies: a power, a tilt, a step along log π with finite slopes. A product with 0 is 0. What
training can do is to make the improbable probable, and a run of finitely many samples takes "improbable" for
"impossible" wherever none of them showed it.
"""

import numpy as np
from jaxtyping import Bool, Float

from theory.distribution import checked_log_p, checked_whole


def support(log_p: Float[np.ndarray, "*batch y"]) -> Bool[np.ndarray, "*batch y"]:
    """Where p > 0: every flow, mirror step and optimum of this package keeps -inf outside it.    [T24]

    Not p > 1e-300 or the like: e^{-1000} is no number of floating point and yet on the support, since a b of 1000 would
    bring it back. ValueError as in checked_log_p.
    """
    return ~np.isneginf(checked_log_p(log_p))


def missed_probability(log_p: Float[np.ndarray, "*batch y"], samples: int) -> Float[np.ndarray, "*batch y"]:
    """(1 - p(y))^n: how likely n samples of p never show y, so that training on them cannot raise it.    [T24]

    1 off the support or without samples; about e^{-n p} for a small p, so that n = 3/p samples show it nineteen times
    in twenty. ValueError when samples < 0, or no whole number.

    >>> missed_probability(np.log([0.9, 0.1]), samples=30).round(3)
    array([0.   , 0.042])
    """
    checked_whole(samples, "samples")
    if samples < 0:
        raise ValueError(f"samples must be >= 0, got {samples}")
    p = np.exp(checked_log_p(log_p))
    with np.errstate(divide="ignore"):  # a certain response is never missed: log 0 = -inf
        # 0 samples miss everything, and 0 · -inf would be nan.
        return np.exp(samples * np.log1p(-np.minimum(p, 1.0))) if samples else np.ones_like(p)


def unseen_mass(log_p: Float[np.ndarray, "*batch y"], samples: int) -> Float[np.ndarray, "*batch"] | float:
    """Σ_y p(y) (1 - p(y))^n: the mean mass of the reference that n samples of it leave without support.    [T24]

    A response counts its probability when it is missed. It is the chance that sample n + 1 is new, and Good and
    Turing's share of responses that were seen once in n + 1 samples has it as its mean. Where p is spread over more
    than n responses it stays near 1; with m responses it is at most m/(e n), as each term is largest at p = 1/(n + 1).
    """
    return np.sum(np.exp(log_p) * missed_probability(log_p, samples), axis=-1)
