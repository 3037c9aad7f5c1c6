"""Objectives J(π) = w E_π[r] + c E_π[log p] + τ H(π): the paper's regimes and where each is maximal.

Three weights hold all of them. KL(π‖p) is -H(π) - E_π[log p], so that a reward with a KL penalty of weight β is
w = 1, c = τ = β, and in general J = w E_π[r] - τ KL(π‖p) + (c - τ) E_π[log p]: beyond its KL term an objective
sharpens where c > τ and flattens where c < τ.

What decides between the regimes is τ. With τ > 0 the entropy pushes back ever harder as a policy narrows, and there is
one optimum, inside. With τ = 0 nothing does, and J, being linear in π, is largest at an edge. With τ < 0 narrowing is
itself paid for: every single response is a local maximum, and the start decides between them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_log_p, checked_reward, entropy, expectation, log_sum_exp
from theory.tilt import log_tilt
from theory.vocabulary import Regime

REGIMES = tuple(Regime)


class Coordinates(NamedTuple):
    """A point of the plane: alpha, the power on the reference, and b = 1/beta, the task weight.

    (1, 0) is the base model; to the right it is sharpened, upwards it is paid for being right.
    """

    alpha: float
    b: float


class Points(NamedTuple):
    """Points of the plane, one at each time of a run or each mark of a line."""

    alpha: Float[np.ndarray, "*time"]
    b: Float[np.ndarray, "*time"]


@dataclass(frozen=True)
class Objective:
    """(w, c, τ) of J(π) = w E_π[r] + c E_π[log p] + τ H(π).    [2604.16259; 2205.11275 for w = 1, c = τ]

    KL-regularised RL with weight beta is c = τ = beta, w = 1. ValueError unless all three are finite.
    Multiplying all three by one factor changes the speed of training and not where it ends: only their ratios c/τ and
    w/τ are coordinates. So tempered sampling at (0, α, 1) and at (0, 2α, 2) are one optimum.
    """

    reward_weight: float
    reference_weight: float
    entropy_weight: float

    def __post_init__(self):
        for name in ("reward_weight", "reference_weight", "entropy_weight"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")

    @property
    def fixed_point(self) -> Coordinates:
        """(c/τ, w/τ), where J is stationary: a maximum if τ > 0, a repeller if τ < 0.    [T1, T8]

        There w r + c log p - τ log π is the same for all responses: no response is worth more than another, at the
        prices that π itself sets. ValueError for τ = 0.
        """
        if self.entropy_weight == 0:
            raise ValueError(
                "entropy_weight is 0: this objective is linear in π and has no interior fixed point; "
                "see objectives.optimum for the face where it ends"
            )
        return Coordinates(self.reference_weight / self.entropy_weight, self.reward_weight / self.entropy_weight)

    @property
    def target(self) -> Coordinates:
        """The point of the plane where J is maximal; it exists when τ > 0.    [T1]

        ValueError for any other τ; it says which function has the answer then.
        """
        if not self.entropy_weight > 0:
            raise ValueError(
                f"entropy_weight is {self.entropy_weight}: without a positive entropy term there is no "
                "attractor inside the simplex; see objectives.optimum (0) or "
                "dynamics.self_sharpening_winner (below 0)"
            )
        return self.fixed_point


def regime(name: str, alpha: float | None = None, beta: float | None = None) -> Objective:
    """The paper's regimes by name.    [2604.16259]

    task (1, 0, 0) · tilted (1, β, β) · sharpening (0, 1, 0) · tempered (0, α, 1) · tilted-tempered
    (1, αβ, β). Their optima: the best responses in p's proportions, (1, 1/β), the mode, (α, 0), (α, 1/β).
    beta -> 0 of tilted is task, and alpha -> inf of tempered is sharpening; beta -> inf and alpha = 1 leave p as it is.
    ValueError: unknown name, a parameter that the regime lacks or does not use, alpha not finite and >= 0,
    beta not finite and > 0.

    >>> regime("tilted", beta=0.25)
    Objective(reward_weight=1.0, reference_weight=0.25, entropy_weight=0.25)
    >>> regime("tilted-tempered", alpha=2, beta=0.25).target
    Coordinates(alpha=2.0, b=4.0)
    """
    if name not in REGIMES:
        raise ValueError(f"regime {name!r} is unknown; choose one of {', '.join(REGIMES)}")
    for parameter, given in (("alpha", alpha), ("beta", beta)):
        if parameter in Regime(name).parameters and given is None:
            raise ValueError(f"the {name} regime needs {parameter}; give it a value")
        if parameter not in Regime(name).parameters and given is not None:
            raise ValueError(f"the {name} regime does not use {parameter} (got {given}); leave it out")
    if alpha is not None and not (np.isfinite(alpha) and alpha >= 0):
        raise ValueError(f"alpha must be finite and >= 0, got {alpha}")
    if beta is not None and not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}")
    power = 1.0 if alpha is None else float(alpha)
    match name:
        case Regime.TASK:
            return Objective(1.0, 0.0, 0.0)
        case Regime.SHARPENING:
            return Objective(0.0, 1.0, 0.0)
    if beta is None:
        return Objective(0.0, power, 1.0)
    return Objective(1.0, power * float(beta), float(beta))


def value(
    objective: Objective,
    log_pi: Float[np.ndarray, "*#batch y"],
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
) -> Float[np.ndarray, "*batch"] | float:
    """J(π) = w E_π[r] + c E_π[log p] + τ H(π).    [T1]

    If π has mass where p has none, J is -inf for c > 0 and does not notice for c = 0. Linear in π but for the entropy,
    which is concave: for τ > 0 there is one maximum and no other stationary point.
    Errors as in tilt.log_tilt.

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0])
    >>> tilted = regime("tilted", beta=0.5)
    >>> round(float(value(tilted, log_p, log_p, reward)), 3)  # at the base model the KL is 0: its accuracy
    0.5
    >>> round(float(value(tilted, optimum(tilted, log_p, reward), log_p, reward)), 3)  # β log E_p e^{r/β}
    0.717
    """
    log_pi, log_p = checked_log_p(log_pi, "log_pi"), checked_log_p(log_p)
    reward = checked_reward(reward, log_p)
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    reference = c * expectation(log_pi, log_p) if c else 0.0  # 0 · -inf
    return w * expectation(log_pi, reward) + reference + tau * entropy(log_pi)


def optimum(
    objective: Objective,
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
) -> Float[np.ndarray, "*batch y"]:
    """log π*, the policy that maximises J on the support of p, as it is reached from p.    [T1, T4, T8]

    τ > 0: q_{c/τ, w/τ}, the unique maximiser, with J(π*) - J(π) = τ KL(π‖π*) for every π.
    Because w r + c log p is τ (log π* + Φ) by the definition of q, J(π) = τ Φ + τ E_π[log π* - log π], and the last
    mean is -KL(π‖π*), 0 at π* alone. So what a run lacks in J is its distance from the optimum, in units of τ.
    τ = 0: J is linear and maximal on a face; from p the flow ends at p restricted to argmax (w r + c log p), because
    equally good responses gain at one rate and keep their ratio.
    ValueError for τ < 0 (the maxima are single responses, which one depends on the start), and for c < 0.

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0])
    >>> np.exp(optimum(regime("task"), log_p, reward))
    array([0. , 0.6, 0.4])
    >>> np.exp(optimum(regime("sharpening"), log_p, reward))
    array([1., 0., 0.])
    """
    w, c = objective.reward_weight, objective.reference_weight
    if objective.entropy_weight != 0:
        return log_tilt(log_p, reward, *objective.target)
    if c < 0:
        raise ValueError(f"reference_weight is {c}: it rewards what p cannot produce; use a weight >= 0")
    log_p = checked_log_p(log_p)
    off = np.isneginf(log_p)
    height = np.where(off, -np.inf, w * checked_reward(reward, log_p) + c * np.where(off, 0.0, log_p))
    face = np.where(height == np.max(height, axis=-1, keepdims=True), log_p, -np.inf)
    return face - np.expand_dims(log_sum_exp(face), -1)
