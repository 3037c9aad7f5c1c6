"""Where RLOO, Dr. GRPO, GRPO and k3 in the loss end: with exact expectations, and from groups of samples (T12-T15)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from theory.distribution import expectation, total_variation
from theory.objectives import Objective
from theory.tilt import log_tilt
from theory.trainers import critical_beta, k3_in_loss_optimum, rloo_alpha, std_normalised_alpha
from toysims.experiment import Part, Row
from toysims.learners import advantages, rloo
from toysims.learners import trainer_steps as trainer
from toysims.learners.objective import one
from toysims.verdict import STANDARD_ERRORS, Check, at_most, monte_carlo

GROUPS = (64, 128, 256)


def fixed_points(log_p: Float[np.ndarray, " k"], beta: float) -> list[Check]:
    """Exact expectations: where RLOO, k3 in the loss and GRPO end, as distances to theory's policies."""
    grpo_beta = 1.5 * critical_beta(log_p)
    k3 = k3_in_loss_optimum(log_p, log_p, beta)
    cases = (
        ("RLOO", "T12", trainer.rloo_velocity, beta, _power(log_p, rloo_alpha(beta))),
        ("k3 in the loss", "T13", trainer.k3_velocity, beta, k3),
        ("GRPO at 1.5 β_c", "T12", trainer.grpo_velocity, grpo_beta, _grpo_end(log_p, grpo_beta)),
    )
    checks = []
    for name, source, velocity, weight, target in cases:
        ended = trainer.settle(velocity, jnp.asarray(log_p), jnp.asarray(log_p), weight)
        distance = float(total_variation(np.asarray(ended.log_pi), target))
        checks.append(at_most(f"{name}, exact: distance to the fixed point", source, distance, 1e-8))
    return checks


def sampled(log_p: Float[np.ndarray, " k"], beta: float, key: Key[Array, ""], steps: int, replicas: int) -> Part:
    """Groups of samples: E_π[log p] at the end of each trainer, over replicas."""
    keys = iter(jax.random.split(key, 6))
    reference = jnp.asarray(log_p)

    def train(weight: Callable[..., Any], beta: float, group: int) -> Float[np.ndarray, " replicas"]:
        ended = trainer.train(next(keys), weight, reference, beta, group, steps, replicas)
        return np.asarray(ended.mean_log_p)

    checks = _penalty_in_the_reward(log_p, beta, [next(keys), next(keys)], 12 * steps, replicas)
    ended = train(trainer.k3_weight, beta, 64)
    mean_log_p = float(expectation(k3_in_loss_optimum(log_p, log_p, beta), log_p))
    checks.append(monte_carlo("k3 in the loss, groups of 64: mean log p", "T13", mean_log_p, ended))

    grpo_beta = 2 * critical_beta(log_p)
    mean_log_p = float(expectation(_grpo_end(log_p, grpo_beta), log_p))
    points: list[Row] = []
    for group in GROUPS:
        ended = train(trainer.grpo_weight, grpo_beta, group)
        mean, error = float(ended.mean()), float(ended.std(ddof=1)) / replicas**0.5
        points.append({"part": "group", "x": 1 / group, "mean_log_p": mean, "error": error, "theory": mean_log_p})
    # A finite group divides by its own sd and so ends elsewhere, by O(1/G); Richardson to 1/G = 0 removes two orders.
    richardson = np.array([1, -6, 8]) / 3
    means, errors = (np.array([point[name] for point in points]) for name in ("mean_log_p", "error"))
    tolerance = STANDARD_ERRORS * float(np.sqrt(richardson**2 @ errors**2))
    claim = "GRPO at 2 β_c, groups of 64, 128, 256 extrapolated to ∞: mean log p"
    checks.append(Check(claim, "T12", mean_log_p, float(richardson @ means), tolerance))
    return checks, points


def _penalty_in_the_reward(
    log_p: Float[np.ndarray, " k"], beta: float, keys: list[Key[Array, ""]], steps: int, replicas: int
) -> list[Check]:
    """RLOO and Dr. GRPO with the penalty in the reward: all of J is the return, so their noise dies out."""
    reference = jnp.asarray(log_p)
    weights = one(Objective(0.0, 1 + beta, beta))

    def ascend(key: Key[Array, ""], advantage: rloo.Advantage) -> Float[Array, " k"]:
        def step(state: rloo.State, _: None) -> tuple[rloo.State, rloo.GroupInfo]:
            return rloo.step(weights, state, reference, 0 * reference, 0.5 / beta, 8, advantage=advantage)

        return jax.lax.scan(step, rloo.start(reference, key), None, length=steps)[0].theta

    target, checks = _power(log_p, rloo_alpha(beta)), []
    for key, (name, advantage) in zip(
        keys, {"RLOO": advantages.rloo, "Dr. GRPO": advantages.dr_grpo}.items(), strict=True
    ):
        run = jax.jit(jax.vmap(partial(ascend, advantage=advantage)))
        log_pi = np.asarray(jax.nn.log_softmax(run(jax.random.split(key, replicas))))
        worst = np.max(total_variation(log_pi, target))
        checks.append(at_most(f"{name}, groups of 8: largest distance of a replica", "T12, T15", worst, 1e-6))
    return checks


def _power(log_p: Float[np.ndarray, " k"], alpha: float) -> Float[np.ndarray, " k"]:
    return log_tilt(log_p, np.zeros_like(log_p), alpha, 0)


def _grpo_end(log_p: Float[np.ndarray, " k"], beta: float) -> Float[np.ndarray, " k"]:
    """The power at which GRPO from p rests."""
    return _power(log_p, std_normalised_alpha(log_p, beta).stable)
