"""The tilt family q_{α,b} ∝ p^α e^{b r}: two coordinates for every optimum, with moments and limits.

Why this family. Any J(π) = w E r + c E log p + τ H(π) with τ > 0 is largest at one of its members (T1), and training
by natural gradient from p never leaves it (T8): two numbers say where a policy is, however many responses it has.
alpha is the power on the reference (1: untouched; more: sharpened), b = 1/β the weight of the reward (0: none).

Why everything follows from one function. Φ(α, b) = log Σ p^α e^{br} is the logarithm of a sum of exponentials whose
exponents are linear in (α, b). Differentiating it once gives the means of log p and r under q, twice their variances
and covariance (T2). A mean of anything else moves by its covariance with them. Slopes of accuracy, entropy and KL
below are this, applied.

A sum over weighted samples is the same formula as a sum over the support: q ∝ w e^{(α-1) log p + b r}. Without
`log_mass` the rows are all responses and w = p. With it they are samples y_i ~ p (equal weights: zeros), whose log p
need not add up to one; everything said of p is then said of the weighted samples.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Real, Shaped

from theory.distribution import (
    checked_correct,
    checked_exponent,
    checked_log_p,
    checked_reward,
    conditional,
    entropy,
    expectation,
    kl,
    log_sum_exp,
    measure,
    renyi_entropy,
)

__all__ = [
    "LogOdds",
    "Moments",
    "Tilted",
    "delta_sharpening_bound",
    "entropy",
    "entropy_slope",
    "expectation",
    "exponential_tilt",
    "kl",
    "kl_slope",
    "kl_to_base",
    "log_odds_slope",
    "log_odds_terms",
    "log_partition",
    "log_tilt",
    "moments",
    "renyi_entropy",
    "sharpening_limit",
    "task_limit",
]


class Moments(NamedTuple):
    """First and second moments of (log p, r) under a member of the family; log p in nats."""

    mean_log_p: Float[np.ndarray, "..."] | float
    mean_reward: Float[np.ndarray, "..."] | float
    var_log_p: Float[np.ndarray, "..."] | float
    var_reward: Float[np.ndarray, "..."] | float
    cov: Float[np.ndarray, "..."] | float


class Tilted(NamedTuple):
    """q and its distance KL(q‖p) from the base, in nats."""

    q: Float[np.ndarray, "*batch y"]
    kl: Float[np.ndarray, "*batch"] | float


class LogOdds(NamedTuple):
    """total = alpha · base - (alpha - 1) · diversity_gap + task, each in nats of log-odds."""

    base: Float[np.ndarray, "..."] | float
    diversity_gap: Float[np.ndarray, "..."] | float
    task: float
    total: Float[np.ndarray, "..."] | float


def log_tilt(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    alpha: float | Real[np.ndarray, "*#batch"],
    b: float | Real[np.ndarray, "*#batch"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*batch y"]:
    """log q_{α,b}(y) = α log p(y) + b r(y) - Φ(α, b)    [T1; 2205.11275 for α = 1]

    (1, 0) is p itself, alpha = 0 forgets p and keeps its support, b = 1/beta is KL-regularised RL; b < 0 pays for what
    is wrong. A constant added to the reward cancels, so a reward of -1 for wrong responses is one of 1 for right ones,
    and only the product b r counts. On a single response q is 1 at every point.
    -inf stays -inf (T24). alpha and b may be arrays that broadcast against the leading axes. With log_mass: the
    normalised log weights of the samples [T23].
    ValueError: log_p does not sum to one, shapes differ, alpha < 0, anything but log_p not finite.

    >>> np.exp(log_tilt(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.0]), alpha=2, b=0)).round(3)
    array([0.658, 0.237, 0.105])
    """
    scaled = _unnormalised(log_p, reward, alpha, b, log_mass)
    top = np.max(scaled, axis=-1, keepdims=True)  # finite: a distribution has a support
    scaled -= top
    scaled -= np.log(np.sum(np.exp(scaled), axis=-1, keepdims=True))
    return scaled


def log_partition(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    alpha: float | Real[np.ndarray, "*#batch"],
    b: float | Real[np.ndarray, "*#batch"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*batch"] | float:
    """Φ(α, b) = log Σ_y p(y)^α e^{b r(y)}, convex in (α, b); Φ(1, 0) = 0.    [T2]

    Convex because its second derivatives are variances and covariances, which no direction makes negative. Φ(0, 0) is
    the log of the number of responses, and at b = 0 it falls in alpha, since no probability is above 1.

    With log_mass: log Σ w e^{(α-1) log p + b r}, which is log Σ w at (1, 0). Arguments and errors as in log_tilt.
    """
    return log_sum_exp(_unnormalised(log_p, reward, alpha, b, log_mass))


def kl_to_base(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    alpha: float | Real[np.ndarray, "*#batch"],
    b: float | Real[np.ndarray, "*#batch"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*batch"] | float:
    """KL(q_{α,b}‖p), in nats: `exponential_tilt` of p by (α-1) log p + b r.    [T5, T6]

    0 at (1, 0) and growing along every ray from there, at first as half the variance of (α-1) log p + b r under p. It
    stays below -log p(modes) to the right and below -log p(best reward) upwards: no coordinate spends more.

    Precise next to the base too, where the plain difference of logarithms is rounding and nothing else:

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.zeros(3)
    >>> expected = 1e-18 / 2 * moments(log_p, reward, 1, 0).var_log_p  # alpha = 1 + 1e-9
    >>> round(float(kl_to_base(log_p, reward, 1 + 1e-9, 0) / expected), 3)
    1.0
    >>> bool(abs(kl(log_tilt(log_p, reward, 1 + 1e-9, 0), log_p) / expected - 1) > 1)
    True

    Arguments and errors as in log_tilt.
    """
    _check_b(b)
    log_base = log_tilt(log_p, reward, 1, 0, log_mass)
    on = ~np.isneginf(log_base)
    excess = np.expand_dims(np.asarray(checked_exponent(alpha)) - 1, -1)
    score = excess * np.where(on, log_p, 0.0) + np.expand_dims(b, -1) * np.asarray(reward)
    return exponential_tilt(log_base, score).kl


def exponential_tilt(log_base: Float[np.ndarray, "*#batch y"], score: Float[np.ndarray, "*#batch y"]) -> Tilted:
    """q ∝ p e^t for any score t that is finite, and KL(q‖p) = E_q[t] - log E_p[e^t].    [T5]

    Any reweighting of p is one, with t its log ratio to p: points of the plane, fronts of graded rewards, the curves
    of the forecast. A constant in t changes neither q nor the distance.

    log_base is a distribution. The distance is precise near t = 0 too, where both terms are of order |t| and their
    difference of order t²: t is centred, so that the terms of first order cancel exactly. Below |t| = 1 sums are taken
    of e^t - 1, which keeps the digits of a small t; above, the two terms differ enough to be subtracted as they are,
    and e^t - 1 could overflow.
    """
    base = np.exp(log_base)
    score = np.where(np.isneginf(log_base), 0.0, score - np.expand_dims(_dot(base, score), -1))
    small = np.max(np.abs(score), axis=-1) < 1
    growth = np.expm1(np.where(small[..., None], score, 0.0)) if small.any() else np.zeros_like(score)
    total = _dot(base, growth)
    height = log_base + score
    log_z = np.log1p(total) if small.all() else np.where(small, np.log1p(total), log_sum_exp(height))
    q = np.exp(height - np.expand_dims(log_z, -1))
    # Σ q t = Σ p t e^t/Z, and Σ p t = 0.
    mean = np.where(small, _dot(base * score, growth) / (1 + total), _dot(q, score))
    return Tilted(q, np.maximum(mean - log_z, 0.0)[()])


def moments(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    alpha: float | Real[np.ndarray, "*#batch"],
    b: float | Real[np.ndarray, "*#batch"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Moments:
    """Gradient and Hessian of Φ: mean and covariance of (log p, r) under q_{α,b}.    [T2; 2605.04542]

    For any f, ∂_α E[f] = Cov(f, log p) and ∂_b E[f] = Cov(f, r): raising a weight makes more of the responses on which
    its score is above average. So of the accuracy E[r], `var_reward` >= 0 is the slope upwards (more task reward) and
    `cov`, of either sign, the slope to the right (more sharpening).
    For rewards of 0 and 1 with accuracy A, var_reward = A(1-A) and cov = A(1-A)(E[log p|right] - E[log p|wrong]): more
    sharpening helps where right responses are the likelier ones on average, not where the likeliest one is right.
    With log_mass the moments of weighted samples (divisor n; times n/(n-1) for no bias at equal weights).
    Arguments and errors as in log_tilt.
    """
    q = log_tilt(log_p, reward, alpha, b, log_mass)
    np.exp(q, out=q)
    # Off the support q = 0 and log p = -inf: any finite stand-in keeps 0 · -inf out of the sums.
    log_p = np.where(np.isneginf(log_p), 0.0, log_p) if np.isneginf(np.min(log_p)) else np.asarray(log_p)
    mean_log_p, mean_reward = _dot(q, log_p), _dot(q, np.asarray(reward))
    # Centred before they are squared: E x² - (E x)² of a log p of -1000 ± 1 would lose six digits.
    log_p, reward = log_p - np.expand_dims(mean_log_p, -1), reward - np.expand_dims(mean_reward, -1)
    weighted = q * reward
    cov, var_reward = _dot(weighted, log_p), _dot(weighted, reward)
    return Moments(mean_log_p, mean_reward, _dot(q * log_p, log_p), var_reward, cov)


def log_odds_terms(
    log_p: Float[np.ndarray, "*#batch y"],
    correct: Bool[np.ndarray, "*#batch y"],
    alpha: float,
    b: float,
) -> LogOdds:
    """logit A(α,b) = α logit A₀ - (α-1) [H_α(p_C) - H_α(p_W)] + b, exactly.    [T3]

    A is the probability of the correct responses C, p_C = p(·|C), and H_α the Rényi entropy. Sharpening
    multiplies the base log-odds and charges for every extra way there is to be right: above alpha = 1
    it helps exactly when base > diversity_gap.

    Why. q gives C the mass e^b Σ_C p^α, which is e^b P(C)^α times Σ p_C^α; the last sum is e^{(1-α) H_α(p_C)} by the
    definition of H_α. The wrong responses have the same without e^b, and logit A is the log of the ratio of the two.
    A power splits a mass that is spread over n equal ways into n parts of a small number each, so that both classes
    lose by their variety and the more varied one loses more: with n ways to be right and m to be wrong, all equally
    likely within their class, the gap is log(n/m) at every alpha.

    alpha = 1 is base + b whatever the gap. alpha -> inf compares the likeliest right response with the likeliest wrong
    one: total/alpha tends to the difference of their log p. b moves log-odds by b and nothing else. If p supports no
    correct response (or no wrong one), accuracy is 0 (or 1) on the whole plane: base = total = -inf (or +inf), and the
    gap is 0 by definition. ValueError: a correct that is not 0 or 1, b not finite, alpha or log_p as in log_tilt.

    >>> terms = log_odds_terms(np.log([0.5, 0.3, 0.2]), np.array([False, True, True]), alpha=2, b=0)
    >>> round(float(terms.base), 3), round(float(terms.diversity_gap), 3), round(float(terms.total), 3)
    (0.0, 0.654, -0.654)
    """
    log_p, alpha = checked_log_p(log_p), checked_exponent(alpha)
    correct = checked_correct(correct, log_p)
    if not np.isfinite(b):
        raise ValueError(f"b must be finite, got {b}; its limit is tilt.task_limit")
    log_mass_correct, log_correct = conditional(np.where(correct, log_p, -np.inf))
    log_mass_wrong, log_wrong = conditional(np.where(correct, -np.inf, log_p))
    base = log_mass_correct - log_mass_wrong
    mixed = np.isfinite(base)
    gap = np.where(mixed, renyi_entropy(log_correct, alpha) - renyi_entropy(log_wrong, alpha), 0.0)[()]
    # At alpha = 0 the product alpha · base would be nan where base is infinite.
    total = np.where(mixed, alpha * np.where(mixed, base, 0.0) - (alpha - 1) * gap + b, base)[()]
    return LogOdds(base, gap, float(b), total)


def log_odds_slope(
    log_p: Float[np.ndarray, "*#batch y"],
    correct: Bool[np.ndarray, "*#batch y"],
    alpha: float,
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*batch"] | float:
    """∂_α logit A = E_q[log p | C] - E_q[log p | W] under q_{α,b}; the same at every b.    [T3]

    In nats per unit of alpha; its sign at alpha = 1 says whether a little sharpening helps. A reward multiplies all of
    C by one factor, so that within C, and within W, q is the same at every b: hence no b in the slope. Its own slope in
    alpha is Var(log p|C) - Var(log p|W), of either sign: what helps at first may harm later (`turning_points`).
    At alpha = 1 it is the base log-odds less the diversity gap there: E log p within a class is the log of its mass
    less its Shannon entropy.
    nan when C or W is empty. Arguments and errors as in log_tilt.
    """
    correct = checked_correct(correct, np.asarray(log_p))
    log_q = log_tilt(log_p, correct, alpha, 0, log_mass)
    classes = np.where(correct, log_q, -np.inf), np.where(correct, -np.inf, log_q)
    of_correct, of_wrong = (
        np.where(np.isneginf(mass), np.nan, expectation(log_class, log_p))[()]
        for mass, log_class in map(conditional, classes)
    )
    return of_correct - of_wrong


def sharpening_limit(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    b: float | Real[np.ndarray, "*#batch"] = 0.0,
) -> Float[np.ndarray, "*batch y"]:
    """lim_{α→∞} log q_{α,b}: the modes of p, each in proportion to e^{b r}.    [T4; 1908.10090]

    q(y)/q(mode) = (p(y)/p(mode))^α e^{b (r(y) - r(mode))}, whose first factor vanishes for every y that is no mode. A
    reward can then only choose among the modes: a wrong mode that is alone wins against any finite b. In translation
    models the mode is often the empty sentence.
    Ties are exact ties of floating point: two modes one rounding apart do differ once alpha is large enough.
    """
    log_p = checked_log_p(log_p)
    return _tilt_of_face(log_p, log_p, 0, reward, b)


def task_limit(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    alpha: float | Real[np.ndarray, "*#batch"] = 1.0,
) -> Float[np.ndarray, "*batch y"]:
    """lim_{b→∞} log q_{α,b}: p^α restricted to the best reward on the support.    [T4]

    A reward sees no difference between responses that it pays alike, so their proportions stay those of p^α: what a
    long run on a task reward makes of a table is the base model's own way of being right, not its likeliest one.
    With alpha = 1 and a binary reward this is p(·|C), or p itself where p supports no correct response.
    """
    log_p = checked_log_p(log_p)
    return _tilt_of_face(log_p, np.where(np.isneginf(log_p), -np.inf, checked_reward(reward, log_p)), alpha, reward, 0)


def entropy_slope(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """∂_α H(q_{α,0}) = -α Var(log p) <= 0: sharpening never gains entropy.    [T6]

    H = Φ - α E log p. Its derivative is E log p - E log p - α Var(log p): the first from Φ, the rest from the product.
    0 where q is uniform on what it holds: at alpha = 0 (log of the support, the most there is), and on the modes.
    """
    return -alpha * moments(log_p, np.zeros(np.shape(log_p)), alpha, 0).var_log_p


def kl_slope(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """∂_α KL(q_{α,0}‖p) = (α-1) Var(log p): the distance from p grows away from alpha = 1.    [T6]

    KL = (α-1) E log p - Φ, differentiated as the entropy is. So a KL budget names one alpha on either side of 1.
    """
    return (alpha - 1) * moments(log_p, np.zeros(np.shape(log_p)), alpha, 0).var_log_p


def delta_sharpening_bound(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """1 - q_{α,0}(y*) <= ((1-p*)/p*) (1+γ)^{-(α-1)}, 1+γ = p*/(the next likeliest).    [T7; 2412.01951]

    The mass off the mode y* is at most its odds, Σ (p/p*)^α over all others. Of each term take out one factor p/p*;
    the α-1 that are left are at most 1/(1+γ) each, and the sum of what was taken out is (1-p*)/p*. So what is off the
    mode falls exponentially in alpha, and by how much the mode leads the next decides how fast. Below alpha = 1 the
    powers α-1 are negative and the bound turns round. At alpha = 1 it is the odds, not the mass.

    >>> log_p = np.log([0.5, 0.3, 0.2])
    >>> [round(float(delta_sharpening_bound(log_p, alpha)), 3) for alpha in (1, 2, 4)]
    [1.0, 0.6, 0.216]
    >>> [round(1 - float(np.exp(log_tilt(log_p, np.zeros(3), alpha, 0)[0])), 3) for alpha in (1, 2, 4)]
    [0.5, 0.342, 0.134]

    0 when p has one response; above 1 it says nothing.
    ValueError: two modes tie (their shares never sharpen), or alpha < 1 (the power flattens).
    """
    log_p, alpha = checked_log_p(log_p), checked_exponent(alpha)
    if alpha < 1:
        raise ValueError(f"alpha must be >= 1 for the sharpening bound, got {alpha}; below 1 p^alpha flattens p")
    descending = -np.sort(-log_p, axis=-1)
    best = np.asarray(descending[..., 0])
    second = descending[..., 1] if log_p.shape[-1] > 1 else np.full_like(best, -np.inf)
    if np.any(best == second):
        raise ValueError(
            f"log_p has two modes at {float(best.flat[np.argmax(best == second)])}; "
            "the bound needs a unique likeliest response, see sharpening_limit"
        )
    gap = np.where(np.isneginf(second), 0.0, best - second)  # without a second response nothing is off the mode
    return np.exp(log_sum_exp(descending[..., 1:]) - best - (alpha - 1) * gap)[()]


def _unnormalised(log_p, reward, alpha, b, log_mass=None):
    """alpha log p + b r, or (alpha - 1) log p + b r + log_mass of samples, after the checks at the door."""
    log_p, counted = measure(log_p, log_mass)
    reward = checked_reward(reward, log_p)
    checked_exponent(alpha)
    _check_b(b)
    alpha, b = np.expand_dims(alpha, -1), np.expand_dims(b, -1)
    if log_mass is None and np.all(alpha > 0):  # alpha · -inf = -inf is what we want
        return alpha * log_p + b * reward
    off = np.isneginf(counted)
    power = alpha if log_mass is None else alpha - 1
    scaled = np.where(off, -np.inf, power * np.where(off, 0.0, log_p)) + b * reward
    return scaled if log_mass is None else scaled + counted


def _check_b(b):
    if not np.isfinite(b).all():
        raise ValueError(f"b must be finite, got {b}; its limit b -> inf is tilt.task_limit")


def _tilt_of_face(log_p, height, alpha, reward, b):
    """q_{α,b} of p restricted to the responses where `height` is largest.

    Restricted first and normalised, then tilted: the limit of a tilt keeps on its face the proportions of p.
    """
    face = np.where(height == np.max(height, axis=-1, keepdims=True), log_p, -np.inf)
    return log_tilt(face - np.expand_dims(log_sum_exp(face), -1), reward, alpha, b)


def _dot(x, y):
    """Σ_y x y over the last axis, without a temporary."""
    return np.einsum("...y,...y->...", x, y)[()]
