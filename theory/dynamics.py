"""How a policy moves through the (alpha, b) plane, how fast, and when it does not stay where it arrives.

Time is in units of 1/(weight of J): a step of mirror ascent with step size η takes time η.

Why straight lines. The natural gradient of J moves log π(y) by w r + c log p - τ log π, less a constant that keeps the
sum of π at one. This is linear in log π, and log π = α log p + b r + constant solves it: α̇ = c - τ α, ḃ = w - τ b.
Two independent equations of one kind, both with rate τ, so the point (α, b) moves on the straight line to
(c/τ, w/τ). Mirror ascent takes the same right side in finite steps, α ← α + η (c - τ α): the same line in hops.

Why τ decides on stability. Let d = log π - log π*. Then ḋ = -τ d, whatever r and p are. For τ > 0 every difference
decays alike. For τ < 0 it grows alike, and whichever response has the largest d at the start takes everything.

Three different learners appear. Natural gradient and mirror ascent move log π and treat all responses alike. A softmax
policy gradient moves logits by π times the same signal: improbable responses are seen seldom and are slow (T9). A
network's parameters move many responses at once: `shared_parameters`.
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
    """Where the exponent of p would rest (inf or nan if nowhere), and whether it is drawn there.

    An exponent at rest that is not stable is left by the smallest error, in the direction of that error.
    """

    exponent: float
    stable: bool


@overload
def line(objective: Objective, time: float) -> Coordinates: ...
@overload
def line(objective: Objective, time: Real[np.ndarray, "*time"]) -> Points: ...
def line(objective: Objective, time: float | Real[np.ndarray, "*time"]) -> Coordinates | Points:
    """(α_t, b_t) = s (1, 0) + (1-s) (c/τ, w/τ), s = e^{-τt}: natural-gradient flow of J from p.    [T8]

    τ = 0 is the limit (1 + c t, w t); for τ < 0 the same line is walked away from the repeller (c/τ, w/τ).
    After time t = 1/τ the way that is left is 1/e of the whole, after log(100)/τ a hundredth. A coordinate whose start
    is its target stays: tilted RL keeps alpha = 1 throughout, tempering keeps b = 0.

    >>> from theory.objectives import regime
    >>> there = line(regime("tilted", beta=0.25), time=4.0)  # one relaxation time: (1 - 1/e) of b = 4
    >>> there.alpha, round(there.b, 3)
    (1.0, 2.528)
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
    below 0 on the way when ητ > 1. Each step multiplies what is left of the way by 1 - ητ, where the flow has e^{-ητ}:
    a step of ητ = 1 arrives at once, and a smaller one is ahead of the flow.
    ValueError: steps that is no whole number.
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

    A run's own time is seldom known (learning rate, optimiser and clipping all enter), but its place is: the mean of
    log p under its policy names the share, and then everything else at that share is a prediction.
    """
    share = np.asarray(share, dtype=np.float64)
    return _on_line(objective, share if objective.entropy_weight == 0 else share / objective.entropy_weight)


def rate(objective: Objective) -> float:
    """τ, the rate at which log-ratios approach π* (if negative, leave the repeller).    [T8]

    Per unit of time of the natural-gradient flow; 0 is marginal, growth is then linear in time. It depends on the
    entropy weight alone: a larger reward moves the target, not the rate at which it is neared. So a small β means a
    far target and a slow approach, both in proportion to 1/β.
    """
    return objective.entropy_weight


def step_is_stable(objective: Objective, step_size: float) -> bool:
    """Whether mirror ascent with step η converges: 0 < ητ < 2; above 1 it oscillates.    [T8]

    |1 - ητ| < 1, for `step_multiplier`. At ητ = 2 a deviation changes sign for ever, neither growing nor shrinking.
    Exact gradients are assumed; with few samples of a rare response the limit is lower (`rare_responses`).
    """
    return 0 < step_size * objective.entropy_weight < 2


def step_multiplier(objective: Objective, step_size: float) -> float:
    """1 - ητ: what a step of mirror ascent multiplies log π - log π* by, up to a constant.    [T8]

    ∇J is -τ (log π - log π*) up to a constant, as log π* = (w r + c log p)/τ up to one: a step takes the share ητ of
    the deviation off, whatever the deviation looks like. At ητ = 1 one step arrives.
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

    The start counts in full and the objective only by 1/|τ|: with a strong push against entropy what is likely already
    wins, whatever it earns; as |τ| -> 0 the reward decides, and only ties are left to the start.
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

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 0.0, 1.0])
    >>> [int(self_sharpening_winner(log_p, log_p, reward, Objective(1.0, 0.0, tau))) for tau in (-1.0, -2.0)]
    [2, 0]
    """
    return np.argmax(self_sharpening_score(log_pi0, log_p, reward, objective), axis=-1)


def softmax_jacobian(log_pi: Float[np.ndarray, "*batch y"], objective: Objective) -> Float[np.ndarray, "*batch y y"]:
    """-τ F(π*), F = diag π - ππᵀ: softmax policy gradient, linearised at an interior fixed point.    [T9]

    Logit y moves by π(y) (R(y) - E_π R), with return R = w r + c log p - τ log π. At the fixed point R is constant, so
    moving π inside the bracket is all that is of first order: a change δθ of the logits changes log π by δθ less its
    mean under π, R by -τ times that, and the product with π is -τ (diag π - ππᵀ) δθ. F is the covariance matrix of the
    one-hot response, the Fisher information of the logits: the natural gradient divides by it, and has rates τ alone.
    """
    pi = np.exp(checked_log_p(log_pi, "log_pi"))
    fisher = pi[..., None] * np.eye(pi.shape[-1]) - pi[..., None] * pi[..., None, :]
    return -objective.entropy_weight * fisher


def softmax_rates(log_pi: Float[np.ndarray, "*batch y"], objective: Objective) -> Float[np.ndarray, "*batch modes"]:
    """The rates at which logits approach π*, ascending, less the zero of a common shift.    [T9]

    They interlace with τ π: the k-th lies between the k-th and the (k+1)-th smallest τ π. So the slow
    directions are the improbable responses, and the sharper the target, the worse the conditioning.
    Under the natural gradient all of them are τ.

    Interlacing holds because F is the diagonal matrix of π less a matrix of rank one. Two equally likely responses
    leave a rate of exactly τ π. For τ < 0 the rates are negative: the fastest escape comes first.

    >>> softmax_rates(np.log([0.9, 0.09, 0.01]), Objective(1.0, 1.0, 1.0)).round(3)
    array([0.015, 0.167])
    """
    fisher = softmax_jacobian(log_pi, Objective(0.0, 0.0, -1.0))
    # The zero is the smallest eigenvalue of F, which is positive semidefinite; of τ F it need not be.
    return np.sort(objective.entropy_weight * np.linalg.eigvalsh(fisher)[..., 1:])


@overload
def self_reference(reference_weight: float, own_weight: float, time: float) -> float: ...
@overload
def self_reference(
    reference_weight: float, own_weight: float, time: Real[np.ndarray, "*time"]
) -> Float[np.ndarray, "*time"]: ...
def self_reference(
    reference_weight: float, own_weight: float, time: float | Real[np.ndarray, "*time"]
) -> float | Float[np.ndarray, "*time"]:
    """a(t) of ȧ = c₁ + c₂ a, a(0) = 1: exponent of p under c₁ log p + c₂ log π, detached.    [T10]

    Detached: the reward is a number, not differentiated. A reward of c₂ log π is then an entropy weight of -c₂, because
    the gradient of E_π[log π] has only that term (the other one, E_π ∇ log π, is 0). c₂ < 0 is an entropy bonus,
    c₂ > 0 a model that is paid for being sure: e^{c₂ t}, without end.
    """
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
    """a_{k+1} = a_k + η (c₁ + c₂ a_k) of mirror ascent; pure log π: (1+η)^k, pure log p: 1 + ηk.  [T10]

    A reward from a frozen copy of the base adds the same push in every step; one from the model itself grows with what
    it has already made. Ten steps of .1 are a power of 2 by the first, of 2.59 by the second:

    >>> [round(self_reference_steps(*weights, step_size=0.1, steps=10), 2) for weights in ((1.0, 0.0), (0.0, 1.0))]
    [2.0, 2.59]
    """
    return mirror_line(Objective(0.0, reference_weight, -own_weight), step_size, steps).alpha


def self_reference_limit(reference_weight: float, own_weight: float) -> FixedExponent:
    """-c₁/c₂, stable exactly when c₂ < 0. With c₂ = 0 the exponent never rests, unless c₁ = 0.    [T10]

    The exponent rests where both rewards cancel. With c₁ = c₂ = 0 nothing moves it from 1, and nothing brings it back.
    """
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
    mixing = 1 gives p at every round: the reference is p again, and nothing of the last round is kept.
    ValueError: alpha < 0 or not finite, mixing outside [0, 1], rounds that is no whole number.

    >>> [iterated_sharpening(2, 0, 3), round(iterated_sharpening(2, 0.75, 50), 6)]
    [8.0, 1.5]
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
    So a mild power that is applied to a moving reference without mixing has no end, however mild it is: 1.1 becomes
    117 after 50 rounds. A share ρ > 1 - 1/α of the first reference is what holds it.
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
    """(1, 0) + travelled (c - τ, w), travelled = (1-s)/τ: a point for one time, points for many.

    Written from the start and not from the target, which runs to infinity as τ -> 0 while (1-s)/τ tends to the time.
    """
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    # A coordinate that does not move stays where it is, however far (0 · inf would be nan).
    alpha = 1 + (c - tau) * travelled if c != tau else 1 + np.zeros_like(travelled)
    b = w * travelled if w else np.zeros_like(travelled)
    return Points(alpha, b) if np.ndim(travelled) else Coordinates(float(alpha), float(b))
