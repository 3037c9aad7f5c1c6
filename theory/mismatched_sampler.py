"""Rollouts from another law than the one that is trained: an inference engine's rounding, a temperature, an old policy.

A trainer that draws from μ and multiplies ∇ log π by the advantage R - E_μ R follows μ, not π. Truncated importance
weights min(π/μ, k) mend some of it. Where this ends is decided by whether the policy can reach the optimum at all: a
table can, and then the sampler only sets the pace; shared parameters cannot, and then it decides which compromise is
made.

Why a table does not care. Training rests where no response is pushed, and a push is (how often it is drawn) times (its
return less the mean). The first factor is the sampler's and is not 0, so the second must be: all returns are equal,
whoever drew the samples. With shared parameters pushes on different responses need only cancel in sum, and how often
each is drawn is a weight in that sum.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_log_p, checked_reward, expectation, log_sum_exp
from theory.objectives import Objective
from theory.shared_parameters import log_policy


class SamplingLaw(NamedTuple):
    """log of the law ν that truncated weights make of the sampler's, and the mass Σ min(π, kμ) that it stands for."""

    log_nu: Float[np.ndarray, "*batch y"]
    kept: Float[np.ndarray, "*batch"] | float


def sampling_law(
    log_pi: Float[np.ndarray, "*#batch y"], log_mu: Float[np.ndarray, "*#batch y"], truncation: float
) -> SamplingLaw:
    """Samples of μ with weights min(π/μ, k) are samples of ν ∝ min(π, kμ), worth Σ min(π, kμ) each.    [T33]

    k → ∞ is π itself, k → 0 is μ without correction (and no length left of the step), k = 1 their overlap. What is
    missing of π is Σ (π - kμ)₊ = 1 - kept, all of it where the sampler draws too seldom: there no weight helps.
    truncation = inf for no truncation. ValueError: truncation not > 0, no distribution.

    >>> log_pi, log_mu = np.log([0.5, 0.3, 0.2]), np.log([0.7, 0.2, 0.1])
    >>> overlap = sampling_law(log_pi, log_mu, truncation=1.0)
    >>> np.exp(overlap.log_nu), round(float(overlap.kept), 2)
    (array([0.625, 0.25 , 0.125]), 0.8)
    """
    log_pi, log_mu = checked_log_p(log_pi, "log_pi"), checked_log_p(log_mu, "log_mu")
    if not truncation > 0:
        raise ValueError(f"truncation must be > 0, got {truncation}: no weight would be left")
    # log of an infinite truncation is no help: where μ is 0, -inf + inf is no number.
    most = log_mu + np.log(truncation) if np.isfinite(truncation) else np.full(log_mu.shape, np.inf)
    log_weighted = np.minimum(log_pi, most)
    log_weighted = np.where(np.isneginf(log_mu), -np.inf, log_weighted)  # what is never drawn weighs nothing
    log_kept = log_sum_exp(log_weighted)
    return SamplingLaw(log_weighted - np.expand_dims(log_kept, -1), np.exp(log_kept))


def mismatched_velocity(
    log_pi: Float[np.ndarray, "*#batch y"],
    log_mu: Float[np.ndarray, "*#batch y"],
    returns: Shaped[np.ndarray, "*#batch y"],
    truncation: float | None = None,
) -> Float[np.ndarray, "*batch y"]:
    """Mean gradient on softmax logits of RLOO with samples of μ: E_μ[v (R - E_μ R) ∇ log π].    [T33]

    v = 1 without correction (truncation None), else min(π/μ, k). The baseline is the plain mean of the other samples,
    as trainers have it. Logit y moves by μv(R - E_μR) less π times their sum; without correction the sum is 0.

    It is 0 exactly where R is the same for all responses that μ draws, for every μ and k: suppose μv(R - E_μR) = κπ;
    then R - E_μR = κ max(1, π/(kμ)), all of one sign, whose mean under μ is 0, so κ = 0. A return that holds all of J
    (R = w r + c ℓ - τ log π, log π of the trainer) is constant at q_{c/τ, w/τ} and only there: **a table trained on
    another sampler ends where it would have ended**. The rates there are those of `dynamics.softmax_rates` at μ, so
    what μ draws seldom is late. Returns with the sampler's log μ for log π end with μ at q instead:
    `sampler_return_optimum`.
    """
    log_mu = checked_log_p(log_mu, "log_mu")
    gain = checked_reward(returns, log_mu, "returns")
    gain = gain - np.expand_dims(expectation(log_mu, gain), -1)
    log_nu, kept = (log_mu, 1.0) if truncation is None else sampling_law(log_pi, log_mu, truncation)
    pushed = np.expand_dims(kept, -1) * np.exp(log_nu) * gain
    return pushed - np.exp(checked_log_p(log_pi, "log_pi")) * np.sum(pushed, axis=-1, keepdims=True)


