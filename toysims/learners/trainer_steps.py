"""One step of each trainer on the reward log p: with exact expectations over responses, and with groups of samples.

Nothing here knows where a trainer ends. A velocity is d log π/dt of the natural gradient up to a constant; a weight
is what a sampled response multiplies ∇log π by. Trainers: RLOO and Dr. GRPO with the KL penalty in the reward; GRPO
with a standardised reward and the penalty beside it; RLOO with the k3 estimate of KL in the loss.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from toysims.learners import advantages
from toysims.learners.rloo import sample

Policy = Float[Array, " k"]
Drawn = Int[Array, " group"]  # indices of the sampled responses
Scalar = Float[Array, ""] | float


class Settled(NamedTuple):
    """Where exact training ended, whether all mass was on one response by then, and the steps that it took."""

    log_pi: Policy
    collapsed: Bool[Array, ""]
    steps: Int[Array, ""]


class Trained(NamedTuple):
    """The last policy of each replica, and its mean of E_π[log p] over the second half of training."""

    log_pi: Float[Array, "replicas k"]
    mean_log_p: Float[Array, " replicas"]


def standardised(log_pi: Policy, f: Policy) -> Policy:
    """(f - E_π f)/sd_π(f)."""
    pi = jax.nn.softmax(log_pi)
    centred = f - jnp.sum(pi * f)
    return centred / jnp.sqrt(jnp.sum(pi * centred**2))


def rloo_velocity(log_pi: Policy, log_p: Policy, beta: Scalar) -> Policy:
    """log p - β (log π - log p): the return itself.    [T12]"""
    return log_p - beta * (log_pi - log_p)


def grpo_velocity(log_pi: Policy, log_p: Policy, beta: Scalar) -> Policy:
    """(log p - E log p)/sd - β (log π - log p).    [T12]"""
    return standardised(log_pi, log_p) - beta * (log_pi - log_p)


def k3_velocity(log_pi: Policy, log_p: Policy, beta: Scalar) -> Policy:
    """log p - E log p - β (1 - p/π): the slope of k3 = p/π - 1 - log(p/π) at samples that are held fixed.    [T13]"""
    return log_p - jnp.sum(jax.nn.softmax(log_pi) * log_p) + beta * jnp.expm1(log_p - log_pi)


def std_return_velocity(log_pi: Policy, log_p: Policy, beta: Scalar) -> Policy:
    """The return log p - β (log π - log p), standardised as a whole.    [T14]"""
    return standardised(log_pi, rloo_velocity(log_pi, log_p, beta))


def rloo_weight(log_pi: Policy, log_p: Policy, y: Drawn, beta: Scalar) -> Float[Array, " group"]:
    """RLOO on the return, penalty included.    [T12]"""
    return advantages.rloo(rloo_velocity(log_pi, log_p, beta)[y])


def dr_grpo_weight(log_pi: Policy, log_p: Policy, y: Drawn, beta: Scalar) -> Float[Array, " group"]:
    """The same without leaving one out.    [T12]"""
    return advantages.dr_grpo(rloo_velocity(log_pi, log_p, beta)[y])


def grpo_weight(log_pi: Policy, log_p: Policy, y: Drawn, beta: Scalar) -> Float[Array, " group"]:
    """log p standardised within the group, the penalty beside it.    [T12]"""
    return advantages.grpo(log_p[y]) - beta * advantages.rloo((log_pi - log_p)[y])


def k3_weight(log_pi: Policy, log_p: Policy, y: Drawn, beta: Scalar) -> Float[Array, " group"]:
    """RLOO on log p, the slope of k3 beside it.    [T13]"""
    return advantages.rloo(log_p[y]) + beta * jnp.expm1(log_p - log_pi)[y]


@partial(jax.jit, static_argnames=("velocity", "max_steps"))
def settle(
    velocity: Callable[[Policy, Policy, Scalar], Policy],
    start: Policy,
    log_p: Policy,
    beta: Scalar,
    step_size: Scalar = 0.05,
    max_steps: int = 50_000,
) -> Settled:
    """log π ← log π + η velocity, until π rests or has collapsed to one response."""

    def step(carry):
        log_pi, _, steps = carry
        new = jax.nn.log_softmax(log_pi + step_size * velocity(log_pi, log_p, beta))
        return new, jnp.max(jnp.abs(jnp.exp(new) - jnp.exp(log_pi))), steps + 1

    def unfinished(carry):
        log_pi, moved, steps = carry
        # log π = -1e-10 leaves 1e-10 of the mass to all other responses.
        return (moved > 1e-12) & (jnp.max(log_pi) < -1e-10) & (steps < max_steps)

    log_pi, _, steps = jax.lax.while_loop(unfinished, step, (start, jnp.asarray(1.0), jnp.asarray(0)))
    return Settled(log_pi, jnp.max(log_pi) >= -1e-10, steps)


@partial(jax.jit, static_argnames=("weight", "group", "steps", "replicas"))
def train(
    key: Key[Array, ""],
    weight: Callable[[Policy, Policy, Drawn, Scalar], Float[Array, " group"]],
    log_p: Policy,
    beta: Scalar,
    group: int,
    steps: int,
    replicas: int,
    step_size: Scalar = 0.3,
) -> Trained:
    """Policy gradient from p on groups of samples, θ ← θ + η_t/p Σ_i w_i (e_{y_i} - π)/G, in many replicas.

    η_t = η/(1 + 10 t/steps), so that the noise averages out. 1/p, at most 20, is a fixed preconditioner: it moves no
    fixed point, and without it the improbable responses would be too slow (T9).
    """
    slow_down = steps / 10

    def step(carry, t):
        theta, total, key = carry
        key, draw = jax.random.split(key)
        log_pi = jax.nn.log_softmax(theta)
        y = sample(log_pi, draw, group)
        w = weight(log_pi, log_p, y, beta)
        slope = jnp.zeros_like(theta).at[y].add(w / group) - jnp.mean(w) * jnp.exp(log_pi)
        theta = theta + step_size / (1 + t / slow_down) * slope / jnp.maximum(jnp.exp(log_p), 0.05)
        mean_log_p = jnp.sum(jax.nn.softmax(theta) * log_p)
        return (theta, total + jnp.where(t >= steps // 2, mean_log_p, 0.0), key), None

    def replica(key):
        (theta, total, _), _ = jax.lax.scan(step, (log_p, 0.0, key), jnp.arange(steps))
        return jax.nn.log_softmax(theta), total / (steps - steps // 2)

    return Trained(*jax.vmap(replica)(jax.random.split(key, replicas)))


def exponent(log_pi: Policy, log_p: Policy) -> Float[Array, ""]:
    """The power of p that π is nearest to: slope of log π on log p, weighted by π."""
    pi = jax.nn.softmax(log_pi)
    centred = log_p - jnp.sum(pi * log_p)
    return jnp.sum(pi * centred * log_pi) / jnp.sum(pi * centred**2)
