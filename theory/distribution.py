"""A distribution over finitely many responses, as log-probabilities: its validity and its information.

Everywhere in theory: the last axis runs over responses, -inf is a response off the support, units are nats.
"""

from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Real, Shaped

# How far from one a sum of probabilities may be: float32 log-probabilities of a language model pass, a lost
# response of any weight that matters does not.
SUM_TOLERANCE = 1e-5

Exponent = TypeVar("Exponent", bound=float | np.ndarray)


def log_sum_exp(log_x: Float[np.ndarray, "*batch y"]) -> Float[np.ndarray, "*batch"] | float:
    """log Σ_y x(y), in the passes that it needs and no more. -inf for an empty sum."""
    top = np.max(log_x, axis=-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isneginf(top), 0.0, top)  # -inf - (-inf) would be nan
    shifted = log_x - top
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for an empty sum
        return top[..., 0] + np.log(np.sum(np.exp(shifted, out=shifted), axis=-1))


def checked_log_p(log_p: Float[np.ndarray, "..."], name: str = "log_p") -> Float[np.ndarray, "..."]:
    """log_p itself if every row is a distribution; ValueError says what is wrong and by how much."""
    log_p = np.asarray(log_p, dtype=np.float64)
    if log_p.ndim == 0 or log_p.shape[-1] == 0:
        raise ValueError(f"{name} has shape {log_p.shape}; its last axis must run over responses")
    with np.errstate(over="ignore"):  # an absurd +1000 is reported below as an infinite sum
        total = np.sum(np.exp(log_p), axis=-1)
    if np.isnan(total).any():
        raise ValueError(f"{name} holds nan; give -inf for a response of probability zero")
    wrong = np.abs(total - 1)
    if wrong.max(initial=0.0) > SUM_TOLERANCE:
        worst = total.flat[np.argmax(wrong)]
        raise ValueError(
            f"the probabilities of {name} sum to {worst:.6g}, off by {worst - 1:+.3g}; "
            "normalise them (subtract their log-sum-exp) first"
        )
    return log_p


def checked_reward(
    reward: Shaped[np.ndarray, "..."], log_p: Float[np.ndarray, "..."], name: str = "reward"
) -> Shaped[np.ndarray, "..."]:
    """reward itself if it is finite and one number for each response of log_p."""
    reward = np.asarray(reward, dtype=np.float64)
    if reward.shape[-1:] != log_p.shape[-1:]:
        raise ValueError(
            f"{name} has shape {reward.shape} but log_p has shape {log_p.shape}; "
            "both need the same last axis, one entry a response"
        )
    if not np.isfinite(reward).all():
        raise ValueError(f"{name} holds {reward[~np.isfinite(reward)].flat[0]}; every entry must be finite")
    return reward


