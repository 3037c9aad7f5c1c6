"""Have parallel chains forgotten where they began, and how many independent draws are they worth?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Mixing(NamedTuple):
    """One entry a prompt; nan where it cannot be told."""

    ess: Float[np.ndarray, " prompts"]
    """effective sample size of all the chains' moves together, at most their number"""
    r_hat: Float[np.ndarray, " prompts"]
    """rank-normalised R-hat: near 1 when the chains agree, above 1.01 when they do not"""


def mixing(trace: Float[np.ndarray, "prompts chains moves"]) -> Mixing:
    """Bulk ESS and rank R-hat of a scalar trace (log p of the states), by arviz-stats.

    A trace that is one constant says nothing about mixing (a sharp target, or chains that never moved): both are nan
    there, and where there are fewer than eight moves, of which halves are compared.
    """
    from arviz_stats.base import array_stats  # half a second, and only chains need it

    prompts, chains, moves = trace.shape
    ess, r_hat = np.full(prompts, np.nan), np.full(prompts, np.nan)
    for prompt, values in enumerate(trace):
        if moves >= 8 and np.ptp(values) > 0:
            ess[prompt] = min(array_stats.ess(values, method="bulk"), chains * moves)
            r_hat[prompt] = array_stats.rhat(values, method="rank")  # nan of a single chain
    return Mixing(ess, r_hat)
