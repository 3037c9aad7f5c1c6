"""How a policy moves through the (alpha, b) plane, how fast, and when it does not stay where it arrives.

Time is in units of 1/(weight of J): a step of mirror ascent with step size η takes time η.
"""

from typing import NamedTuple, overload

import numpy as np
from jaxtyping import Float, Int, Real, Shaped

from theory.distribution import checked_exponent, checked_log_p, checked_reward, checked_whole, plain
from theory.objectives import Coordinates, Objective, Points

__all__ = [
    "Coordinates",
    "FixedExponent",
    "Points",
    "iterated_sharpening",
    "iterated_sharpening_limit",
    "line",
    "line_points",
    "mirror_line",
    "rate",
    "self_reference",
    "self_reference_limit",
    "self_reference_steps",
    "self_sharpening_score",
    "self_sharpening_winner",
    "softmax_jacobian",
    "softmax_rates",
    "step_is_stable",
    "step_multiplier",
]


class FixedExponent(NamedTuple):
    """Where the exponent of p would rest (inf or nan if nowhere), and whether it is drawn there."""

    exponent: float
    stable: bool


@overload
def line(objective: Objective, time: float) -> Coordinates: ...
@overload
def line(objective: Objective, time: Real[np.ndarray, "*time"]) -> Points: ...
def line(objective: Objective, time: float | Real[np.ndarray, "*time"]) -> Coordinates | Points:
    """(α_t, b_t) = s (1, 0) + (1-s) (c/τ, w/τ), s = e^{-τt}: natural-gradient flow of J from p.    [T8]

    τ = 0 is the limit (1 + c t, w t); for τ < 0 the same line is walked away from the repeller (c/τ, w/τ).
    """
    elapsed = np.asarray(time, dtype=np.float64)
    tau = objective.entropy_weight
    with np.errstate(over="ignore"):  # far from a repeller: inf is the answer
        # (1-s)/τ by expm1: for small τ the difference 1-s would lose all digits.
        return _on_line(objective, elapsed if tau == 0 else -np.expm1(-tau * elapsed) / tau)


@overload
def mirror_line(objective: Objective, step_size: float, steps: int) -> Coordinates: ...
@overload
def mirror_line(objective: Objective, step_size: float, steps: Int[np.ndarray, "*time"]) -> Points: ...
def mirror_line(objective: Objective, step_size: float, steps: int | Int[np.ndarray, "*time"]) -> Coordinates | Points:
    """(α_k, b_k) = s (1, 0) + (1-s) (c/τ, w/τ), s = (1-ητ)^k: mirror ascent from p.    [T8]

    A step is log π ← log π + η ∇J. Exact at every step size η, not only for small ones; alpha may pass
    below 0 on the way when ητ > 1.
    """
    # In floats: a power of integers would overflow without a word.
    tau, taken = float(objective.entropy_weight), checked_whole(steps, "steps").astype(np.float64)
    gain = step_size * tau
    if tau == 0:
        return _on_line(objective, step_size * taken)
    with np.errstate(over="ignore"):  # of a step that is not stable: inf is the answer
        # (1-ητ)^k - 1 through log1p where it is real, for the same reason as in `line`.
        change = np.expm1(taken * np.log1p(-gain)) if gain < 1 else (1 - gain) ** taken - 1
        return _on_line(objective, -change / tau)


def line_points(objective: Objective, share: Real[np.ndarray, " points"]) -> Points:
    """Points on the line that a run follows, by their share of the way from p (0) to the fixed point (1).    [T8]

    (1, 0) + share ((c/τ, w/τ) - (1, 0)); a share above 1 lies beyond the target. For τ < 0 the run walks away from the
    repeller, so its shares are negative. τ = 0 has no fixed point: the share is the time t on the ray (1 + c t, w t).
    """
    share = np.asarray(share, dtype=np.float64)
    return _on_line(objective, share if objective.entropy_weight == 0 else share / objective.entropy_weight)


def rate(objective: Objective) -> float:
    """τ, the rate at which log-ratios approach π* (if negative, leave the repeller).    [T8]

    Per unit of time of the natural-gradient flow; 0 is marginal, growth is then linear in time.
    """
    return objective.entropy_weight


