"""Training with one set of parameters for all prompts: what a table foretells, and what the projection does (T26)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.budget import gain_ratio
from theory.distribution import expectation, kl
from theory.objectives import Objective
from theory.shared_parameters import class_optimum, log_policy, projected_gain_ratio, score_moments
from theory.tilt import moments
from toysims.experiment import Part, Row
from toysims.learners.counted import drawn, rloo
from toysims.verdict import Check, monte_carlo

OBJECTIVE = Objective(1.0, 1.0, 0.7)
GROUPS, GROUP = 8, 8
DISAGREE = 0.25  # at least, of either sign
BUDGETS = (1e-3, 2.5e-4)  # nats, the second a quarter of the first


class SharedProblem(NamedTuple):
    """Prompts with responses, whose log-linear policy has one set of parameters."""

    log_p: Float[np.ndarray, "x y"]
    reward: Float[np.ndarray, "x y"]
    features: Float[np.ndarray, "x y d"]

    @property
    def table_ratio(self) -> float:
        """Gain of sharpening over gain of reward at a small KL, if every response could move by itself.    [T5]"""
        found = moments(self.log_p, self.reward, 1, 0)
        return float(gain_ratio(*(float(np.mean(part)) for part in (found.cov, found.var_log_p, found.var_reward))))

    @property
    def class_ratio(self) -> float:
        """The same with the parameters that there are.    [T26]"""
        return projected_gain_ratio(score_moments(self.log_p, self.log_p, self.reward, self.features))


def draw(generator: np.random.Generator) -> SharedProblem:
    """The first of random problems in which a table would gain by sharpening and the class loses."""
    while True:
        log_p = 1.2 * generator.normal(size=(2, 4))
        log_p -= np.logaddexp.reduce(log_p, axis=1, keepdims=True)
        reward = (generator.random((2, 4)) < 0.4).astype(float)
        problem = SharedProblem(log_p, reward, generator.normal(size=(2, 4, 2)))
        if problem.table_ratio > DISAGREE and problem.class_ratio < -DISAGREE:
            return problem


def first_steps(problem: SharedProblem) -> Part:
    """Gain of sharpening over gain of reward at two small budgets, by training; extrapolated to none."""
    rows: list[Row] = []
    for budget in BUDGETS:
        gains = [_gain(problem, pay, budget) for pay in (problem.log_p, problem.reward)]
        ratio = {"measured": gains[0] / gains[1], "theory": problem.class_ratio, "table": problem.table_ratio}
        rows.append({"part": "shared", "x": budget, **ratio})
    # The ratio differs from its limit by the root of the budget: twice the nearer less the farther has no such term.
    limit = 2 * rows[1]["measured"] - rows[0]["measured"]
    claim = "shared parameters: gain of sharpening over gain of reward as the budget vanishes"
    return [Check(claim, "T26", problem.class_ratio, limit, 0.005)], rows


def sampled(problem: SharedProblem, generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """RLOO on samples ends at the reverse-KL projection of the tabular optimum."""
    theta = class_optimum(OBJECTIVE, *problem)
    predicted = float(np.mean(expectation(log_policy(theta, problem.log_p, problem.features), problem.reward)))
    found = train_class(problem, OBJECTIVE, np.zeros(problem.log_p.shape), None, generator, steps, replicas)
    return [monte_carlo("shared parameters: mean reward at the end", "T26", predicted, found)], []


def train_class(
    problem: SharedProblem,
    objective: Objective,
    log_ratio: Float[np.ndarray, "x y"],
    truncation: float | None,
    generator: np.random.Generator,
    steps: int,
    replicas: int,
    step_size: float = 0.3,
) -> Float[np.ndarray, " replicas"]:
    """Mean reward over the second half of RLOO on samples of π e^{log_ratio}, with weights or not.

    The inverse of the Fisher matrix at p stands before every gradient: slow directions would take thousands of steps.
    """
    log_p, reward, features = problem
    inverse = np.linalg.inv(score_moments(log_p, log_p, reward, features).fisher)
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    theta, total = np.zeros((replicas, features.shape[-1])), np.zeros(replicas)
    for step in range(steps):
        slope, mean_reward = np.zeros_like(theta), np.zeros(replicas)
        for x in range(len(log_p)):
            log_pi = _normalised(log_p[x] + theta @ features[x].T)
            log_mu = _normalised(log_pi + log_ratio[x])
            counts = drawn(log_mu, GROUPS, GROUP, generator)
            weight = rloo(counts, w * reward[x] + c * log_p[x] - tau * log_pi)
            if truncation is not None:
                weight = weight * np.minimum(np.exp(log_pi - log_mu), truncation)[:, None]
            push = np.mean(counts * weight, axis=1) / GROUP
            slope += (push - np.exp(log_pi) * push.sum(axis=1, keepdims=True)) @ features[x] / len(log_p)
            mean_reward += np.exp(log_pi) @ reward[x] / len(log_p)
        theta = theta + step_size / (1 + 10 * step / steps) * slope @ inverse
        total += mean_reward if step >= steps // 2 else 0.0
    return total / (steps - steps // 2)


def _gain(problem: SharedProblem, pay: Float[np.ndarray, "x y"], budget: float) -> float:
    """Reward gained where ascent of weight · E pay - KL has come to rest, at the weight that costs this KL."""
    log_p, reward, features = problem
    inverse = np.linalg.inv(score_moments(log_p, log_p, reward, features).fisher)

    def climbed(weight: float) -> Float[np.ndarray, "x y"]:
        theta = np.zeros(features.shape[-1])
        for _ in range(60):  # by half of the way in each
            log_pi = log_policy(theta, log_p, features)
            theta = theta + inverse @ _slope(log_pi, weight * pay - (log_pi - log_p), features) / 2
        return log_policy(theta, log_p, features)

    weight = 0.1
    for _ in range(8):  # KL grows with the square of a small weight
        log_pi = climbed(weight)
        weight *= float(np.sqrt(budget / np.mean(kl(log_pi, log_p))))
    return float(np.mean(expectation(log_pi, reward)) - np.mean(expectation(log_p, reward)))


def _slope(
    log_pi: Float[np.ndarray, "x y"], gain: Float[np.ndarray, "x y"], features: Float[np.ndarray, "x y d"]
) -> Float[np.ndarray, " d"]:
    """E_x Cov_π(φ, gain)."""
    pi = np.exp(log_pi)
    centred = gain - np.sum(pi * gain, axis=1, keepdims=True)
    return np.einsum("xy,xy,xyi->i", pi, centred, features) / len(pi)


def _normalised(theta):
    return theta - np.logaddexp.reduce(theta, axis=1, keepdims=True)
