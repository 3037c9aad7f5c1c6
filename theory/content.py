"""Content apart from length: the covariance split by length, and the target that sharpens content only.

Groups of equally long responses are any equal values of `length` (a class of similar lengths will do). Without
`log_mass` the rows are all responses; with it they are weighted samples y_i ~ p, and sums over them stand for p.

Why length has to be told apart. log p is a sum over tokens, so most of its spread between the responses to a prompt is
often length: sharpening first of all makes responses short. Whether that helps accuracy is a fact about the task's
answers, not about what the model believes of their content. The law of total covariance says how much of the slope of
accuracy comes of either, and `content_power` is the target that has the one without the other.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from theory.distribution import checked_exponent, checked_reward, measure


class LengthCovariance(NamedTuple):
    """Cov(r, log p) = within + between."""

    within: float
    between: float


class GroupMoments(NamedTuple):
    """Of each group: its mass, the means of x and y in it, and Cov(x, y | group)."""

    mass: Float[np.ndarray, " groups"]
    mean_x: Float[np.ndarray, " groups"]
    mean_y: Float[np.ndarray, " groups"]
    cov: Float[np.ndarray, " groups"]


def covariance_by_length(
    log_p: Float[np.ndarray, " y"],
    reward: Shaped[np.ndarray, " y"],
    length: Shaped[np.ndarray, " y"],
    log_mass: Float[np.ndarray, " y"] | None = None,
) -> LengthCovariance:
    """Cov(r, log p) = E[Cov(r, log p | L)] + Cov(E[r|L], E[log p|L]) under p.    [T18]

    `within` is what sharpening earns by content, `between` what it earns or loses by shifting lengths. Of weighted
    samples the within part is too small by the n/(n-1) of each length; `group_moments` leaves that to the caller.
    With one length for all `between` is 0, with a length for each response `within` is.
    ValueError: shapes, log_p, a length or reward that is not finite.

    >>> log_p, reward = np.log([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    >>> [round(part, 3) for part in covariance_by_length(log_p, reward, length=np.array([1, 1, 2, 2]))]
    [0.062, 0.017]
    """
    log_p, log_mass = measure(log_p, log_mass)
    reward, length = checked_reward(reward, log_p), checked_reward(length, log_p, "length")
    _, group = np.unique(length, return_inverse=True)
    log_p = np.where(np.isneginf(log_mass), 0.0, log_p)
    parts = group_moments(reward, log_p, group, np.exp(log_mass - np.max(log_mass)))
    share = parts.mass / np.sum(parts.mass)
    between = share @ ((parts.mean_x - share @ parts.mean_x) * (parts.mean_y - share @ parts.mean_y))
    return LengthCovariance(float(share @ parts.cov), float(between))


def group_moments(
    x: Shaped[np.ndarray, " rows"],
    y: Shaped[np.ndarray, " rows"],
    group: Int[np.ndarray, " rows"],
    weight: Shaped[np.ndarray, " rows"],
) -> GroupMoments:
    """Mass, means and Cov(x, y | group) of weighted rows; groups are numbered 0, 1, ..    [T18]

    Divisor: the mass (at equal weights n, so times n/(n-1) for no bias). 0 for a group without mass. One pass of
    bincount a moment, whatever the number of groups; centred on the group's mean before the product is taken.
    """
    mass = np.bincount(group, weight)
    safe = np.where(mass > 0, mass, 1.0)
    mean_x, mean_y = np.bincount(group, weight * x) / safe, np.bincount(group, weight * y) / safe
    cov = np.bincount(group, weight * (x - mean_x[group]) * (y - mean_y[group])) / safe
    return GroupMoments(mass, mean_x, mean_y, cov)


def content_power(
    log_p: Float[np.ndarray, " y"],
    length: Shaped[np.ndarray, " y"],
    alpha: float,
    log_mass: Float[np.ndarray, " y"] | None = None,
) -> Float[np.ndarray, " y"]:
    """log of p(L) p(y|L)^α / Z_L: sharpens what is said and leaves the distribution of lengths alone.    [T18]

    With log_mass, the log weights of the samples, which keep the total mass that they had: w e^{(α-1) log p} / Z_L.

    Each length is sharpened by itself and given back the probability that it had, by its own normaliser Z_L. alpha = 1
    is p; alpha -> inf the likeliest response of each length. A length that one response has is not changed at all.
    A trainer ends here if it compares each return with those of equally long responses only.

    >>> np.exp(content_power(np.log([0.4, 0.1, 0.3, 0.2]), np.array([1, 1, 2, 2]), alpha=4)).round(3)
    array([0.498, 0.002, 0.418, 0.082])
    """
    log_p, log_mass = measure(log_p, log_mass)
    length = checked_reward(length, log_p, "length")
    checked_exponent(alpha)
    on = ~np.isneginf(log_mass)
    _, group = np.unique(length[on], return_inverse=True)
    score = (alpha - 1) * log_p[on]
    target = np.full(log_p.shape, -np.inf)
    target[on] = log_mass[on] + score - group_log_partition(score, group, log_mass[on])[group]
    return target


def group_log_partition(
    score: Float[np.ndarray, " rows"], group: Int[np.ndarray, " rows"], log_mass: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " groups"]:
    """log Z_L = log Σ_L w e^score - log Σ_L w of each group: what a target that keeps every p(L) takes off.    [T18]

    Groups are numbered 0, 1, .. and each has a row with a weight above zero.
    """
    return _group_log_sum(score + log_mass, group) - _group_log_sum(log_mass, group)


def _group_log_sum(log_x, group):
    """log Σ x over the rows of each group, the largest of each taken out first, as in `log_sum_exp`."""
    top = np.full(int(np.max(group)) + 1, -np.inf)
    np.maximum.at(top, group, log_x)
    return top + np.log(np.bincount(group, np.exp(log_x - top[group])))
