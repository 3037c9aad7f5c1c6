"""What a length-controlled target takes off the score of a response, fitted to base samples.

log p is a sum over tokens, so that a score (alpha - 1) log p + b r favours short responses before it says anything of
their content. A term that depends on length alone takes that away: λ |y| in proportion to length, or one number for
each length, so that every length keeps the probability that it had. Both depend on the prompt, and are known from its
samples only.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from theory.content import group_log_partition
from theory.estimation.samples import Rollouts
from theory.reweighting import log_total
from theory.trainers import balance_rate
from theory.vocabulary import LengthControl

Rows = Float[np.ndarray, " rows"]
Prompts = Float[np.ndarray, " prompts"]
SAME_LENGTH = 1.1  # responses whose lengths differ by less than this factor count as equally long


def length_class(length: Rows) -> Int[np.ndarray, " rows"]:
    """L: a number for all lengths within a factor of SAME_LENGTH; below 11 tokens every length is its own.

    Equally long to the token would leave most samples of 200 tokens without an equal. By factors, since the spread of
    lengths grows with them.

    >>> length_class(np.array([9.0, 10.0, 200.0, 203.0, 230.0]))
    array([23, 24, 55, 55, 57])
    """
    return np.floor(np.log(length) / np.log(SAME_LENGTH)).astype(int)


class SameLength(NamedTuple):
    """Which samples of a prompt are equally long: a group is a prompt and a class of lengths."""

    group: Int[np.ndarray, " rows"]
    """number of the group of each row"""
    prompt: Int[np.ndarray, " groups"]
    size: Float[np.ndarray, " groups"]


def same_length(rollouts: Rollouts) -> SameLength:
    """The groups of equally long samples, numbered prompt by prompt.

    Samples of different prompts are never compared, equally long or not: each prompt has its own p.
    """
    prompt, length = rollouts.each(np.arange(len(rollouts.start))), length_class(rollouts.length)
    classes = int(length.max()) + 1
    known, group, size = np.unique(prompt * classes + length, return_inverse=True, return_counts=True)
    return SameLength(group, known // classes, size.astype(float))


def length_terms(control: str, rollouts: Rollouts, score: Rows) -> Rows:
    """What comes off the score of each sample, fitted to the samples of its prompt: then the mean of e^t is 1 there.

    trajectory-balance: λ|y|, see `balance_rates` [T20]. content: log of the mean of e^score over those as long [T18].
    """
    if control == LengthControl.TRAJECTORY_BALANCE:
        return rollouts.each(balance_rates(rollouts, score)) * rollouts.length
    group = same_length(rollouts).group
    return group_log_partition(score, group, np.zeros(len(score)))[group]


def balance_rates(rollouts: Rollouts, score: Rows, guess: Prompts | None = None) -> Prompts:
    """λ of every prompt: the one root of mean_i e^{score_i - λ|y_i|} = 1, nats a token.    [T20]

    One root, because every length is at least 1 and the mean falls in λ from ∞ to 0. The first guess is the λ at which
    the largest term alone makes the mean 1, which is at or left of the root.
    theory.trainers.balance_rate for all prompts at once. log of the mean is convex and falls in λ: Newton's steps come
    to the root from the left, and from the right of it the first one leads to its left.
    """
    log_count = np.log(rollouts.count)
    rate = rollouts.max((score - rollouts.each(log_count)) / rollouts.length) if guess is None else guess
    for _ in range(200):
        exponent = score - rollouts.each(rate) * rollouts.length
        log_sum = np.asarray(log_total(exponent, rollouts.start))
        weight = np.exp(exponent - rollouts.each(log_sum))
        step = (log_sum - log_count) / rollouts.sum(weight * rollouts.length)
        rate = rate + step
        if (np.abs(step) <= 1e-14 * (1 + np.abs(rate))).all():
            break
    return rate


def fit_length_term(control: str, score: Rows, length: Rows, log_mass: Rows) -> Callable[[Rows, Rows], Rows]:
    """(score, length) -> score less its length term, fitted to base samples of one prompt, weighted by log_mass.

    A length that no base sample has counts as if its one response were all that there is: t = 0 keeps p's own mass.
    For responses that were not fitted to: those of a run, scored by the target that base samples define. λ serves any
    length; a class of lengths is known where base samples have it, and nowhere else.
    """
    if control == LengthControl.TRAJECTORY_BALANCE:
        rate = balance_rate(score, length, log_mass)
        return lambda score, length: score - rate * length
    if control == LengthControl.CONTENT:
        known, group = np.unique(length_class(length), return_inverse=True)
        log_z = group_log_partition(score, group, log_mass)

        def content(score: Rows, length: Rows) -> Rows:
            own = length_class(length)
            place = np.minimum(np.searchsorted(known, own), len(known) - 1)
            return np.where(known[place] == own, score - log_z[place], 0.0)

        return content
    return lambda score, length: score
