"""The cells of the atlas: where an objective ends under a trainer, at what rate, and whether it stays there.

A row is a pair of what is asked for (the objective) and how it is estimated (the trainer), since the second moves the
end as much as the first. Without a policy the cells are formulas; with one they are numbers, and `log_target` holds the
policy itself where there is just one.

How to read a row. `target`: where training rests, as a point (alpha, b) of the plane or as a formula where the end is
no such point. `rate`: how fast a small deviation decays, per unit of time of the flow; times the learning rate it is
per step. `stability`: whether a deviation decays at all, or within which bounds. `threshold`: what must hold for that
end to exist. `statement`: its numbers in docs/theorems.md.

Nothing is computed here but the layout of the table and one slope; every number comes from the module that proves it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from theory.budget import small_budget_ratio
from theory.content import covariance_by_length
from theory.distribution import entropy, expectation
from theory.dynamics import iterated_sharpening_limit, rate
from theory.finite_group import advantage_bound, finite_group_optimum, large_group_k3_optimum
from theory.objectives import REGIMES, Objective, optimum, regime
from theory.problem import Problem
from theory.reweighting import effective_sample_ratio
from theory.tilt import log_odds_terms, log_tilt, sharpening_limit
from theory.trainers import (
    critical_beta,
    k3_in_loss_optimum,
    length_normalised_optimum,
    rloo_alpha,
    std_normalised_alpha,
    std_normalised_drift,
    trajectory_balance_optimum,
    trajectory_balance_rate,
)

_USES = {"tilted": ("beta",), "tempered": ("alpha",), "tilted-tempered": ("alpha", "beta")}


@dataclass(frozen=True)
class Trainer:
    """Parameters of the regimes and trainers. ValueError names the one that is out of range.

    alpha and beta as in `theory.objectives.regime`. kappa divides returns by |y|^kappa (0: not at all). mixing is the
    share of p that a moving reference keeps in each round (0: it is reset to the policy). group: samples of a prompt
    that GRPO compares.
    """

    alpha: float
    beta: float
    kappa: float
    mixing: float
    group: int = 8

    def __post_init__(self):
        regime("tilted-tempered", self.alpha, self.beta)
        if not (np.isfinite(self.kappa) and self.kappa >= 0):
            raise ValueError(f"kappa must be finite and >= 0, got {self.kappa}")
        if not 0 <= self.mixing <= 1:
            raise ValueError(f"mixing must be between 0 and 1, got {self.mixing}: it is the share of p that is kept")
        if not (self.group >= 2 and self.group == int(self.group)):
            raise ValueError(f"num_generations must be a whole number of at least 2, got {self.group}")

    def regime(self, name: str) -> Objective:
        """The weights of a regime at these parameters, each given the ones that it takes and no other."""
        return regime(name, **{parameter: getattr(self, parameter) for parameter in _USES.get(name, ())})


class Entry(NamedTuple):
    """A cell of the atlas. log_target is the policy it ends at, when a policy is given and the end is unique."""

    objective: str
    trainer: str
    target: str
    rate: str
    stability: str
    threshold: str
    statement: str
    log_target: np.ndarray | None = None


def fixed_points(trainer: Trainer, policy: Problem | None = None) -> Iterator[Entry]:
    """Every cell of objective x trainer that the theory has an answer for.

    >>> trainer = Trainer(alpha=4, beta=0.25, kappa=1, mixing=0)
    >>> {entry.trainer: entry.target for entry in fixed_points(trainer) if entry.objective == "tilted"}["RLOO"]
    'q(alpha=1, b=4)'
    """
    yield from _rloo(trainer, policy)
    yield from _other_estimators(trainer, policy)
    yield from _other_references(trainer, policy)


def thresholds(trainer: Trainer, policy: Problem) -> dict[str, float | bool | None]:
    """What decides between sharpening and a task reward on this distribution, before any training.

    Each name ends in the number of its statement. None stands for what is infinite or undefined, such as a correlation
    with a constant: JSON has no word for either. The terms of T3 need rewards of 0 and 1, those of T18 and T20 lengths.

    >>> policy = Problem(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0]))
    >>> found = thresholds(Trainer(alpha=4, beta=0.25, kappa=1, mixing=0), policy)
    >>> found["sharpening_raises_accuracy_T3"], round(found["gain_of_sharpening_per_gain_of_tilting_T5"], 2)
    (False, -0.92)
    """
    log_p, reward = policy.log_p, policy.reward
    found: dict[str, Any] = {
        "critical_beta_T12": critical_beta(log_p),
        "gain_of_sharpening_per_gain_of_tilting_T5": float(small_budget_ratio(log_p, reward)),
        "effective_sample_ratio_T23": float(effective_sample_ratio(log_p, trainer.alpha)),
        "reward_of_the_mode_T4": float(np.exp(sharpening_limit(log_p, reward)) @ reward),
    }
    if np.isin(reward, (0, 1)).all():
        terms = log_odds_terms(log_p, reward == 1, trainer.alpha, 0.0)
        found["base_log_odds_T3"] = float(terms.base)
        found["diversity_gap_T3"] = float(terms.diversity_gap)
        found["sharpening_raises_accuracy_T3"] = bool(terms.total > terms.base)
    if policy.length is not None:
        found["trajectory_balance_rate_T20"] = trajectory_balance_rate(log_p, policy.length, trainer.alpha)
        split = covariance_by_length(log_p, reward, policy.length)
        found["covariance_within_length_T18"], found["covariance_between_lengths_T18"] = split
    return {name: None if isinstance(x, float) and not np.isfinite(x) else x for name, x in found.items()}


def measured(entry: Entry, policy: Problem | None) -> dict[str, float]:
    """Mean reward, entropy (nats) and mean length at the target, where there is one policy to measure.

    Empty for a row that ends nowhere or anywhere: a number would be of one end among many.
    """
    if policy is None or entry.log_target is None:
        return {}
    found = {
        "mean_reward": float(expectation(entry.log_target, policy.reward)),
        "entropy": float(entropy(entry.log_target)),
    }
    if policy.length is not None:
        found["mean_length"] = float(expectation(entry.log_target, policy.length))
    return found


def _rloo(trainer, policy):
    """Rewards with their KL inside the return: the straight lines of T8.

    The rate of these is τ alone; their step limit 2/τ is that of exact gradients. Self-reward has τ = -1 and c = 0, so
    that what is likeliest at the start wins, whatever the rewards are.
    """
    for name in REGIMES:
        objective = trainer.regime(name)
        log_target = policy and optimum(objective, policy.log_p, policy.reward)
        if objective.entropy_weight > 0:
            alpha, b = objective.target
            tau = rate(objective)
            yield Entry(
                name, "RLOO", f"q(alpha={alpha:g}, b={b:g})", f"{tau:g}", "stable",
                f"step < {2 / tau:g}", "T1 T8", log_target,
            )  # fmt: skip
        else:
            end = "p on the best reward" if name == "task" else "the mode of p"
            yield Entry(name, "RLOO", end, "linear in time", "marginal", "none", "T4 T8", log_target)
    winner = None
    if policy:
        winner = np.where(np.arange(len(policy.log_p)) == np.argmax(policy.log_p), 0.0, -np.inf)
    yield Entry(
        "self-reward log pi", "RLOO", "the response likeliest at the start", "-1", "unstable",
        "none", "T8 T10", winner,
    )  # fmt: skip


def _other_estimators(trainer, policy):
    """The same rewards through another estimator: another fixed point.

    The GRPO row is the limit of large groups (T12), where a beta below the threshold collapses; the rows of finite
    groups (T25) have an end at every beta and say how far it can be from p.
    """
    beta = trainer.beta
    threshold, target, log_target = "beta > beta_c = 1/max (alpha-1) sd", "(alpha-1) sd(log p) = 1/beta", None
    stability, speed = "lower root stable, upper not", "slope of beta (alpha-1) - 1/sd"
    if policy:
        threshold = f"beta > {critical_beta(policy.log_p):.6g}"
        roots = std_normalised_alpha(policy.log_p, beta)
        if np.isnan(roots.stable):
            target, stability, speed = "the mode of p", "collapses in the limit", "ever faster"
            log_target = sharpening_limit(policy.log_p, policy.reward)
        else:
            target, speed = f"q(alpha={roots.stable:.6g}, b=0)", f"{_slope(policy.log_p, roots.stable, beta):.4g}"
            stability = f"stable below alpha = {roots.unstable:.6g}"
            log_target = log_tilt(policy.log_p, policy.reward, roots.stable, 0)
    plain = policy and log_tilt(policy.log_p, policy.reward, rloo_alpha(beta), 0)
    yield Entry(
        "log p with KL", "RLOO", f"q(alpha={rloo_alpha(beta):g}, b=0)", f"{beta:g}", "stable",
        f"step < {2 / beta:g}", "T12", plain,
    )  # fmt: skip
    yield Entry("log p with KL", "GRPO, G -> inf", target, speed, stability, threshold, "T12", log_target)
    yield from _finite_groups(trainer, policy)
    for name, reward in (("tilted", policy and policy.reward), ("log p with KL", policy and _floor(policy.log_p))):
        log_target = policy and k3_in_loss_optimum(policy.log_p, reward, beta)
        yield Entry(name, "k3 in the loss", "p/(1 - A/beta)", "beta - max A", "stable", "none", "T13", log_target)
    for name in _USES:
        objective = trainer.regime(name)
        alpha, b = objective.target
        yield Entry(
            name, "std-normalised total return", f"around q(alpha={alpha:g}, b={b:g})", "a step a step",
            "never settles: two distances that add up to the step", "none", "T14",
            policy and optimum(objective, policy.log_p, policy.reward),
        )  # fmt: skip


def _finite_groups(trainer, policy):
    """What GRPO does with the groups that are sampled: an end at every beta, whatever T12 says of G -> inf.

    Both rewards, each with the KL beside the advantage and with k3 in the loss. The bound on how far log-odds move is
    that of the first form, 2 (G-1)/(√G β): each of two responses is pushed by at most (G-1)/√G.
    """
    beta, group = trainer.beta, trainer.group
    for name, reward in (("tilted", policy and policy.reward), ("log p with KL", policy and _floor(policy.log_p))):
        yield Entry(
            name, "GRPO, G -> inf, k3 in the loss", "p/(1 - A/(beta sd))", "beta less the slope of A/sd", "A/sd < beta",
            "none", "T25", policy and large_group_k3_optimum(policy.log_p, reward, beta),
        )  # fmt: skip
    farthest = f"log-odds move <= {2 * advantage_bound(group) / beta:.4g}"
    for name, reward in (("tilted", policy and policy.reward), ("log p with KL", policy and _floor(policy.log_p))):
        for k3, kind, target, stays in (
            (False, "", "p e^(h/beta)", farthest),
            (True, ", k3 in the loss", "p/(1 - h/beta)", "h < beta"),
        ):
            log_target = None
            if policy:
                with contextlib.suppress(ValueError):  # rewards that nearly tie: no numbers, the form stands
                    log_target = finite_group_optimum(policy.log_p, reward, beta, group, k3)
            yield Entry(
                name, f"GRPO, G = {group}{kind}", target, "beta less the slope of h", stays, "none", "T25", log_target,
            )  # fmt: skip


def _other_references(trainer, policy):
    """Lengths, moving references and votes: another target by construction.

    A moving reference with a gain of exactly 1 and no mixing stays where it is, which is not the same as being drawn
    there: marginal.
    """
    alpha, kappa, lengths = trainer.alpha, trainer.kappa, policy is not None and policy.length is not None
    balanced = normalised = None
    if lengths:
        balanced = trajectory_balance_optimum(policy.log_p, policy.length, alpha)
        normalised = length_normalised_optimum(policy.log_p, policy.length, alpha, kappa)
    plain = policy and log_tilt(policy.log_p, policy.reward, alpha, 0)
    finite = "alpha > alpha_c (T17)"
    yield Entry("tempered", "trajectory balance", f"q(alpha={alpha:g}, b=0)", "loss 0", "stable", finite, "T20", plain)
    yield Entry(
        "tempered", "trajectory balance, 1/|y|", f"p^{alpha:g} e^(-lambda |y|)", "loss 0", "stable",
        "none", "T20", balanced,
    )  # fmt: skip
    yield Entry(
        "tempered", f"RLOO on log p/|y|^{kappa:g}", f"p^(1 + {alpha - 1:g}/|y|^{kappa:g})", "1", "stable",
        "step < 2", "T20", normalised,
    )  # fmt: skip
    rest, gain = iterated_sharpening_limit(alpha, trainer.mixing), alpha * (1 - trainer.mixing)
    target, stability = "the mode of p", "unstable"
    if rest.stable or rest.exponent == 1:
        target, stability = f"q(alpha={rest.exponent:g}, b=0)", "stable" if rest.stable else "marginal"
    yield Entry(
        "tempered", "moving reference", target, f"{gain:g} a round", stability, "alpha (1 - mixing) < 1", "T11",
        log_tilt(policy.log_p, policy.reward, rest.exponent, 0) if policy and stability != "unstable" else None,
    )  # fmt: skip
    yield Entry(
        "majority vote", "RLOO, moving reference", "the answer that leads at the start",
        f"{1 / trainer.beta:g} nats a round", "a tie is unstable", "none", "T21",
    )  # fmt: skip


def _slope(log_p, alpha, beta, step=1e-5):
    """-d/dα of the drift 1/sd - β(α-1): the rate at which the stable root attracts.

    A central difference: its error is of order step², 1e-10, and that of rounding 1e-16/step, 1e-11.
    The derivative has a formula too, of the third cumulant; this one cannot disagree with the drift that it belongs to.
    """
    return (std_normalised_drift(log_p, alpha - step, beta) - std_normalised_drift(log_p, alpha + step, beta)) / (
        2 * step
    )


def _floor(log_p):
    """log p as a reward: what is off the support is never drawn, any finite number will do.

    Finite, since -inf times a probability of 0 is no number, and one such response would make every mean nan.
    """
    return np.where(np.isneginf(log_p), 0.0, log_p)
