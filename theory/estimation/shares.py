"""Intervals for mean shares where nearly all prompts lie at one end: what their number allows, whatever their spread.

A bootstrap knows only what it was given. Where pass@16 is 1 on all of 60 prompts every draw of them says 1, and the
interval [1, 1] is certain of what nobody knows: 60 prompts leave room for one in twenty that is never solved.

>>> always = np.ones((60, 1))
>>> share_intervals(always, ClusterBootstrap(60, np.random.default_rng(0))).round(3).ravel()
array([0.94, 1.  ])
"""

import numpy as np
from jaxtyping import Float
from scipy.stats import beta

from theory.estimation.intervals import ClusterBootstrap

FEWEST_EXCEPTIONS = 5  # prompts; of fewer the spread says little
ROUNDING = 1e-12
Quantities = Float[np.ndarray, "prompts quantity"]
Ends = Float[np.ndarray, "2 quantity"]


def share_intervals(values: Quantities, bootstrap: ClusterBootstrap, level: float = 0.95) -> Ends:
    """Of means over prompts of values in [0, 1]: the bootstrap's, or what counts allow where exceptions are few."""
    return of_shares(bootstrap.interval(values, level), values, level)


def difference_intervals(values: Quantities, bootstrap: ClusterBootstrap, level: float = 0.95) -> Ends:
    """The same for means of differences of two shares, in [-1, 1]."""
    return of_differences(bootstrap.interval(values, level), values, level)


def of_shares(ends: Ends, values: Quantities, level: float = 0.95) -> Ends:
    """ends of the bootstrap, within [0, 1] and no narrower than counts where exceptions are few.

    With fewer than 5 prompts below 1 the lower end is at most that of Clopper and Pearson (Biometrika 26, 1934), in
    which a prompt of value v counts as v of a success: .025^(1/P) for 95 % where all are 1. Likewise above 0.
    """
    low, high = np.clip(ends, 0, 1)
    return np.stack(
        [
            np.where(_few(values < 1 - ROUNDING), np.minimum(low, 1 - at_most(1 - values, level)), low),
            np.where(_few(values > ROUNDING), np.maximum(high, at_most(values, level)), high),
        ]
    )


def of_differences(ends: Ends, values: Quantities, level: float = 0.95) -> Ends:
    """ends of the bootstrap; where fewer than 5 prompts differ, no narrower than what counts of them allow."""
    low, high = ends
    few = _few(np.abs(values) > ROUNDING)
    return np.stack(
        [
            np.where(few, np.minimum(low, -at_most(-values, level)), low),
            np.where(few, np.maximum(high, at_most(values, level)), high),
        ]
    )


def at_most(values: Quantities, level: float = 0.95) -> Float[np.ndarray, " quantity"]:
    """The upper limit, one of two of that level, for the mean of a share whose values over prompts these are.

    Of Clopper and Pearson for Σ values successes among P prompts. Shares spread no more than a yes or no with the same
    mean does, so that it holds for them too. nan for a single prompt, as everywhere.
    """
    prompts = len(values)
    if prompts < 2:
        return np.full(values.shape[1], np.nan)
    total = np.clip(values, 0, 1).sum(axis=0)
    return np.where(total >= prompts, 1.0, beta.ppf((1 + level) / 2, total + 1, np.maximum(prompts - total, ROUNDING)))


def _few(exceptions):
    return np.sum(exceptions, axis=0) < FEWEST_EXCEPTIONS
