"""Policy gradient from groups of samples that are kept as counts: many groups, many replicas, at the cost of few.

What a step does depends on a group only by how often each response is in it. Policies are natural-gradient learners on
a table: a response that is seen n times of G moves by the sum of its weights over G π(y). Where π(y) is so small that
seeing it once would throw the policy (T30), a floor takes its place; it is a preconditioner and moves no fixed point.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

Counts = Int[np.ndarray, "replicas groups k"]
Policies = Float[np.ndarray, "replicas k"]
Push = Callable[[Policies, np.random.Generator], Policies]


class Trained(NamedTuple):
    """The last policy of each replica, and its mean of π over the second half of training."""

    log_pi: Policies
    mean_pi: Policies


def drawn(log_law: Policies, groups: int, group: int, generator: np.random.Generator) -> Counts:
    """How often each response is in each group of samples."""
    law = np.exp(log_law)
    law /= law.sum(axis=1, keepdims=True)
    return generator.multinomial(group, np.repeat(law[:, None], groups, axis=1))


def rloo(counts: Counts, returns: Shaped[np.ndarray, "replicas k"]) -> Float[np.ndarray, "replicas groups k"]:
    """R less the mean of the others of the group, of each response in it.    [T15]"""
    group = counts[0, 0].sum()
    values = returns[:, None]
    return group / (group - 1) * (values - np.sum(counts * values, axis=-1, keepdims=True) / group)


def grpo(counts: Counts, reward: Shaped[np.ndarray, " k"]) -> Float[np.ndarray, "replicas groups k"]:
    """(R - R̄)/sd with divisor G - 1, 0 in groups of equal rewards.    [T25]"""
    group = counts[0, 0].sum()
    centred = reward - np.sum(counts * reward, axis=-1, keepdims=True) / group
    sd = np.sqrt(np.sum(counts * centred**2, axis=-1, keepdims=True) / (group - 1))
    return np.where(sd > 1e-9, centred / np.maximum(sd, 1e-9), 0.0)


def pushed(counts: Counts, weight: Float[np.ndarray, "replicas groups k"], log_law: Policies, floor: float) -> Policies:
    """Σ_i w_i 1[y_i = y]/(G π(y)), the mean over groups: with no floor its mean is E[w given y]."""
    group = counts[0, 0].sum()
    return np.mean(counts * weight, axis=1) / group / np.maximum(np.exp(log_law), floor)


def train(
    push: Push,
    log_p: Float[np.ndarray, " k"],
    steps: int,
    replicas: int,
    step_size: float,
    generator: np.random.Generator,
) -> Trained:
    """θ ← θ + η_t push from p, η_t = η/(1 + 10 t/steps) so that noise averages out."""
    theta, total = np.tile(log_p, (replicas, 1)), np.zeros((replicas, len(log_p)))
    for step in range(steps):
        theta = _normalised(theta + step_size / (1 + 10 * step / steps) * push(theta, generator))
        if step >= steps // 2:
            total += np.exp(theta)
    return Trained(theta, total / (steps - steps // 2))


def _normalised(theta):
    return theta - np.logaddexp.reduce(theta, axis=1, keepdims=True)
