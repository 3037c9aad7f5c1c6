"""Objectives with τ < 0: a fixed point that drives policies away, how fast, and which response then wins.

A run starts a nudge away from the fixed point and follows the natural-gradient flow. Theory predicts the
growth rate |τ|, and the winner from the start alone; the flow is integrated without either.    [T8]
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from theory.dynamics import rate
from theory.objectives import Objective
from theory.problem import Problem
from theory.tilt import log_tilt

NUDGE = 1e-4  # nats: how far from the fixed point a run starts
END = 26.0  # in units of 1/|τ|: a lead of 1e-6 nats at the start has become 2e5


def flow_times(objective: Objective, points: int = 8) -> Float[np.ndarray, " points"]:
    """When to look: up to 4/|τ|, where a deviation is still 1e-2 and grows at its rate; and at the end."""
    return np.append(np.linspace(0.5, 4.0, points - 1), END) / -rate(objective)


def fixed_point(problem: Problem, objective: Objective) -> Float[np.ndarray, " k"]:
    """log of q_{c/τ, w/τ}, which must have alpha = c/τ >= 0.    [T1, T8]"""
    return log_tilt(problem.log_p, problem.reward, *objective.fixed_point)


def nudged(key: Key[Array, ""], log_fixed: Float[np.ndarray, " k"], number: int) -> Float[Array, "starts k"]:
    """Policies that differ from the fixed point by N(0, NUDGE²) in each log-probability."""
    nudges = NUDGE * jax.random.normal(key, (number, log_fixed.shape[0]), dtype=jnp.float64)
    return jax.nn.log_softmax(log_fixed + nudges, axis=-1)


def growth_rate(
    times: Float[np.ndarray, " times"],
    log_pi: Float[np.ndarray, "starts times k"],
    log_fixed: Float[np.ndarray, " k"],
) -> Float[np.ndarray, " starts"]:
    """Slope of log ‖deviation‖ in time, by least squares; the deviation is log π - log π* less its mean."""
    deviation = log_pi - log_fixed
    deviation = deviation - deviation.mean(axis=-1, keepdims=True)
    size = np.log(np.linalg.norm(deviation, axis=-1))
    clock = times - times.mean()
    return (size - size.mean(axis=-1, keepdims=True)) @ clock / (clock @ clock)
