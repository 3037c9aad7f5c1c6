"""A distribution over finitely many responses, as log-probabilities: its validity and its information.

Everywhere in theory: the last axis runs over responses, -inf is a response off the support, units are nats.

Why logarithms. A response of some hundred tokens has a probability below e^{-745}, the smallest number that floating
point has, and would be 0, and every ratio of two such probabilities 0/0. Its log p is a plain number. Powers then are
products, ratios differences, and only sums need care: `log_sum_exp`. Where two nearly equal numbers are subtracted,
expm1 and log1p keep the digits that 1 - x or log(1 + x) would lose.

Why -inf and no large negative number for an impossible response. A stand-in of -1e9 comes back to life where it is
multiplied by a small power, and at power 0 it would be as likely as any other. -inf stays impossible as long as nobody
forms 0 · -inf or -inf - (-inf), both nan: where a line could, it puts a finite number there first and says so.

Each check returns what it was given (numbers as float64, masks as truth values, counts as integers), so that a function
can say `log_p = checked_log_p(log_p)` in its first line: bad input is named by argument and value before any work.
"""

from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Real, Shaped

# How far from one a sum of probabilities may be: float32 log-probabilities of a language model pass, a lost
# response of any weight that matters does not.
SUM_TOLERANCE = 1e-5

Exponent = TypeVar("Exponent", bound=float | np.ndarray)


def log_sum_exp(log_x: Float[np.ndarray, "*batch y"]) -> Float[np.ndarray, "*batch"] | float:
    """log Σ_y x(y), in the passes that it needs and no more. -inf for an empty sum.

    The largest term is taken out first. All exponentials are then at most 1 and one of them is 1: nothing overflows,
    and the sum cannot vanish, whatever the size of log x. What underflows is below 1e-300 of the whole.

    >>> round(float(log_sum_exp(np.array([-2000.0, -2000.0]))) + 2000, 9)  # log 2, though e^{-2000} underflows
    0.693147181
    """
    top = np.max(log_x, axis=-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isneginf(top), 0.0, top)  # -inf - (-inf) would be nan
    shifted = log_x - top
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for an empty sum
        return top[..., 0] + np.log(np.sum(np.exp(shifted, out=shifted), axis=-1))