def step_is_stable(objective: Objective, step_size: float) -> bool:
    """Whether mirror ascent with step η converges: 0 < ητ < 2; above 1 it oscillates.    [T8]"""
    return 0 < step_size * objective.entropy_weight < 2


def step_multiplier(objective: Objective, step_size: float) -> float:
    """1 - ητ: what a step of mirror ascent multiplies log π - log π* by, up to a constant.    [T8]

    Exact for a deviation of any size. Above ητ = 1 the deviation changes sign at every step, above 2 it grows.
    """
    return 1 - step_size * objective.entropy_weight


def self_sharpening_score(
    log_pi0: Float[np.ndarray, "*#batch y"],
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    objective: Objective,
) -> Float[np.ndarray, "*batch y"]:
    """log π₀(y) + (w r + c log p)(y)/|τ|, the deviation from the repeller that e^{|τ|t} scales.

    Two responses with the same score keep their ratio for ever. ValueError unless τ < 0.    [T8]
    """
    log_pi0, log_p = checked_log_p(log_pi0, "log_pi0"), checked_log_p(log_p)
    reward = checked_reward(reward, log_p)
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    if not tau < 0:
        raise ValueError(
            f"entropy_weight is {tau}: only a negative one lets the start decide the end; see objectives.optimum"
        )
    # Off the start's support the score is -inf, whatever the reference says there (0 · -inf, -inf + inf).
    reference = c * np.where(np.isneginf(log_pi0), 0.0, log_p) if c else 0.0
    return log_pi0 + (w * reward + reference) / -tau


def self_sharpening_winner(
    log_pi0: Float[np.ndarray, "*#batch y"],
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    objective: Objective,
) -> Int[np.ndarray, "*batch"] | np.integer:
    """argmax_y [log π₀ + (w r + c log p)/|τ|]: the response that takes all the mass when τ < 0.    [T8]

    The first of them if several tie exactly (they then share the mass; see self_sharpening_score).
    """
    return np.argmax(self_sharpening_score(log_pi0, log_p, reward, objective), axis=-1)


def softmax_jacobian(log_pi: Float[np.ndarray, "*batch y"], objective: Objective) -> Float[np.ndarray, "*batch y y"]:
    """-τ F(π*), F = diag π - ππᵀ: softmax policy gradient, linearised at an interior fixed point.    [T9]"""
    pi = np.exp(checked_log_p(log_pi, "log_pi"))
    fisher = pi[..., None] * np.eye(pi.shape[-1]) - pi[..., None] * pi[..., None, :]
    return -objective.entropy_weight * fisher


def softmax_rates(log_pi: Float[np.ndarray, "*batch y"], objective: Objective) -> Float[np.ndarray, "*batch modes"]:
    """The rates at which logits approach π*, ascending, less the zero of a common shift.    [T9]

    They interlace with τ π: the k-th lies between the k-th and the (k+1)-th smallest τ π. So the slow
    directions are the improbable responses, and the sharper the target, the worse the conditioning.
    Under the natural gradient all of them are τ.
    """
    fisher = softmax_jacobian(log_pi, Objective(0.0, 0.0, -1.0))
    # The zero is the smallest eigenvalue of F, which is positive semidefinite; of τ F it need not be.
    return np.sort(objective.entropy_weight * np.linalg.eigvalsh(fisher)[..., 1:], axis=-1)


@overload
def self_reference(reference_weight: float, own_weight: float, time: float) -> float: ...
@overload
def self_reference(
    reference_weight: float, own_weight: float, time: Real[np.ndarray, "*time"]
) -> Float[np.ndarray, "*time"]: ...
def self_reference(
    reference_weight: float, own_weight: float, time: float | Real[np.ndarray, "*time"]
) -> float | Float[np.ndarray, "*time"]:
    """a(t) of ȧ = c₁ + c₂ a, a(0) = 1: exponent of p under c₁ log p + c₂ log π, detached.    [T10]"""
    return line(Objective(0.0, reference_weight, -own_weight), time).alpha


