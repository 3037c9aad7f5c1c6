"""Any point of the plane from samples of the base model, and how many of them that leaves.

The last axis of every array runs over samples. Prompts with different numbers of samples stand one after the other in
one long array instead; `start` then holds the first row of each prompt, and sums are taken prompt by prompt.
A row counts as often as `log_mass` says: 0 for a sample of p (each as much as the next), log p where the rows are all
responses of a prompt, each once. So one formula serves an estimate and the finite sum that it estimates.

Why weights. Samples of p are no samples of q, but E_q f = E_p[(q/p) f]: each sample counts by its ratio q/p ∝ e^t, and
the constant that is not known drops out when weights are divided by their sum. That division makes the estimate
biased, by about 1/n of a variance, which a jackknife sees.

Why it stops working. The ratio of the largest weight to the rest grows exponentially with the distance of q from p.
When one sample has nearly all the weight, the estimate is that sample, however many there are. 1/Σ w² says how many
samples it still is: the number of equal weights that would have the same variance.
"""

from typing import NamedTuple, overload

import numpy as np
from jaxtyping import Float, Int, Real, Shaped

from theory.distribution import checked_exponent, checked_log_p, log_power, log_sum_exp

Start = Int[np.ndarray, " prompt"]


def tilt_score(
    log_p: Float[np.ndarray, "*#batch sample"],
    reward: Shaped[np.ndarray, "*#batch sample"],
    alpha: float,
    b: float,
    length: Real[np.ndarray, "*#batch sample"] | None = None,
    kappa: float = 0.0,
) -> Float[np.ndarray, "*batch sample"]:
    """t = (α-1) log p/|y|^κ + b r: log q - log p at (α, b), up to a constant of the prompt.    [T23; T20 for kappa]

    0 for every response at the base point (1, 0). length in tokens, needed where kappa is not 0.
    alpha - 1, not alpha: one factor p is in how often each response was drawn.
    ValueError: alpha < 0, b, a reward or a log_p that is not finite (p cannot have sampled it).

    >>> tilt_score(np.array([-2.0, -6.0]), np.array([0.0, 1.0]), alpha=1.5, b=3.0)
    array([-1.,  0.])
    """
    checked_exponent(alpha)
    if not (np.isfinite(log_p).all() and np.isfinite(reward).all() and np.isfinite(b)):
        raise ValueError("log_p, reward and b must be finite; a sampled response has a finite log-probability")
    if not kappa:
        return (alpha - 1) * log_p + b * reward
    if length is None:
        raise ValueError(f"kappa is {kappa}, and the score is then divided by |y|^kappa: give length")
    return (alpha - 1) * (log_p / length**kappa) + b * reward


def limit_score(
    height: Float[np.ndarray, "*batch sample"], start: Start | None = None
) -> Float[np.ndarray, "*batch sample"]:
    """The limit of t as the weight of `height` grows for ever: 0 on its largest values, -inf elsewhere.    [T4, T8]

    height = log p is the limit of sharpening, height = r that of a task reward: the face of the simplex that the flow
    ends on keeps p's proportions. Of samples: each of those at the top counts alike, since how often it was drawn is
    p's proportion. Ties are exact ties of floating point.
    """
    top = np.max(height, axis=-1) if start is None else np.maximum.reduceat(height, start)
    return np.where(height == _each(top, height, start), 0.0, -np.inf)


def log_total(
    score: Float[np.ndarray, "*batch sample"],
    start: Start | None = None,
    log_mass: Float[np.ndarray, "*batch sample"] | None = None,
) -> Float[np.ndarray, "*prompts"] | float:
    """log Σ_i m_i e^{t_i} of each prompt, m = e^{log_mass}; m = 1 for samples.    [T23]

    Less the log of the number of samples it estimates Φ(α, b), from below on average (the logarithm is concave).
    """
    exponent = score if log_mass is None else score + log_mass
    if start is None:
        return log_sum_exp(exponent)
    top = np.maximum.reduceat(exponent, start)
    return top + np.log(np.add.reduceat(np.exp(exponent - _each(top, exponent, start)), start))


def log_weights(
    score: Float[np.ndarray, "*batch sample"],
    start: Start | None = None,
    log_mass: Float[np.ndarray, "*batch sample"] | None = None,
) -> Float[np.ndarray, "*batch sample"]:
    """log w, w_i ∝ m_i e^{t_i} and Σ w = 1 in each prompt: self-normalised importance sampling.    [T23]

    score is t of `tilt_score` or of a limit; log_mass as above. Equal scores of samples give equal weights, and a score
    of -inf no weight. Two prompts in one array, with two samples and three, each by itself:

    >>> np.exp(log_weights(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), start=np.array([0, 2]))).round(3)
    array([0.5  , 0.5  , 0.576, 0.212, 0.212])
    """
    exponent = score if log_mass is None else score + log_mass
    return exponent - _each(log_total(score, start, log_mass), exponent, start)


@overload
def effective_sample_size(
    log_weight: Float[np.ndarray, "*batch sample"], start: Start
) -> Float[np.ndarray, " prompt"]: ...


@overload
def effective_sample_size(
    log_weight: Float[np.ndarray, "*batch sample"], start: None = None
) -> Float[np.ndarray, "*batch"] | float: ...


