"""Content apart from length: the covariance split by length, and the target that sharpens content only."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_exponent, checked_log_p, checked_reward, log_power


class LengthCovariance(NamedTuple):
    """Cov(r, log p) = within + between."""

    within: float
    between: float


def covariance_by_length(
    log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], length: Shaped[np.ndarray, " y"]
) -> LengthCovariance:
    """Cov(r, log p) = E[Cov(r, log p | L)] + Cov(E[r|L], E[log p|L]) under p.    [T18]

    `within` is what sharpening earns by content, `between` what it earns or loses by shifting lengths.
    """
    log_p = checked_log_p(log_p)
    reward, length = checked_reward(reward, log_p), checked_reward(length, log_p, "length")
    p, value = np.exp(log_p), np.where(np.isneginf(log_p), 0.0, log_p)
    _, group = np.unique(length, return_inverse=True)
    mass = np.bincount(group, p)

    def group_mean(f):
        return np.bincount(group, p * f) / np.where(mass > 0, mass, 1.0)

    r_mean, l_mean = group_mean(reward), group_mean(value)
    within = np.sum(p * (reward - r_mean[group]) * (value - l_mean[group]))
    between = np.sum(mass * (r_mean - mass @ r_mean) * (l_mean - mass @ l_mean))
    return LengthCovariance(float(within), float(between))


def content_power(
    log_p: Float[np.ndarray, " y"], length: Shaped[np.ndarray, " y"], alpha: float
) -> Float[np.ndarray, " y"]:
    """log of p(L) p(y|L)^α / Z_L: sharpens what is said and leaves the distribution of lengths alone.    [T18]"""
    log_p = checked_log_p(log_p)
    length = checked_reward(length, log_p, "length")
    checked_exponent(alpha)
    target = np.full(log_p.shape, -np.inf)
    for value in np.unique(length[~np.isneginf(log_p)]):
        same = (length == value) & ~np.isneginf(log_p)
        scaled = log_power(log_p[same], alpha)
        target[same] = scaled + np.logaddexp.reduce(log_p[same]) - np.logaddexp.reduce(scaled)
    return target