@overload
def self_reference_steps(reference_weight: float, own_weight: float, step_size: float, steps: int) -> float: ...
@overload
def self_reference_steps(
    reference_weight: float, own_weight: float, step_size: float, steps: Int[np.ndarray, "*time"]
) -> Float[np.ndarray, "*time"]: ...
def self_reference_steps(
    reference_weight: float, own_weight: float, step_size: float, steps: int | Int[np.ndarray, "*time"]
) -> float | Float[np.ndarray, "*time"]:
    """a_{k+1} = a_k + η (c₁ + c₂ a_k) of mirror ascent; pure log π: (1+η)^k, pure log p: 1 + ηk.  [T10]"""
    return mirror_line(Objective(0.0, reference_weight, -own_weight), step_size, steps).alpha


def self_reference_limit(reference_weight: float, own_weight: float) -> FixedExponent:
    """-c₁/c₂, stable exactly when c₂ < 0. With c₂ = 0 the exponent never rests, unless c₁ = 0.    [T10]"""
    if own_weight == 0:
        return FixedExponent(1.0 if reference_weight == 0 else float(np.inf * np.sign(reference_weight)), False)
    return FixedExponent(-reference_weight / own_weight, own_weight < 0)


@overload
def iterated_sharpening(alpha: float, mixing: float, rounds: int) -> float: ...
@overload
def iterated_sharpening(
    alpha: float, mixing: float, rounds: Int[np.ndarray, "*time"]
) -> Float[np.ndarray, "*time"]: ...
def iterated_sharpening(
    alpha: float, mixing: float, rounds: int | Int[np.ndarray, "*time"]
) -> float | Float[np.ndarray, "*time"]:
    """e_k of π_{k+1} ∝ π_k^{α(1-ρ)} p^ρ, e_0 = 1: sharpening a moving reference.    [T11]

    e_{k+1} = α(1-ρ) e_k + ρ: the reference keeps a share ρ of p. A reference reset to the current
    policy (mixing ρ = 0) gives α^k; inf where that is beyond floating point.
    ValueError: alpha < 0 or not finite, mixing outside [0, 1].
    """
    # In floats: a power of integers would overflow without a word.
    gain, done = _gain(alpha, mixing), checked_whole(rounds, "rounds").astype(np.float64)
    with np.errstate(over="ignore"):
        power = gain**done
        # 1 + g + .. + g^{k-1}: through log1p, because near g = 1 both parts of (1 - g^k)/(1 - g) lose their digits.
        if gain == 1:
            kept = done
        elif abs(gain - 1) < 0.5:
            kept = np.expm1(done * np.log1p(gain - 1)) / (gain - 1)
        else:
            kept = (power - 1) / (gain - 1)
        return plain(power + mixing * kept if mixing else power)


def iterated_sharpening_limit(alpha: float, mixing: float) -> FixedExponent:
    """ρ/(1-α(1-ρ)), stable exactly when α(1-ρ) < 1; at 1 the exponent grows for ever, ρ a round.    [T11]

    Above 1 it is the repeller that rounds from elsewhere walk away from. Errors as in iterated_sharpening.
    """
    gain = _gain(alpha, mixing)
    if gain == 1:
        return FixedExponent(1.0 if mixing == 0 else np.inf, False)
    return FixedExponent(mixing / (1 - gain), gain < 1)


def _gain(alpha, mixing):
    """α(1-ρ), the factor of an exponent's deviation in a round."""
    checked_exponent(alpha)
    if not 0 <= mixing <= 1:
        raise ValueError(f"mixing must be between 0 and 1, got {mixing}: it is the share of p that is kept")
    return float(alpha) * (1 - float(mixing))


def _on_line(objective, travelled):
    """(1, 0) + travelled (c - τ, w), travelled = (1-s)/τ: a point for one time, points for many."""
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    # A coordinate that does not move stays where it is, however far (0 · inf would be nan).
    alpha = 1 + (c - tau) * travelled if c != tau else 1 + np.zeros_like(travelled)
    b = w * travelled if w else np.zeros_like(travelled)
    return Points(alpha, b) if np.ndim(travelled) else Coordinates(float(alpha), float(b))
