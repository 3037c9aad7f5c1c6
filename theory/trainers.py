"""What a trainer really optimises: the same reward, but the fixed point of its estimator.

A paper writes an objective; a trainer multiplies ∇ log π of its samples by some number, and stops where the mean of
that product is 0. The two agree for RLOO with the KL inside the reward. They part where the number is divided by
something that depends on the policy (a standard deviation, a length), or where an estimate of a KL divergence is
differentiated as if its samples did not depend on the policy. Each function here is the policy at which one such
trainer rests, and its docstring says why.

| trainer, KL weight β, reward R | rests at |
|---|---|
| RLOO, KL in the reward | p e^{R/β}/Z: T1 |
| RLOO, k3 estimate of KL in the loss | p/(1 - A/β): T13 |
| GRPO, KL beside the advantage | p e^{h/β}/Z with h of its groups: `saddle_node`, `finite_group` |
| anything divided by the sd of the return with its KL inside | nowhere: T14 |
| returns divided by length, balance within it | length enters the target: T20 |
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real, Shaped

from theory.distribution import (
    checked_exponent,
    checked_log_mass,
    checked_log_p,
    checked_reward,
    expectation,
    log_power,
    log_sum_exp,
)
from theory.saddle_node import (
    StdNormalisedAlpha,
    critical_beta,
    critical_beta_of_sd,
    std_normalised_alpha,
    std_normalised_drift,
)

__all__ = [
    "StdNormalisedAlpha",
    "balance_rate",
    "critical_beta",
    "critical_beta_of_sd",
    "k3_in_loss_optimum",
    "length_normalised_optimum",
    "rloo_alpha",
    "std_normalised_alpha",
    "std_normalised_drift",
    "std_normalised_return_step",
    "trajectory_balance_optimum",
    "trajectory_balance_rate",
    "two_cycle",
    "two_cycle_deviation",
]


class TwoCycle(NamedTuple):
    """The two distances between which a std-normalised return jumps; they add up to the step size."""

    low: float
    high: float


def rloo_alpha(beta: float) -> float:
    """1 + 1/β: the exponent that RLOO reaches on reward log p with reverse-KL weight β, at every β.    [T12]

    J = E log p - β KL(π‖p) is T1 with c = 1 + β and τ = β, whose ratio this is. For comparison with GRPO, whose
    division by a standard deviation makes `saddle_node` of it. ValueError unless beta is finite and > 0.
    """
    return 1 + 1 / _checked_beta(beta)


def k3_in_loss_optimum(
    log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], beta: float
) -> Float[np.ndarray, " y"]:
    """log π of π = p/(1 - A/β), A = R - E_π R: the k3 estimate of KL as a loss, not in the reward.    [T13; 2506.09477]

    The gradient of k3 = p/π - 1 - log(p/π) over samples that are held fixed is that of KL(p‖π), so this is the one
    maximum of E_π R - β KL(p‖π). It exists at every β > 0 (max A < β holds at it by itself), it is no power of p,
    and its tails are polynomial in the reward where those of the tilt e^{R/β} are exponential.

    Why. With samples held fixed k3 has gradient (1 - p/π) ∇ log π, whose mean under π is -Σ p ∇ log π, the gradient of
    KL(p‖π). At rest R + β p/π is one constant m for all responses; its mean under π gives m = E_π R + β. Solved for π:
    β p/(m - R), with the one m > max R at which it sums to one. As β -> ∞ it is p, and to first order in 1/β the
    reverse-KL tilt p (1 + A/β); as β -> 0 all mass goes to the best responses. KL(p‖π) is infinite wherever π loses a
    response of p: nothing is given up entirely, at any β.
    Off the support of p the reward is not read. ValueError: beta not finite and > 0, shapes, nan.

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0])
    >>> np.exp(k3_in_loss_optimum(log_p, reward, beta=0.1)).round(3)  # the tilt of weight 10 leaves 5e-5 of the first
    array([0.048, 0.571, 0.381])
    """
    log_p = checked_log_p(log_p)
    on = ~np.isneginf(log_p)
    if np.shape(reward) == log_p.shape:
        reward = np.where(on, reward, 0.0)
    reward = checked_reward(reward, log_p)
    best = np.max(reward[on])
    with np.errstate(divide="ignore"):  # the best response has gap 0, log gap -inf
        log_gap = np.log((best - np.where(on, reward, best)) / _checked_beta(beta))

    def log_policy(log_slack):
        """log p - log((best - R)/β + slack); slack = 1 - max A/β is between p(best) and 1."""
        return log_p - np.logaddexp(log_gap, log_slack)

    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    # The slack lies between p(best) and Σp, which is one up to the tolerance of checked_log_p: at p(best) the best
    # responses alone would have all the mass, at Σp no response would have more than p.
    lowest, highest = log_sum_exp(np.where(np.isneginf(log_gap), log_p, -np.inf)), log_sum_exp(log_p)
    if lowest >= highest or log_sum_exp(log_policy(lowest)) <= 0:  # nothing to move, or all mass on the best
        return log_policy(lowest)
    # A little higher, because rounding could leave the sum at Σp a little above one.
    return log_policy(brentq(lambda x: log_sum_exp(log_policy(x)), lowest, highest + 1e-12, xtol=1e-14, rtol=1e-14))


def std_normalised_return_step(
    log_pi: Float[np.ndarray, " y"], log_target: Float[np.ndarray, " y"], step_size: float
) -> Float[np.ndarray, " y"]:
    """log π ← log π + η (R - E R)/sd(R), R = w r + c log p - τ log π: a mirror step of GRPO on the
    total return.    [T14]

    With d = log π - log π*, R is -τ d up to a constant, so the step is d ← (1 - η/sd_π(d)) d: τ drops out, the
    direction is kept and the distance sd_π(d) goes to |sd_π(d) - η|, under the policy before the step.

    So a step has one length, as in sign descent: near the optimum, where the return hardly varies, it is blown up to
    the same size as far away, and the policy jumps across. Only a learning rate that falls makes it settle. The KL
    weight loses its meaning too: it changes where π* lies, not how hard the run is pulled there.
    At π = π* there is no return to normalise and the policy stays; a distance of rounding size is none.
    """
    on = ~np.isneginf(checked_log_p(log_pi, "log_pi"))
    here, there = np.where(on, log_pi, 0.0), np.where(on, checked_log_p(log_target, "log_target"), 0.0)
    distance = here - there
    distance = distance - expectation(log_pi, distance)
    sd = np.sqrt(expectation(log_pi, distance**2))
    rounding = 8 * np.finfo(float).eps * np.sqrt(expectation(log_pi, 1 + here**2 + there**2))
    if sd <= rounding:
        return log_pi
    stepped = np.where(on, log_pi - step_size / sd * distance, -np.inf)
    return stepped - log_sum_exp(stepped)


def two_cycle(distance: float, step_size: float) -> TwoCycle:
    """Where |x - η| repeated from x = distance ends: x mod η and η less that, for ever, at no η a rest.    [T14]

    The distance is sd_π(log π - log π*) in nats. To first order in η: sd_π changes along
    the way, so the sum is η + O(η²), and its two parts drift by O(η²) a cycle if log π* - log π is skewed (they
    wander for ever), by O(η³) towards η/2 each if it is symmetric. ValueError unless step_size > 0.

    >>> [round(x, 3) for x in two_cycle(distance=1.0, step_size=0.3)]  # 1.0, .7, .4, .1, .2, .1, ..
    [0.1, 0.2]
    """
    if not step_size > 0:
        raise ValueError(f"step_size must be > 0, got {step_size}")
    rest = float(np.mod(distance, step_size))
    return TwoCycle(min(rest, step_size - rest), max(rest, step_size - rest))


def two_cycle_deviation(
    log_target: Float[np.ndarray, " y"], direction: Real[np.ndarray, " y"], step_size: float
) -> float:
    """|γ|η (1 + |γ|η): how far the sum of two successive distances may be from η, in parts of η.    [T14]

    γ is the skewness, under the target π*, of the direction u in which the policy lies: π ∝ π* e^{xu}, sd(u) = 1. Its
    distance to π* is s(x) = x (1 + γx/2) to second order, on either side of 0, so two successive distances add up to
    between η (1 - |γ|η/2) and η (1 + |γ|η).
    """
    centred = direction - expectation(log_target, direction)
    skewness = expectation(log_target, centred**3) / expectation(log_target, centred**2) ** 1.5
    drift = abs(skewness) * step_size
    return float(drift * (1 + drift))


def length_normalised_optimum(
    log_p: Float[np.ndarray, "*#batch y"],
    length: Shaped[np.ndarray, "*#batch y"],
    alpha: float,
    kappa: float = 1,
) -> Float[np.ndarray, "*batch y"]:
    """log of p^{1+(α-1)/|y|^κ}/Z: RLOO on (α-1) log p / |y|^κ with KL weight 1.    [T20; 2604.16259]

    kappa = 0 is p^α, kappa = 1 the mean log-probability: nearly no sharpening where responses are long.
    length in tokens, >= 1 (EOS counts).

    It is T1 with the reward (α-1) log p/|y|^κ: the return is a number of each response like any other, and the KL
    weight stays 1. log p is about proportional to length, so κ = 1 pays for being likely a token, whatever the
    length, and then p itself in front still prefers the short. A response of one token is raised to the power α, one
    of a hundred to 1 + (α-1)/100. ValueError: a length < 1, alpha < 0 or not finite, shapes.
    """
    log_p, length = checked_log_p(log_p), _checked_length(length, log_p)
    exponent = 1 + (checked_exponent(alpha) - 1) / length**kappa
    off = np.isneginf(log_p)
    scaled = np.where(off, -np.inf, exponent * np.where(off, 0.0, log_p))
    return scaled - np.expand_dims(log_sum_exp(scaled), -1)


def trajectory_balance_rate(
    log_p: Float[np.ndarray, " y"],
    length: Shaped[np.ndarray, " y"],
    alpha: float,
) -> float:
    """λ, the one root of Σ_y p^α e^{-λ|y|} = 1: trajectory balance with 1/|y| inside the square.    [T20; 2603.18363]

    In nats a token: the squared residual λ + (log π - α log p)/|y| is zero at π = p^α e^{-λ|y|}. Above alpha = 1,
    λ < 0 and long responses are favoured; without the 1/|y| the target is p^α itself.

    Trajectory balance makes log Z + log π - α log p vanish for every response, with log Z learnt. Divided by |y| the
    learnt constant stands alone, λ, and what it stands for is λ |y|: a rate for each token and no normaliser. The sum
    falls from ∞ to 0 as λ grows, hence one root; it lies between log Z/(longest) and log Z/(shortest),
    Z = Σ p^α. 0 at alpha = 1, where Z = 1. The loss is 0 at this policy and no other if it is a mean over a law that
    can draw every response. Over samples of the policy itself every policy that is certain of one response has loss 0
    as well, with λ fitted to that response.
    ValueError: a length < 1, alpha < 0, shapes.

    >>> log_p, length = np.log([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 3.0])
    >>> round(trajectory_balance_rate(log_p, length, alpha=2), 3)
    -0.602
    >>> np.exp(trajectory_balance_optimum(log_p, length, alpha=2)).round(2)  # p^2/Z has .66, .24, .11
    array([0.46, 0.3 , 0.24])
    """
    log_p, length = checked_log_p(log_p), _checked_length(length, log_p)
    on = ~np.isneginf(log_p)
    return _falling_root(log_power(log_p[on], checked_exponent(alpha)), length[on], 0.0)


def balance_rate(
    score: Float[np.ndarray, " rows"],
    length: Shaped[np.ndarray, " rows"],
    log_mass: Float[np.ndarray, " rows"],
) -> float:
    """λ, the one root of Σ w e^{score - λ|y|} = Σ w, from weighted samples of p, or all responses with w = p.    [T20]

    `trajectory_balance_rate` for any score, (α-1) log p + b r say; weights need not add up to one, because both sides
    have them. 0 where the mean of e^score is 1 already. -inf in log_mass leaves a row out.
    ValueError: a length < 1, a score that is not finite, no weight above zero.
    """
    log_mass = checked_log_mass(log_mass)
    score, length = checked_reward(score, log_mass, "score"), _checked_length(length, log_mass)
    on = ~np.isneginf(log_mass)
    return _falling_root(log_mass[on] + score[on], length[on], float(log_sum_exp(log_mass)))


def _falling_root(log_height, length, log_total):
    """λ with log Σ e^{log_height - λ length} = log_total.

    The left side is convex and falls in λ, so Newton's steps from the left of the root never pass it: no bracket is
    needed, whose ends would be one in floating point where one response has nearly all the mass. The slope is minus the
    mean length under the terms as weights. A step that no longer changes λ ends the search, well before the 200.
    """
    # At this λ already the largest term alone reaches the total.
    rate = float(np.max((log_height - log_total) / length))
    for _ in range(200):
        exponent = log_height - rate * length
        log_sum = log_sum_exp(exponent)
        step = float((log_sum - log_total) / (np.exp(exponent - log_sum) @ length))
        if step <= 1e-15 * abs(rate):  # below the resolution of rate, or of the sum
            break
        rate += step
    return rate


def trajectory_balance_optimum(
    log_p: Float[np.ndarray, " y"], length: Shaped[np.ndarray, " y"], alpha: float
) -> Float[np.ndarray, " y"]:
    """log π = α log p - λ|y|, with λ of `trajectory_balance_rate`.    [T20; 2603.18363]"""
    return log_power(log_p, alpha) - trajectory_balance_rate(log_p, length, alpha) * length


def _checked_beta(beta):
    """beta itself: without a KL weight a reward is followed for ever, and no policy is an end."""
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}; without a KL weight there is no fixed point")
    return beta


def _checked_length(length, log_p):
    length = checked_reward(length, log_p, "length")
    if np.min(length) < 1:
        raise ValueError(f"length holds {np.min(length)}; count tokens with EOS, so that each response has >= 1")
    return length