def sampler_return_optimum(
    log_target: Float[np.ndarray, "*#batch y"], log_ratio: Float[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch y"]:
    """log π ∝ log π* - δ, δ = log μ - log π up to a constant: the end if the KL term uses the sampler's log μ.    [T33]

    Then it is R = w r + c ℓ - τ log μ that becomes constant: the *sampler* is at the optimum π*, and the trained policy
    is off by the whole mismatch. For a sampler at temperature T, δ = (1/T - 1) log π, solve for π: π* to the power T.

    A mismatch that is the same for all responses of a prompt cancels. One that grows with length (a rounding of one
    sign in each token) makes lengths wrong by its whole size, and no number of samples mends it.
    """
    scaled = checked_log_p(log_target, "log_target") - checked_reward(log_ratio, np.asarray(log_target), "log_ratio")
    return scaled - np.expand_dims(log_sum_exp(scaled), -1)


def mismatched_class_optimum(
    objective: Objective,
    log_p: Float[np.ndarray, "x y"],
    reward: Shaped[np.ndarray, "x y"],
    features: Float[np.ndarray, "x y d"],
    log_ratio: Shaped[np.ndarray, "x y"],
    truncation: float | None = None,
) -> Float[np.ndarray, " d"]:
    """The θ where RLOO in a log-linear class ends from p with samples of μ ∝ π e^δ, δ = log_ratio.    [T33, T26]

    The root of E_x Σ_y μv (R - E_μR)(φ - E_πφ) = 0 that is reached from θ = 0. Without mismatch it is
    `shared_parameters.class_optimum`. Its distance from that is of first order in δ and in the residual R - E R that
    the class leaves at its optimum: no residual, no bias, however wrong the sampler. Truncated weights leave
    the part of it that comes from where π > kμ. ValueError: τ <= 0. RuntimeError where no root is found.

    Put μ = π (1 + δ - E δ): the mean push is then E_x E_π[δ (R - E R)(φ - E φ)] to first order, a product of both.
    """
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    if not tau > 0:
        raise ValueError(f"entropy_weight must be > 0, got {tau}: without it training does not rest inside")
    log_p = checked_log_p(log_p)
    on = ~np.isneginf(log_p)
    pay = w * checked_reward(reward, log_p) + c * np.where(on, log_p, 0.0)

    def slope(theta):
        log_pi = log_policy(theta, log_p, features)
        log_mu = log_pi + log_ratio
        log_mu = log_mu - np.expand_dims(log_sum_exp(log_mu), -1)
        push = mismatched_velocity(log_pi, log_mu, pay - tau * np.where(on, log_pi, 0.0), truncation)
        return np.einsum("xy,xyi->i", push, features) / len(log_p)

    from scipy.optimize import root  # half a second to import

    theta = np.zeros(features.shape[-1])
    # The slope near the optimum is about -τ times a covariance of features: of order 1, steps of 1/τ suit them.
    for _ in range(100):  # towards the root that the flow from p meets
        theta = theta + slope(theta) / tau
    found = root(slope, theta, tol=1e-12)
    if not np.max(np.abs(slope(found.x)), initial=0.0) < 1e-9:
        raise RuntimeError(f"training did not come to rest: its slope is still {np.max(np.abs(slope(found.x))):.2g}")
    return found.x
