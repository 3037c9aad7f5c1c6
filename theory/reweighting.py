"""Any point of the plane from samples of the base model, and how many of them that leaves."""

import numpy as np
from jaxtyping import Bool, Float, Shaped

from theory.distribution import checked_exponent, checked_log_p, conditional, log_power, log_sum_exp


def log_weights(
    log_p: Float[np.ndarray, "*#batch sample"],
    reward: Shaped[np.ndarray, "*#batch sample"],
    alpha: float,
    b: float,
) -> Float[np.ndarray, "*batch sample"]:
    """Normalised log weights ∝ (α-1) log p(y_i) + b r_i of samples y_i ~ p: self-normalised importance sampling.  [T23]

    log_p are those of the samples, which need not sum to one. Uniform at the base point (1, 0).
    ValueError: alpha < 0, b, a reward or a log_p that is not finite (p cannot have sampled it).
    """
    checked_exponent(alpha)
    if not (np.isfinite(log_p).all() and np.isfinite(reward).all() and np.isfinite(b)):
        raise ValueError("log_p, reward and b must be finite; a sampled response has a finite log-probability")
    scaled = (alpha - 1) * log_p + b * reward
    return scaled - np.expand_dims(log_sum_exp(scaled), -1)


def effective_sample_size(
    log_weight: Float[np.ndarray, "*batch sample"],
) -> Float[np.ndarray, "*batch"] | float:
    """1/Σ w² of normalised weights: between 1 and the number of samples.    [T23]"""
    return np.exp(-log_sum_exp(2 * log_weight))


def effective_sample_ratio(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """Z(α)²/Z(2α-1) = e^{-D₂(q‖p)}: the share of samples of p that stays effective for p^α.    [T23]

    1 at alpha = 1; falls to p(modes) as alpha grows. Z runs over the support. ValueError: alpha < 0, log_p.
    """
    log_p = checked_log_p(log_p)
    checked_exponent(alpha)
    # Relative to the mode both powers stay in range: the shifts of Z(α)² and Z(2α-1)·p* cancel to one p*.
    top = np.max(log_p, axis=-1, keepdims=True)
    depth = log_p - top
    return np.exp(2 * log_sum_exp(log_power(depth, alpha)) - log_sum_exp(log_power(depth, 2 * alpha - 1)) + top[..., 0])


def cumulant_log_odds(
    log_p: Float[np.ndarray, "*#batch y"],
    correct: Bool[np.ndarray, "*#batch y"],
    alpha: float,
    b: float,
) -> Float[np.ndarray, "*batch"] | float:
    """logit A ≈ logit A₀ + (α-1)(μ_C - μ_W) + (α-1)²(σ_C² - σ_W²)/2 + b, error O((α-1)³).    [T23]

    μ, σ² are the mean and variance of log p within the correct and the wrong responses under p: four numbers that
    a few rollouts estimate. nan when either class is empty.
    """
    log_p = checked_log_p(log_p)
    logit, x = b, alpha - 1
    for sign, members in ((1, correct), (-1, ~correct)):
        log_mass, log_class = conditional(np.where(members, log_p, -np.inf))
        q = np.exp(log_class)
        value = np.where(q > 0, log_p, 0.0)
        mean = np.sum(q * value, axis=-1)
        variance = np.sum(q * (value - np.expand_dims(mean, -1)) ** 2, axis=-1)
        log_mass = np.where(np.isneginf(log_mass), np.nan, log_mass)
        logit = logit + sign * (log_mass + x * mean + x**2 * variance / 2)
    return np.asarray(logit)[()]
