"""One set of parameters for all prompts, as a network has: what sharpening gains when it cannot move freely.

The policy is log-linear in its parameters, π_θ(y|x) ∝ p(y|x) e^{θ·φ(x,y)}, with p at θ = 0. A network is this to first
order around its present weights, with φ = ∇ log π: what is said here of small steps holds for it, what is said of
optima holds for it only as far as its scores stay the same.

A table, with parameters of its own for each response, is φ = one-hot in (x, y): then everything here is what the
statements on single prompts say.

What sharing changes. A step moves θ, and through it every response of every prompt along its scores. Of a reward only
the part counts that scores can express: its projection on them, in the sense of least squares under p. The rest is
there, and no step can act on it. So sharpening and reward are compared by the correlation of their projections, and
two functions that rise together over the responses may have projections that point apart.

What it does not change. J on each prompt still falls short of its optimum by τ times a KL divergence (T1), so training
within a class seeks the nearest policy of the class, in the KL divergence whose first argument is the policy. That one
gives up on parts of the optimum rather than put mass where the optimum has little. Supervised training on samples of
the optimum uses the other order, and covers all of it instead.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_log_p, checked_reward, log_sum_exp
from theory.objectives import Objective


class ScoreMoments(NamedTuple):
    """What the first steps depend on, with s = φ - E φ the scores ∇ log π of the responses of a prompt."""

    fisher: Float[np.ndarray, "d d"]
    """F = E_x Cov_π(φ): the KL of a small step δθ is δθᵀFδθ/2"""
    reward: Float[np.ndarray, " d"]
    """a = E_x Cov_π(φ, r), the gradient of the mean reward"""
    log_p: Float[np.ndarray, " d"]
    """s = E_x Cov_π(φ, ℓ), the gradient of the mean log p"""


def log_policy(
    theta: Float[np.ndarray, " d"], log_p: Float[np.ndarray, "x y"], features: Float[np.ndarray, "x y d"]
) -> Float[np.ndarray, "x y"]:
    """log π_θ(y|x) = log p + θ·φ - log Z(x). The support is that of p, whatever φ is off it [T24].    [T26]

    θ = 0 is p. With φ = (log p, r) it is the tilt family itself, θ = (α - 1, b).
    """
    log_p = checked_log_p(log_p)
    height = log_p + _checked_features(features, log_p) @ theta
    return height - np.expand_dims(log_sum_exp(height), -1)


def score_moments(
    log_pi: Float[np.ndarray, "x y"],
    log_p: Float[np.ndarray, "x y"],
    reward: Shaped[np.ndarray, "x y"],
    features: Float[np.ndarray, "x y d"],
) -> ScoreMoments:
    """F, a and s under π, each a mean over prompts of covariances within a prompt.    [T26]

    Only differences within a prompt count: a feature that is the same for all responses of a prompt moves nothing.
    ValueError: shapes, nan, no distribution.

    a and s come from ∂ log π/∂θ = φ - E φ: the gradient of E_π f is E_π[f (φ - E φ)], a covariance, and the second
    derivative of KL(π_θ‖π) at its minimum is the covariance of the scores themselves.
    """
    log_pi, log_p = checked_log_p(log_pi, "log_pi"), checked_log_p(log_p)
    reward, features = checked_reward(reward, log_p), _checked_features(features, log_p)
    weight = np.exp(log_pi) / len(log_pi)
    score = _score(log_pi, features)
    reference = np.where(np.isneginf(log_p), 0.0, log_p)
    fisher = np.einsum("xy,xyi,xyj->ij", weight, score, score)
    return ScoreMoments(fisher, *(np.einsum("xy,xyi,xy->i", weight, score, f) for f in (reward, reference)))


def projected_gain_ratio(moments: ScoreMoments) -> float:
    """aᵀF⁺s/√(aᵀF⁺a · sᵀF⁺s): gain of sharpening over gain of reward as an equal KL budget vanishes.    [T26]

    For moments at π = p, where both start. It is T5's correlation after r and ℓ have been projected on the scores:
    what of ℓ no parameter can follow costs nothing and gains nothing. Hence it can have the other sign than the
    tabular `budget.gain_ratio`, which it equals for a table; between -1 and 1. nan where no parameter moves r, or none
    moves ℓ. F⁺ is the pseudo-inverse: directions that move no response are left alone.

    Among all steps of equal KL, δθᵀFδθ/2, the gain a·δθ is largest along F⁺a, and sharpening goes along F⁺s: the ratio
    of what both gain is the cosine of a and s in the metric F⁺. One parameter leaves no choice but the sign:

    >>> log_p, reward = np.log([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]]), np.array([[0, 1, 1], [1, 0, 0]])
    >>> table = np.eye(6).reshape(2, 3, 6)  # a parameter for each response
    >>> shared = np.array([[[0.0], [1.0], [2.0]]] * 2)  # one for both prompts
    >>> [round(projected_gain_ratio(score_moments(log_p, log_p, reward, x)), 2) for x in (table, shared)]
    [0.14, -1.0]
    """
    fisher, reward, log_p = moments
    # A pseudo-inverse and not a small ridge: a ridge would bound the metric where directions hardly move a response,
    # and the ratio would depend on how parameters are scaled.
    inverse = np.linalg.pinv(fisher, rcond=1e-12, hermitian=True)
    with np.errstate(invalid="ignore"):  # 0/0 is the documented nan
        # Roots first: the product of two small squares would be 0 before either is.
        return float(np.divide(reward @ inverse @ log_p, _size(reward, inverse) * _size(log_p, inverse)))


def gradient_cosine(moments: ScoreMoments) -> float:
    """a·s/(|a||s|), the cosine of the gradients of mean reward and mean log p.    [T26]

    Its sign says whether a first step of the plain gradient on log p gains reward, that of `projected_gain_ratio`
    whether one of the natural gradient does. They are one number where F is a multiple of the identity on the span of
    a and s, and can differ in sign otherwise. It depends on how parameters are scaled; the projected ratio does not.
    """
    return projected_gain_ratio(moments._replace(fisher=np.eye(len(moments.reward))))


def reward_slope(
    log_pi: Float[np.ndarray, "x y"],
    reward: Shaped[np.ndarray, "x y"],
    returns: Shaped[np.ndarray, "x y"],
    features: Float[np.ndarray, "x y d"],
) -> float:
    """d E r/dt under the plain gradient on the returns R: E_{x,x'} Cov_{y,y'}[r, K R].    [T26]

    K((x,y), (x',y')) = φ(x,y)·φ(x',y') is the neural tangent kernel, which couples prompts: a return on one prompt
    moves another. It is the product of two gradients, E_x Cov(φ, r) · E_x Cov(φ, R), and is computed as that. With
    R = w r + c ℓ - τ log π of an objective J the flow is θ̇ = ∇J. With R = r it is |∇ E r|², never negative: more
    task reward cannot lower the mean reward here either, though it can on single prompts.
    """
    moments = score_moments(log_pi, log_pi, reward, features)
    along = score_moments(log_pi, log_pi, returns, features).reward
    return float(moments.reward @ along)


def class_optimum(
    objective: Objective,
    log_p: Float[np.ndarray, "x y"],
    reward: Shaped[np.ndarray, "x y"],
    features: Float[np.ndarray, "x y d"],
) -> Float[np.ndarray, " d"]:
    """The θ where ascent of J from p ends: the π_θ with least E_x KL(π_θ‖π*_x), π* = `objectives.optimum`.    [T26]

    Because J(π*) - J(π) = τ KL(π‖π*) for every π and each prompt (T1), RL within a class *is* the reverse-KL projection
    of the tabular optimum on it. J need not be concave in θ, so this is a local maximum; the gradient is
    E_x Cov(φ, w r + c ℓ - τ log π), zero at it. ValueError: τ <= 0, which has no interior optimum; shapes. RuntimeError
    where the ascent does not come to rest (J has no maximum in θ where a constant feature leaves a direction free:
    that one is harmless and stays where it starts).
    """
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    if not tau > 0:
        raise ValueError(f"entropy_weight must be > 0, got {tau}: without it the optimum is a face, at infinite θ")
    log_p = checked_log_p(log_p)
    pay = w * checked_reward(reward, log_p) + c * np.where(np.isneginf(log_p), 0.0, log_p)

    def loss(theta):
        log_pi = log_policy(theta, log_p, features)
        gain = pay - tau * np.where(np.isneginf(log_pi), 0.0, log_pi)
        weight = np.exp(log_pi) / len(log_pi)
        slope = np.einsum("xy,xyi,xy->i", weight, _score(log_pi, features), gain)
        return -float(np.sum(weight * gain)), -slope

    return _least(loss, features.shape[-1])


def distilled(
    log_target: Float[np.ndarray, "x y"], log_p: Float[np.ndarray, "x y"], features: Float[np.ndarray, "x y d"]
) -> Float[np.ndarray, " d"]:
    """The θ of greatest E_x E_target[log π_θ]: supervised training on samples of the target, forward KL.    [T26]

    A concave problem, whose maximum matches moments: E_x E_θ φ = E_x E_target φ. So distillation keeps the mean of
    every function in the span of φ, the reward among them if it is there, which RL within the class
    (`class_optimum`, reverse KL) does not. RuntimeError where the maximum is at infinite θ (a target on a face).

    Concave because log π_θ is linear in θ less a log-sum-exp. Its gradient is the difference of both means of φ.
    """
    log_target, log_p = checked_log_p(log_target, "log_target"), checked_log_p(log_p)
    weight = np.exp(log_target) / len(log_target)

    def loss(theta):
        log_pi = log_policy(theta, log_p, features)
        both = np.where(weight > 0, log_pi, 0.0)
        slope = np.einsum("xy,xyi->i", weight - np.exp(log_pi) / len(log_pi), features)
        return -float(np.sum(weight * both)), -slope

    return _least(loss, features.shape[-1])


def _least(loss, parameters):
    """Where descent from θ = 0 comes to rest.

    BFGS may stop short of its own tolerance where rounding hides the last gain in the value; the gradient decides.
    """
    from scipy.optimize import minimize  # half a second to import

    found = minimize(loss, np.zeros(parameters), jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000})
    steepest = float(np.max(np.abs(found.jac), initial=0.0))
    if not steepest < 1e-6:
        raise RuntimeError(f"the ascent did not come to rest: its gradient is still {steepest:.2g}")
    return found.x


def _score(log_pi, features):
    """φ - E_π φ of each prompt."""
    mean = np.einsum("xy,xyi->xi", np.exp(log_pi), features)
    return features - mean[:, None, :]


def _size(vector, inverse):
    return np.sqrt(vector @ inverse @ vector)


def _checked_features(features, log_p):
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 3 or features.shape[:2] != log_p.shape:
        raise ValueError(
            f"features has shape {features.shape} but log_p has shape {log_p.shape}; give a row of d numbers for each "
            "prompt and response"
        )
    if not np.isfinite(features).all():
        raise ValueError(f"features holds {features[~np.isfinite(features)].flat[0]}; every entry must be finite")
    return features
