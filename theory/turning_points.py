"""How often accuracy can turn along alpha, and the slope that says when to stop.

Accuracy is the share of right responses in Σ p^α. As alpha grows the likelier responses take over, level by level, and
each time the leading level changes from right to wrong, or back, accuracy may turn. So one rise and one fall is what
happens where a wrong answer is the likeliest and right ones come next; alternating levels turn more often.
"""

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_correct, checked_log_p, expectation
from theory.tilt import log_odds_slope, log_tilt


def most_turning_points(log_p: Float[np.ndarray, " y"], correct: Shaped[np.ndarray, " y"]) -> int:
    """How often A(α) of q_{α,0} can turn, over all real α.    [T29, Descartes-Laguerre]

    dA/dα has the sign of Σ_{i right, j wrong} (ℓ_i - ℓ_j) e^{α(ℓ_i + ℓ_j)}, a sum of exponentials, which has at most
    as many zeros as its coefficients, ordered by ℓ_i + ℓ_j and equal sums merged, change sign. One wrong mode above
    all right responses and all other wrong ones below them: exactly one, a maximum. One pass over pairs, n² log n.

    A bound, reached or missed by an even number. It is of one prompt: of a mean over prompts it says nothing. 0
    where all are right or all wrong, and where every right response is likelier than every wrong one, or conversely:
    accuracy is then monotone in alpha.

    The sum is the derivative of (right mass)/(right + wrong mass) times its squared denominator. That sums of
    exponentials obey Descartes' rule of signs is Laguerre's theorem. Equal exponents are merged, since together they
    are one term; sums that differ by rounding alone count as equal, or noise would be taken for changes of sign.

    >>> most_turning_points(np.log([0.5, 0.3, 0.2]), np.array([False, True, False]))
    1
    """
    log_p = checked_log_p(log_p)
    right, on = checked_correct(correct, log_p), ~np.isneginf(log_p)
    of_right, of_wrong = log_p[right & on], log_p[~right & on]
    exponent = np.add.outer(of_right, of_wrong).ravel()
    coefficient = np.subtract.outer(of_right, of_wrong).ravel()
    if not exponent.size:
        return 0
    order = np.argsort(exponent)
    exponent, coefficient = exponent[order], coefficient[order]
    rounding = 16 * np.finfo(float).eps * max(1.0, float(np.max(np.abs(exponent))))
    starts = np.flatnonzero(np.diff(exponent, prepend=-np.inf) > rounding)
    merged = np.add.reduceat(coefficient, starts)
    signs = np.sign(merged[np.abs(merged) > rounding])
    return int(np.sum(signs[1:] != signs[:-1]))


def accuracy_slope(
    log_p: Float[np.ndarray, "*#batch y"], correct: Shaped[np.ndarray, "*#batch y"], alpha: float
) -> Float[np.ndarray, "*batch"] | float:
    """dA/dα = A(1-A)(E[ℓ|C] - E[ℓ|W]) under q_{α,0}; 0 where all or nothing is right.    [T29]

    Its mean over prompts is 0 at the best α: there the current right and wrong samples are, weighted by A(1-A), equally
    likely under p. A batch of a run's samples shows it, which makes it a rule for stopping: when it turns negative.

    It is Cov(r, log p) under q, T2's slope, written for a reward of 0 and 1. A prompt that is always or never right has
    weight 0, so the rule is decided by the prompts in between. Negative at the start already means that sharpening
    loses from its first step on; a later turn upwards is not excluded (`most_turning_points`).
    """
    log_p = checked_log_p(log_p)
    right = checked_correct(correct, log_p)
    log_q = log_tilt(log_p, np.zeros(log_p.shape), alpha, 0)
    accuracy, wrong = (expectation(log_q, x.astype(float)) for x in (right, ~right))
    both = np.asarray(accuracy * wrong)
    gap = np.where(both > 0, log_odds_slope(log_p, right, alpha), 0.0)
    return (both * gap)[()]
