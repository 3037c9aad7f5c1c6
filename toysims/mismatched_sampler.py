"""RLOO on samples of another law than the policy: a table ends where it would have, shared parameters do not (T33)."""

import numpy as np
from jaxtyping import Float

from theory.distribution import expectation, total_variation
from theory.mismatched_sampler import mismatched_class_optimum, sampler_return_optimum
from theory.objectives import Objective, optimum
from theory.problem import Problem
from theory.shared_parameters import class_optimum, log_policy
from toysims.experiment import Part, Row
from toysims.learners.counted import Policies, drawn, pushed, rloo, train
from toysims.shared_parameters import OBJECTIVE, SharedProblem, train_class
from toysims.verdict import Check, at_most, monte_carlo

GROUPS, GROUP = 32, 8
LEVELS = (None, 1.0, 1.5, 3.0, np.inf)  # of truncation; None for no weights at all


def table(problem: Problem, generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """A hotter sampler and one with errors in its log-probabilities, with and without weights, KL from either side."""
    objective = Objective(1.0, 0.5, 0.5)
    best = optimum(objective, problem.log_p, problem.reward)
    error = 0.5 * np.random.default_rng(1).normal(size=len(problem))
    laws = {"temperature 2": (0.5, 0 * error), "errors of 0.5 nats": (1.0, error)}
    checks: list[Check] = []
    for name, law in laws.items():
        for truncation in (None, 2.0):
            ended = _train(problem, objective, law, truncation, False, generator, steps, replicas)
            weights = "no weights" if truncation is None else f"weights up to {truncation:g}"
            farthest = np.max(total_variation(ended, best))
            checks.append(at_most(f"sampler with {name}, {weights}: distance to the optimum", "T33", farthest, 1e-6))
    off = sampler_return_optimum(best, error)
    ended = _train(problem, objective, laws["errors of 0.5 nats"], None, True, generator, steps, replicas)
    farthest = np.max(total_variation(ended, off))
    checks.append(
        at_most("KL term of the sampler's log p: distance to the optimum less its errors", "T33", farthest, 1e-6)
    )
    return checks, []


def shared(problem: SharedProblem, generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """Mean reward at the end with shared parameters, by the level at which weights are truncated."""
    checks: list[Check] = []
    rows: list[Row] = []
    log_ratio = 0.8 * np.random.default_rng(2).normal(size=problem.log_p.shape)
    exact = class_optimum(OBJECTIVE, *problem)
    unbiased = float(np.mean(expectation(log_policy(exact, problem.log_p, problem.features), problem.reward)))
    for truncation in LEVELS:
        theta = mismatched_class_optimum(OBJECTIVE, *problem, log_ratio, truncation)
        predicted = float(np.mean(expectation(log_policy(theta, problem.log_p, problem.features), problem.reward)))
        found = train_class(problem, OBJECTIVE, log_ratio, truncation, generator, steps, replicas)
        level = "no weights" if truncation is None else f"weights up to {truncation:g}"
        checks.append(monte_carlo(f"shared parameters, another sampler, {level}: mean reward", "T33", predicted, found))
        row = {"part": "sampler", "x": 0.0 if truncation is None else truncation, "mean_reward": float(found.mean())}
        error = float(found.std(ddof=1)) / replicas**0.5
        rows.append({**row, "error": error, "theory": predicted, "unbiased": unbiased})
    return checks, rows


def _train(
    problem: Problem,
    objective: Objective,
    law: tuple[float, Float[np.ndarray, " k"]],
    truncation: float | None,
    of_sampler: bool,
    generator: np.random.Generator,
    steps: int,
    replicas: int,
) -> Policies:
    """log π at the end. All of J is in the return, so the noise dies out; the KL term is π's, or the sampler's."""
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    power, error = law

    def push(log_pi: Policies, generator: np.random.Generator) -> Policies:
        log_mu = power * log_pi + error
        log_mu = log_mu - np.logaddexp.reduce(log_mu, axis=1, keepdims=True)
        counts = drawn(log_mu, GROUPS, GROUP, generator)
        own = log_mu if of_sampler else log_pi
        weight = rloo(counts, w * problem.reward + c * problem.log_p - tau * own)
        if truncation is not None:
            weight = weight * np.minimum(np.exp(log_pi - log_mu), truncation)[:, None]
        return pushed(counts, weight, log_mu, 0.05)

    return train(push, problem.log_p, steps, replicas, 0.5 / tau, generator).log_pi
