"""Three ways to treat a response that the length limit cuts off, and the three optima that they make.

A trainer samples at most T tokens. What does not end by then is a prefix, not a response, and no treatment of it is
neutral. Scored like a response it stands for all its continuations with the probability of one; left out of the batch
it is as if the base model never produced it; given a return of 0 it competes with finished responses whose return may
be negative, and wins. The last is what "mask truncated completions" comes to when the mean is taken over all samples.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped

from theory.distribution import checked_correct, checked_log_p, conditional, log_power, log_sum_exp
from theory.tilt import log_tilt


class LengthLimitOptima(NamedTuple):
    """log π at the end of each treatment, over finished responses and cut-off prefixes."""

    prefix: Float[np.ndarray, " y"]
    conditioned: Float[np.ndarray, " y"]
    dropped: Float[np.ndarray, " y"]


def length_limit_optima(
    log_p: Float[np.ndarray, " y"],
    reward: Shaped[np.ndarray, " y"],
    finished: Shaped[np.ndarray, " y"],
    alpha: float,
    b: float,
) -> LengthLimitOptima:
    """Where RLOO with the return (α-1) ℓ + b r - log(π/p) ends under a limit of T tokens.    [T34]

    The responses are what can be sampled: those that finish within T tokens, and prefixes of T tokens that do not,
    each with the log p that it has (`finished` False). Z_F = Σ p^α e^{br} over the finished.

    - `prefix`: a prefix is a response like any other. q_{α,b} of this list (T1). Beside p^α itself, cut off after T
      tokens, it has too much mass on prefixes for α > 1: p(u)^α where p^α has p(u)^α ζ(u), ζ <= 1 is T16's look-ahead.
    - `conditioned`: the law of the samples is p given that it finishes (sample again until it does). q_{α,b} of the
      finished: p^α itself given that it finishes, no nearer and no farther than the mass that p^α has beyond T.
    - `dropped`: a cut-off sample gets no gradient of its own and return 0 (its reward and both its log-probabilities
      are left out), but counts in the mean that others are compared with. If Z_F < 1 it ends at p^α e^{br} *not
      normalised* on the finished, where their return is 0 as well. The rest of the mass is on prefixes; how it is
      divided among them nothing decides, the natural gradient leaves it in the proportions of p. For α > 1 and a small
      b the return of what finishes is negative and that of a cut-off sample 0: training moves towards responses that
      do not end. At Z_F >= 1 it ends at `conditioned`, which it nears like 1/time only.

    Leaving out cut-off samples before the mean is taken ends at `conditioned` within the finished, and any mass of
    prefixes is a rest point: nothing decides it. ValueError: nothing finishes; log_tilt's.
    """
    log_p = checked_log_p(log_p)
    ended = _finished(finished, log_p)
    height = log_tilt(log_p, reward, alpha, b)  # p^α e^{br} up to its normaliser
    kept = conditional(np.where(ended, height, -np.inf))[1]
    log_z = finished_log_mass(log_p, reward, finished, alpha, b)
    if log_z >= 0 or not np.any(~ended & ~np.isneginf(log_p)):
        return LengthLimitOptima(height, kept, kept)
    rest = conditional(np.where(ended, -np.inf, log_p))[1] + np.log(-np.expm1(log_z))
    return LengthLimitOptima(height, kept, np.where(ended, kept + log_z, rest))


def finished_log_mass(
    log_p: Float[np.ndarray, " y"],
    reward: Shaped[np.ndarray, " y"],
    finished: Shaped[np.ndarray, " y"],
    alpha: float,
    b: float,
) -> float:
    """log Z_F, Z_F = Σ p^α e^{br} over the finished responses. Below 0, dropping makes more cut-off samples. [T34]

    Without a reward it is below 0 for every α > 1. Of n samples y_i ~ p it is the log of the mean of
    1[finished] e^{(α-1)ℓ + br}: a number to look at before --mask_truncated_completions is used.

    Once the finished responses have their right proportions all of them have the return log Z_F - log π(F), π(F) the
    mass of what finishes: it meets the 0 of the cut-off samples exactly at π(F) = Z_F.

    >>> log_p, finished = np.log([0.4, 0.3, 0.3]), np.array([True, True, False])
    >>> round(float(np.exp(finished_log_mass(log_p, np.zeros(3), finished, alpha=2, b=0))), 2)
    0.25
    >>> np.exp(length_limit_optima(log_p, np.zeros(3), finished, alpha=2, b=0).dropped).round(2)  # .7 finished before
    array([0.16, 0.09, 0.75])
    """
    log_p = checked_log_p(log_p)
    ended = _finished(finished, log_p)
    return float(log_sum_exp(np.where(ended, log_power(log_p, alpha) + b * np.asarray(reward, float), -np.inf)))


def _finished(finished, log_p) -> Bool[np.ndarray, " y"]:
    ended = checked_correct(finished, log_p, "finished")
    if np.all(np.isneginf(log_p[ended])):
        raise ValueError("no response is finished; give a longer limit, there is nothing to learn to end")
    return ended
