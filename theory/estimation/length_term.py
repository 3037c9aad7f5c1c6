"""What a length-controlled target takes off the score of a response, fitted to base samples."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from theory.content import group_log_partition
from theory.trainers import balance_rate
from theory.vocabulary import LengthControl

Rows = Float[np.ndarray, " rows"]
SAME_LENGTH = 1.1  # responses whose lengths differ by less than this factor count as equally long


def length_class(length: Rows) -> Int[np.ndarray, " rows"]:
    """L: a number for all lengths within a factor of SAME_LENGTH; below 11 tokens every length is its own."""
    return np.floor(np.log(length) / np.log(SAME_LENGTH)).astype(int)


def fit_length_term(control: str, score: Rows, length: Rows, log_mass: Rows) -> Callable[[Rows, Rows], Rows]:
    """(score, length) -> score less its length term, fitted to base samples of one prompt, weighted by log_mass.

    A length that no base sample has counts as if its one response were all that there is: t = 0 keeps p's own mass.
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