def checked_log_p(log_p: Float[np.ndarray, "..."], name: str = "log_p") -> Float[np.ndarray, "..."]:
    """log_p itself if every row is a distribution; ValueError says what is wrong and by how much.

    A list that adds up to less than one is refused and not normalised: it may be a list of samples, or one that lost
    a response, and what is missing is then not known to be nothing. Formulas for samples take `log_mass` instead.

    >>> checked_log_p(np.log([0.5, 0.3]))
    Traceback (most recent call last):
    ValueError: the probabilities of log_p sum to 0.8, off by -0.2; normalise them (subtract their log-sum-exp) first
    """
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
    """reward itself if it is finite and one number for each response of log_p.

    Truth values and integers become floats here, so that no sum of them overflows or is taken for a mask later on.
    ValueError: another last axis, or an entry that is nan or infinite (an infinite reward is the limit b -> inf).
    """
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
    """log_mass itself if every row has some. It need not add up to one; -inf leaves a row out.

    All formulas divide by the total, so that 0 for each sample and -log n for each are the same weights.
    """
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
    """Counts as an array of integers, if they are whole numbers; 2.0 is one, 2.5 is a ValueError and not cut to 2."""
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

    Sums over samples and sums over the support are one formula. Σ_y p(y) f(y) over all responses is the mean of f over
    samples y_i ~ p: in the first a response counts p(y), in the second each sample counts alike, because p is already
    in how often it was drawn. So a sum over p^α e^{br} becomes one over m p^{α-1} e^{br} with m = p or m = 1, and a
    function that is handed (log p, log m) serves theory and forecast alike.

    Samples of equal weight have log_mass 0, and their log p need not add up to one. ValueError: no distribution, or a
    sample without a finite log p (what was drawn has a probability).
    """
    if log_mass is None:
        log_p = checked_log_p(log_p)
        return log_p, log_p
    log_p, log_mass = np.asarray(log_p, dtype=np.float64), checked_log_mass(log_mass)
    if not np.all(np.isfinite(log_p) | (np.isneginf(log_p) & np.isneginf(log_mass))):
        raise ValueError("log_p must be finite where log_mass is: a sampled response has a probability")
    return log_p, log_mass


def checked_correct(
    correct: Shaped[np.ndarray, "..."], log_p: Float[np.ndarray, "..."], name: str = "correct"
) -> Bool[np.ndarray, "..."]:
    """correct itself if it says yes or no of each response; zeros and ones are taken for no and yes.

    ValueError for any other number: -1 or .5 would silently count as correct.
    """
    mask = checked_reward(correct, log_p, name)
    wrong = mask[(mask != 0) & (mask != 1)]
    if wrong.size:
        raise ValueError(f"{name} holds {wrong.flat[0]:g}; it must be True or False for each response")
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
    """log of the mass of a class (-inf elsewhere) and the distribution within it; if empty, all -inf.

    log_class is log p where a response belongs to the class. An empty class has no distribution: its mass is -inf and
    nothing is subtracted, since -inf - (-inf) would be nan.
    """
    mass = log_sum_exp(log_class)
    return mass, log_class - np.expand_dims(np.where(np.isneginf(mass), 0.0, mass), -1)


def expectation(
    log_q: Float[np.ndarray, "*#batch y"], f: Real[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """E_q[f] = Σ_y q(y) f(y). A response without mass adds nothing, whatever f is there (0 · inf = 0)."""
    q = np.exp(log_q)
    return np.sum(q * np.where((q == 0) & ~np.isfinite(f), 0.0, f), axis=-1)


def entropy(log_q: Float[np.ndarray, "*batch y"]) -> Float[np.ndarray, "*batch"] | float:
    """H(q) = -Σ_y q log q, in nats. 0 on a single response, log n when uniform on n.

    e^H is the number of equally likely responses that would be as varied. A response of probability 0 adds nothing,
    since x log x tends to 0 with x.

    >>> round(float(np.exp(entropy(np.log([0.5, 0.3, 0.2])))), 3)
    2.8
    """
    return 0.0 - expectation(log_q, log_q)  # and not -0.0 for a sure response


def kl(
    log_p: Float[np.ndarray, "*#batch y"], log_q: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """KL(p‖q) = Σ_y p (log p - log q), in nats. +inf where p has mass that q has not.

    Never negative, and 0 for p = q alone (Jensen's inequality for the logarithm). The order matters: the first argument
    draws the samples, so KL(p‖q) punishes q for missing what p does, and says little of what q does beside it. The
    distance of a policy from its base is `kl(log_pi, log_p)` throughout.

    >>> p, q = np.log([0.5, 0.5, 1e-300]), np.log([0.9, 0.05, 0.05])
    >>> round(float(kl(p, q)), 3), round(float(kl(q, p)), 1)  # q does what p never does: cheap one way, dear the other
    (0.857, 34.8)
    """
    off = np.isneginf(log_p)  # where -inf - (-inf) would be nan
    return expectation(log_p, np.where(off, 0.0, log_p) - log_q)


def total_variation(
    log_p: Float[np.ndarray, "*#batch y"], log_q: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """½ Σ_y |p - q|: the largest difference of the probabilities of one event. 0 to 1.

    That event is {p > q}: adding any other response to it can only lower the difference. So no accuracy, whatever
    counts as right, differs by more between the two. At most √(KL(p‖q)/2) (Pinsker's inequality).
    """
    return np.sum(np.abs(np.exp(log_p) - np.exp(log_q)), axis=-1) / 2


def renyi_entropy(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """H_α(p) = log Σ_y p^α / (1-α), in nats.

    alpha = 0 counts the support, 1 is the Shannon entropy, inf is -log max p (min-entropy). In between it falls as
    alpha grows, because a larger power looks at the likelier responses only; log n at every alpha if p is uniform on
    n. So e^{H_α} is a number of ways that shrinks to those that matter: what sharpening charges for.
    Of log_p normalised: near alpha = 1 a sum that is off by rounding would else be divided by 1-α.
    nan for an empty row (all -inf). ValueError when alpha is negative or nan.

    >>> p = np.log([0.5, 0.3, 0.2])
    >>> [round(float(np.exp(renyi_entropy(p, alpha))), 3) for alpha in (0, 1, 2, np.inf)]
    [3.0, 2.8, 2.632, 2.0]
    """
    if not alpha >= 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}: Rényi entropies are defined from 0 to inf")
    if alpha == np.inf:
        return -np.max(log_p, axis=-1)
    log_p = conditional(log_p)[1]
    excess = alpha - 1
    # Both ways are exact; here rounding of 1e-16 is divided by more than 1e-4, and nothing can overflow.
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
