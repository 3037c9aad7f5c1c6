"""What is seen seldom moves slowly: steps that samples allow, floors on the way, and the time to come back."""

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p


def mean_square_multiplier(step: float, probability: float, group: int) -> float:
    """E(1 - ητ N/(Gπ))² = (1-ητ)² + (ητ)² (1-π)/(Gπ), N ~ Binomial(G, π); step = ητ.    [T30]

    What one importance-weighted step on G samples does to the mean square of the deviation of a response of
    probability π. Below 1 it shrinks. ValueError: probability not in (0, 1], group < 1.
    """
    _check(probability, group)
    return (1 - step) ** 2 + step**2 * (1 - probability) / (group * probability)


def sampled_step_limit(probability: float, group: int) -> float:
    """2/(1 + (1-π)/(Gπ)) ≈ 2Gπ, the ητ below which that mean square shrinks; 2 for π = 1, T8's limit.    [T30]

    No preconditioner beats it: the response must be seen, once in 1/(Gπ) steps.
    """
    _check(probability, group)
    return 2 / (1 + (1 - probability) / (group * probability))


def natural_gradient_floor(
    log_p: Float[np.ndarray, "*#batch y"], log_target: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch y"]:
    """min(log p, log π*): no response falls below it on the natural gradient's line from p to π*.    [T31]

    log q_{α,b}(y) = α ℓ + b r - Φ is concave on the plane and the line is straight. The softmax policy gradient does
    fall below: a response that the first steps push down comes back slowly (`revival_time`).
    """
    return np.minimum(checked_log_p(log_p), checked_log_p(log_target, "log_target"))


def revival_time(start: float, end: float, tau: float, natural: bool = False) -> float:
    """The time in which the entropy term lifts one of two responses from probability start to end <= ½.    [T31]

    z = log-odds against it. Softmax policy gradient: ż = -2τ π(1-π) z, so the time is ∫ (1 + cosh z)/(τ z) dz,
    about 1/(2 τ ε log 1/ε) from ε. Natural gradient: ż = -τ z, log(z_start/z_end)/τ.
    ValueError unless 0 < start <= end < ½ and tau > 0.
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
