"""Noise in the log p that scores are made of, independent a token: a bonus for length in weights, none in runs.

Half precision, another batch size or another engine change the log p of each token a little, at random, and over L
tokens these errors add up to one of variance s² L. Where log p is a reward it enters linearly and averages out. Where
it is an exponent it does not: the mean of e^{xε} is e^{x² Var(ε)/2} > 1 (the exponential is convex), and the longer a
response, the larger its variance. So importance weights favour length for no reason of the model's.
"""

import numpy as np
from jaxtyping import Float, Real, Shaped

from theory.distribution import checked_exponent, checked_log_p, checked_reward, log_power, log_sum_exp


def log_weight_bonus(
    alpha: float, sd: float, length: float | Real[np.ndarray, "..."], kappa: float = 0.0
) -> float | Float[np.ndarray, "..."]:
    """(α-1)² s² L^{1-2κ}/2 nats: log E[e^{(α-1) ε/L^κ}] for ε normal with variance s² L.    [T32; T20 for kappa]

    What importance weights e^{(α-1)(ℓ+ε)} add, on average, to a response of L tokens; sd = s of one token. At α = 1
    there are no weights and no bonus. A run on the reward ℓ + ε with fresh noise has mean reward ℓ: only variance.
    ValueError: sd negative or not finite.

    >>> [round(float(log_weight_bonus(alpha, sd=0.1, length=1000)), 2) for alpha in (1, 1.25, 4)]
    [0.0, 0.31, 45.0]
    """
    if not (np.isfinite(sd) and sd >= 0):
        raise ValueError(f"sd must be finite and >= 0, got {sd}")
    return (checked_exponent(alpha) - 1) ** 2 * sd**2 * length ** (1 - 2 * kappa) / 2


def weighted_excess(
    alpha: float, sd: float, length: float | Real[np.ndarray, "..."], kappa: float = 0.0
) -> float | Float[np.ndarray, "..."]:
    """(α-1) s² L^{1-κ} nats: E[ε e^{(α-1) ε/L^κ}]/E[e^{(α-1) ε/L^κ}], what a weighted mean of ℓ + ε has too much. [T32]

    The weights prefer the responses whose log p came out too high. At α = 1 nothing is weighed and nothing is added.
    With x = (α-1)/L^κ it is the slope of log E e^{xε} = x² Var(ε)/2 in x, that is x Var(ε).
    """
    return (checked_exponent(alpha) - 1) * sd**2 * length ** (1 - kappa)


def sd_of_a_token(
    log_p: Float[np.ndarray, " rows"], again: Float[np.ndarray, " rows"], length: Real[np.ndarray, " rows"]
) -> float:
    """s = sqrt(mean (ℓ - ℓ')²/(2L)): of one token, from responses that were scored twice.    [T32]

    Both ℓ and ℓ' have the error of variance s² L, so that their difference has twice that. Rows where `again` is nan
    were scored once and say nothing. nan where that is all; 0 for arithmetic that does not depend on its batch.
    Each response is divided by its length first, so that long ones do not decide alone.

    >>> noise = 0.1 * np.sqrt(100) * np.random.default_rng(0).normal(size=(2, 1000))  # .1 a token, 100 tokens
    >>> round(sd_of_a_token(noise[0] - 50, noise[1] - 50, np.full(1000, 100)), 2)
    0.1
    """
    twice = np.isfinite(again)
    if not twice.any():
        return float("nan")
    return float(np.sqrt(np.mean((log_p[twice] - again[twice]) ** 2 / (2 * length[twice]))))


def noisy_power(
    log_p: Float[np.ndarray, "*#batch y"], length: Shaped[np.ndarray, "*#batch y"], alpha: float, sd: float
) -> Float[np.ndarray, "*batch y"]:
    """log of p^α e^{(α-1)² s² L/2}/Z: where weights made of noisy log p point instead of at p^α.    [T32]

    Like T20's e^{-λ|y|} with λ = -(α-1)² s²/2: lengths are favoured, content at equal length is not touched. At α = 4
    and s = .1 nats 1,000 tokens gain 45 nats. Only the mean of the weights does so; a
    finite sample sees less of it, since it is carried by a few samples whose noise is large.
    """
    log_p = checked_log_p(log_p)
    scaled = log_power(log_p, alpha) + log_weight_bonus(alpha, sd, checked_reward(length, log_p, "length"))
    return scaled - np.expand_dims(log_sum_exp(scaled), -1)
