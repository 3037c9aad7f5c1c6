"""What is seen seldom moves slowly: steps that samples allow, floors on the way, and the time to come back.

A response of probability π is in a group of G about Gπ times, mostly not at all. To move log π by its drift on average,
an estimate must multiply what it sees by 1/(Gπ): nothing in most steps, far too much in a few. And a gradient on logits
has the factor π in front, so that what has become rare is also moved little when it is seen. Both make the way back
from an early loss long, and the first steps of training are where such losses are made.
"""

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p


def mean_square_multiplier(step: float, probability: float, group: int) -> float:
    """E(1 - ητ N/(Gπ))² = (1-ητ)² + (ητ)² (1-π)/(Gπ), N ~ Binomial(G, π); step = ητ.    [T30]

    What one importance-weighted step on G samples does to the mean square of the deviation of a response of
    probability π. Below 1 it shrinks. ValueError: probability not in (0, 1], group < 1.

    The first term is the exact step, the second the variance of N/(Gπ), which is (1-π)/(Gπ). A response that is drawn
    every time has no variance, and at π -> 0 the second term has no bound, whatever the step.
    """
    _check(probability, group)
    return (1 - step) ** 2 + step**2 * (1 - probability) / (group * probability)


def sampled_step_limit(probability: float, group: int) -> float:
    """2/(1 + (1-π)/(Gπ)) ≈ 2Gπ, the ητ below which that mean square shrinks; 2 for π = 1, T8's limit.    [T30]

    No preconditioner beats it: the response must be seen, once in 1/(Gπ) steps.

    The multiplier is 1 - 2x + x² (1 + (1-π)/(Gπ)) in x = ητ; it is below 1 between 0 and this root. A thousand-to-one
    response in groups of 8 allows steps of a sixtieth, a hundredth of what exact gradients do:

    >>> round(sampled_step_limit(0.001, group=8), 4)
    0.0159
    """
    _check(probability, group)
    return 2 / (1 + (1 - probability) / (group * probability))


def natural_gradient_floor(
    log_p: Float[np.ndarray, "*#batch y"], log_target: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch y"]:
    """min(log p, log π*): no response falls below it on the natural gradient's line from p to π*.    [T31]

    log q_{α,b}(y) = α ℓ + b r - Φ is concave on the plane and the line is straight. The softmax policy gradient does
    fall below: a response that the first steps push down comes back slowly (`revival_time`).
    Concave means that on the way the value is above the straight line between both ends, hence above the lower one. So
    a probability that is seen below this floor in a run is no part of the target: it comes of the logits' own factor
    π, of shared parameters or of sampling.
    """
    return np.minimum(checked_log_p(log_p), checked_log_p(log_target, "log_target"))


def revival_time(start: float, end: float, tau: float, natural: bool = False) -> float:
    """The time in which the entropy term lifts one of two responses from probability start to end <= ½.    [T31]

    z = log-odds against it. Softmax policy gradient: ż = -2τ π(1-π) z, so the time is ∫ (1 + cosh z)/(τ z) dz,
    about 1/(2 τ ε log 1/ε) from ε. Natural gradient: ż = -τ z, log(z_start/z_end)/τ.
    ValueError unless 0 < start <= end < ½ and tau > 0.

    With π(1-π) = 1/(2 + 2 cosh z) the time is that integral; nearly all of it is spent near the start, where cosh z
    is about 1/(2ε). At ½ the integral diverges for both: the target itself is reached by neither in finite time.

    >>> [round(revival_time(1e-5, 0.1, tau=1.0, natural=natural), 1) for natural in (False, True)]
    [4813.7, 1.7]
    """
    if not (0 < start <= end < 0.5 and tau > 0):
        raise ValueError(f"start, end and tau must satisfy 0 < start <= end < 1/2, tau > 0, got {start}, {end}, {tau}")
    high, low = (float(np.log1p(-x) - np.log(x)) for x in (start, end))
    if natural:
        return float(np.log(high / low)) / tau
    from scipy.integrate import quad

    return quad(lambda z: (1 + np.cosh(z)) / z, low, high, epsrel=1e-12)[0] / tau


def _check(probability, group):
    if not 0 < probability <= 1:
        raise ValueError(f"probability must be above 0 and at most 1, got {probability}")
    if not group >= 1:
        raise ValueError(f"group must be at least 1, got {group}")