def checked_log_mass(log_mass: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """log_mass itself if every row has some. It need not add up to one; -inf leaves a row out."""
    log_mass = np.asarray(log_mass, dtype=np.float64)
    if log_mass.ndim == 0 or log_mass.shape[-1] == 0:
        raise ValueError(f"log_mass has shape {log_mass.shape}; its last axis must run over samples")
    top = np.max(log_mass, axis=-1)  # nan if any is
    if not np.isfinite(top).all():
        raise ValueError(
            f"log_mass has a row whose largest entry is {top[~np.isfinite(top)].flat[0]}; "
            "each row needs a finite one and no nan or inf"
        )
    return log_mass


def checked_whole(numbers: int | np.integer | Real[np.ndarray, "..."], name: str) -> Int[np.ndarray, "..."]:
    """Counts as an array of integers, if they are whole numbers."""
    numbers = np.asarray(numbers)
    if not np.all(np.isfinite(numbers) & (np.floor(numbers) == numbers)):
        raise ValueError(f"{name} must be a whole number, got {numbers.tolist()}")
    return numbers.astype(np.int64)


def plain(values: float | Real[np.ndarray, "..."]) -> float | Real[np.ndarray, "..."]:
    """A float for an array of no axes, the array itself otherwise."""
    return values if np.ndim(values) else float(values)


def measure(
    log_p: Float[np.ndarray, "..."], log_mass: Float[np.ndarray, "..."] | None
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """(log p, log of what each row counts): log p itself for all responses, log_mass for weighted samples of p.

    Sums over samples and sums over the support are one formula. Samples of equal weight have log_mass 0, and their
    log p need not add up to one. ValueError: no distribution, or a sample without a finite log p.
    """
    if log_mass is None:
        log_p = checked_log_p(log_p)
        return log_p, log_p
    log_p, log_mass = np.asarray(log_p, dtype=np.float64), checked_log_mass(log_mass)
    if not np.all(np.isfinite(log_p) | (np.isneginf(log_p) & np.isneginf(log_mass))):
        raise ValueError("log_p must be finite where log_mass is: a sampled response has a probability")
    return log_p, log_mass


def checked_correct(correct: Shaped[np.ndarray, "..."], log_p: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """correct itself if it says yes or no of each response; zeros and ones are taken for no and yes.

    ValueError for any other number: -1 or .5 would silently count as correct.
    """
    mask = checked_reward(correct, log_p, "correct")
    wrong = mask[(mask != 0) & (mask != 1)]
    if wrong.size:
        raise ValueError(f"correct holds {wrong.flat[0]:g}; it must be True or False for each response")
    return mask == 1


def checked_exponent(alpha: Exponent) -> Exponent:
    """alpha itself if it is finite and >= 0."""
    if not (np.isfinite(alpha).all() and np.all(np.greater_equal(alpha, 0))):
        raise ValueError(
            f"alpha must be finite and >= 0, got {alpha}: below 0 the power p^alpha diverges where p = 0, "
            "and its limit alpha -> inf is tilt.sharpening_limit"
        )
    return alpha


def log_power(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch y"]:
    """alpha log p, with -inf kept off the support: there 0 · -inf is nan and a negative power +inf."""
    if alpha > 0:
        return alpha * log_p
    off = np.isneginf(log_p)
    return np.where(off, -np.inf, alpha * np.where(off, 0.0, log_p))


def conditional(
    log_class: Float[np.ndarray, "*batch y"],
) -> tuple[Float[np.ndarray, "*batch"] | float, Float[np.ndarray, "*batch y"]]:
    """log of the mass of a class (-inf elsewhere) and the distribution within it; if empty, all -inf."""
    mass = log_sum_exp(log_class)
    return mass, log_class - np.expand_dims(np.where(np.isneginf(mass), 0.0, mass), -1)


def expectation(
    log_q: Float[np.ndarray, "*#batch y"], f: Real[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """E_q[f] = Σ_y q(y) f(y). A response without mass adds nothing, whatever f is there (0 · inf = 0)."""
    q = np.exp(log_q)
    return np.sum(q * np.where((q == 0) & ~np.isfinite(f), 0.0, f), axis=-1)


def entropy(log_q: Float[np.ndarray, "*batch y"]) -> Float[np.ndarray, "*batch"] | float:
    """H(q) = -Σ_y q log q, in nats. 0 on a single response, log n when uniform on n."""
    return 0.0 - expectation(log_q, log_q)  # and not -0.0 for a sure response


def kl(
    log_p: Float[np.ndarray, "*#batch y"], log_q: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """KL(p‖q) = Σ_y p (log p - log q), in nats. +inf where p has mass that q has not."""
    off = np.isneginf(log_p)  # where -inf - (-inf) would be nan
    return expectation(log_p, np.where(off, 0.0, log_p) - log_q)


def total_variation(
    log_p: Float[np.ndarray, "*#batch y"], log_q: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """½ Σ_y |p - q|: the largest difference of the probabilities of one event. 0 to 1."""
    return np.sum(np.abs(np.exp(log_p) - np.exp(log_q)), axis=-1) / 2


def renyi_entropy(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """H_α(p) = log Σ_y p^α / (1-α), in nats.

    alpha = 0 counts the support, 1 is the Shannon entropy, inf is -log max p (min-entropy).
    Of log_p normalised: near alpha = 1 a sum that is off by rounding would else be divided by 1-α.
    nan for an empty row (all -inf). ValueError when alpha is negative or nan.
    """
    if not alpha >= 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}: Rényi entropies are defined from 0 to inf")
    if alpha == np.inf:
        return -np.max(log_p, axis=-1)
    log_p = conditional(log_p)[1]
    excess = alpha - 1
    if abs(excess) > 1e-4:
        return log_sum_exp(log_power(log_p, alpha)) / -excess
    # Near 1 both log Σ p^α and 1-α vanish. Around the mean m of log p the first-order terms cancel by
    # construction: log E[e^{ε log p}] = ε m + log E[e^{ε (log p - m)}], whose last term is of order ε².
    mean = -entropy(log_p)
    if excess == 0:
        return -mean
    off = np.exp(log_p) == 0  # beneath the smallest float the exponential below could overflow
    deviation = log_p - np.expand_dims(mean, -1)
    return -mean - np.log1p(expectation(log_p, np.expm1(excess * np.where(off, 0.0, deviation)))) / excess