def effective_sample_size(
    log_weight: Float[np.ndarray, "*batch sample"], start: Start | None = None
) -> Float[np.ndarray, "*prompts"] | float:
    """1/Σ w² of normalised weights: between 1 and the number of samples.    [T23]

    A weighted mean of independent values of variance v has the variance v Σ w², that of a plain mean of this many. It
    is itself an estimate, and too large where the responses that matter most were never drawn: nothing in the weights
    tells of them. In logarithms, so that weights below the smallest float count as what they are.

    >>> round(float(effective_sample_size(np.log([0.5, 0.25, 0.25]))), 2), float(effective_sample_size(np.zeros(1)))
    (2.67, 1.0)
    """
    return np.exp(-log_total(2 * log_weight, start))


def effective_sample_ratio(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """Z(α)²/Z(2α-1) = e^{-D₂(q‖p)}: the share of samples of p that stays effective for p^α.    [T23]

    1 at alpha = 1; falls to p(modes) as alpha grows. Z runs over the support. ValueError: alpha < 0, log_p.

    By the law of large numbers Σ w² of n samples tends to E[e^{2t}]/(n E[e^t]²), and with e^t = p^{α-1} both are power
    sums of p. Over independent tokens they multiply, so the share falls exponentially with length, near alpha = 1 as
    e^{-(α-1)² Var log p}: with a standard deviation of 10 nats α = 1.13 leaves about 6 of 32 samples.

    >>> round(float(effective_sample_ratio(np.log([0.4, 0.3, 0.2, 0.1]), alpha=2)), 3)
    0.9
    """
    log_p = checked_log_p(log_p)
    checked_exponent(alpha)
    # Relative to the mode both powers stay in range: the shifts of Z(α)² and Z(2α-1)·p* cancel to one p*.
    top = np.max(log_p, axis=-1, keepdims=True)
    depth = log_p - top
    return np.exp(2 * log_sum_exp(log_power(depth, alpha)) - log_sum_exp(log_power(depth, 2 * alpha - 1)) + top[..., 0])


def cumulant_log_odds(
    log_p: Float[np.ndarray, "*#batch y"],
    correct: Shaped[np.ndarray, "*#batch y"],
    alpha: float,
    b: float,
    start: Start | None = None,
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*prompts"] | float:
    """logit A ≈ logit A₀ + (α-1)(μ_C - μ_W) + (α-1)²(σ_C² - σ_W²)/2 + b, error O((α-1)³).    [T23]

    μ, σ² are the mean and variance of log p within the correct and the wrong responses under p: four numbers that
    a few rollouts estimate. correct may be a share in [0, 1], which counts towards both classes. log_mass: log p itself
    unless it is given, 0 for samples; log_p may then be any score of them, such as log p/|y|^κ.
    nan when either class is empty.

    The mass of a class at α is its mass at 1 times E[e^{(α-1) log p}] within it, and the log of that mean is a sum of
    cumulants: mean, half the variance, a sixth of the third. Exact in b, and in α too if log p is normal within both
    classes. The squared term is what turns accuracy round: to this order the class whose log p spreads more wins in
    the end.
    """
    x = alpha - 1
    right, wrong = _classes(log_p, correct, start, log_mass)
    slope, curvature = right.mean - wrong.mean, right.variance - wrong.variance
    return (right.log_mass - wrong.log_mass + x * slope + x**2 * curvature / 2 + b)[()]


def cumulant_next_term(
    log_p: Float[np.ndarray, "*#batch y"],
    correct: Shaped[np.ndarray, "*#batch y"],
    alpha: float,
    start: Start | None = None,
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*prompts"] | float:
    """|α-1|³ (|κ₃_C| + |κ₃_W|)/6, of third cumulants: the size of what `cumulant_log_odds` leaves out.    [T23]

    Sizes are added, not subtracted: two skews may cancel in this term and not in the next. It is the order of the
    error and no bound for it: where it is not small, the series says nothing.
    """
    right, wrong = _classes(log_p, correct, start, log_mass)
    return (abs(alpha - 1) ** 3 * (np.abs(right.third) + np.abs(wrong.third)) / 6)[()]


class _Class(NamedTuple):
    """Of the correct or the wrong responses: log of their mass (nan if there are none), and moments of log p."""

    log_mass: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    third: np.ndarray


def _classes(
    log_p: np.ndarray, correct: np.ndarray, start: Start | None, log_mass: np.ndarray | None
) -> tuple[_Class, _Class]:
    """The correct responses and the wrong ones."""
    share_correct = np.asarray(correct, float)
    if not ((share_correct >= 0) & (share_correct <= 1)).all():
        raise ValueError(f"correct must be true or false, or a share between 0 and 1; got {correct}")
    if log_mass is None:
        log_mass = log_p = checked_log_p(log_p)
    mass, value = np.exp(log_mass), np.where(np.isneginf(log_mass), 0.0, log_p)
    found = []
    for share in (share_correct, 1 - share_correct):
        total = _total(mass * share, start)
        q = mass * share / _each(np.where(total > 0, total, 1.0), value, start)
        mean = _total(q * value, start)
        centred = value - _each(mean, value, start)
        log_of_class = np.log(total, out=np.full(total.shape, np.nan), where=total > 0)
        found.append(_Class(log_of_class, mean, _total(q * centred**2, start), _total(q * centred**3, start)))
    right, wrong = found
    return right, wrong


def _total(values: np.ndarray, start: Start | None) -> np.ndarray:
    """Σ over each prompt's rows."""
    return np.asarray(np.sum(values, axis=-1)) if start is None else np.add.reduceat(values, start)


def _each(of_prompt: np.ndarray | float, rows: np.ndarray, start: Start | None) -> np.ndarray:
    """A prompt's value at each of its rows."""
    if start is None:
        return np.expand_dims(of_prompt, -1)
    return np.repeat(of_prompt, np.diff(start, append=rows.shape[-1]))
