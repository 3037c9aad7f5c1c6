"""Pareto smoothing of importance weights: a fitted tail in place of the few that happen to be largest.    [T23]

Far out any tail looks like a Pareto law with one shape k. Which of its values were drawn is chance, and the largest few
decide a weighted mean: they are replaced by the expected order statistics of a fitted tail, which costs a little bias
and saves much variance (Vehtari, Simpson, Gelman, Yao and Gabry, arXiv:1507.02646). k itself is the warning. Below ½
the weights have a finite variance; up to .7 the mean still settles at sample sizes that one has; from 1 on they have
no finite mean. arviz-stats fits it; here it is only said of what.
"""

import warnings

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

FEWEST_FOR_TAIL = 100  # rows below which no Pareto tail is fitted
Rows = Float[np.ndarray, " rows"]


def smoothed(relative: Rows) -> tuple[Rows, float]:
    """(scores whose largest are those of a fitted Pareto tail of e^t, the tail's shape), all prompts together.

    relative: as seen from the mean of their prompt, for a prompt alone has too few samples for a tail (64 draws leave
    12 points to fit). Not relative to log Z: a weight that makes up its prompt's Z alone would hide how heavy the tail
    is. Where there is no tail to fit, the scores as they are and nan.
    """
    if len(relative) < FEWEST_FOR_TAIL:
        return relative, np.nan
    from arviz_stats.base import array_stats

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what it warns of is reported as pareto_k
        try:
            found, pareto_k = array_stats.psislw(-relative)  # it takes log likelihoods, the negative log ratios
        except ValueError:  # all values of the tail are equal: nothing to smooth
            return relative, np.nan
    if not np.isfinite(found).all():
        return relative, np.nan
    return found + logsumexp(relative), float(pareto_k)
