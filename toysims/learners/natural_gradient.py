"""Natural-gradient ascent of J over all policies: as a flow, solved by diffrax, and in mirror-ascent steps.

The natural gradient of J in the logits is F⁺∇_θJ with F = diag π - ππᵀ, and that is the return R itself, up
to a constant: the replicator equation. Nothing here knows the tilt family or where the answer lies.
"""

from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from toysims.learners.objective import Weights, returns

BATCH = 200_000  # entries that are advanced at once; above, runs take turns, for the sake of memory


class MirrorInfo(NamedTuple):
    """What one would plot of a mirror step: J before it, and the standard deviation of the return."""

    value: Float[Array, ""]
    spread: Float[Array, ""]


def velocity(
    weights: Weights, log_pi: Float[Array, " k"], log_p: Float[Array, " k"], reward: Float[Array, " k"]
) -> Float[Array, " k"]:
    """d log π(y)/dt = R(y) - E_π[R], the replicator equation.    [T8]

    In log π no probability is lost, however small.
    """
    gain = returns(weights, log_pi, log_p, reward)
    # The softmax is π itself, but with it the sum of π stays put; with exp, rounding in it would grow as
    # e^{-E[R] t}, and E[log p] is far below zero.
    return gain - jnp.sum(jax.nn.softmax(log_pi) * gain)


def mirror_step(
    weights: Weights,
    log_pi: Float[Array, " k"],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    step_size: Float[Array, ""] | float,
) -> tuple[Float[Array, " k"], MirrorInfo]:
    """log π ← log π + η R - log Σ π e^{ηR}: one step of mirror ascent.    [T8]"""
    gain = returns(weights, log_pi, log_p, reward)
    pi = jnp.exp(log_pi)
    mean = jnp.sum(pi * gain)
    spread = jnp.sqrt(jnp.sum(pi * (gain - mean) ** 2))
    return jax.nn.log_softmax(log_pi + step_size * gain), MirrorInfo(mean, spread)


def flow(
    weights: Weights,
    start: Float[Array, " k"],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    times: Float[Array, " times"],
) -> Float[Array, "times k"]:
    """log π at the given increasing times, from log π = start at time 0, by Tsitouras' 5(4) pair.    [T8]

    Time is in units of 1/(weight of J). A step may err by 1e-11 nats and by 1e-8 of log π.
    """

    def field(time: Float[Array, ""], log_pi: Float[Array, " k"], _: None) -> Float[Array, " k"]:
        return velocity(weights, log_pi, log_p, reward)

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Tsit5(),
        t0=0.0,
        t1=times[-1],
        dt0=None,
        y0=start,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-11),
        max_steps=100_000,
    )
    return jax.nn.log_softmax(solution.ys, axis=-1)


@jax.jit
def flows(
    weights: Weights,
    start: Float[Array, "runs k"],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    times: Float[Array, "runs times"],
) -> Float[Array, "runs times k"]:
    """`flow` for several runs, each with its own weights, start and times: one compiled program for all."""

    def one(run: tuple[Weights, Float[Array, " k"], Float[Array, " times"]]) -> Float[Array, "times k"]:
        mine, begin, clock = run
        return flow(mine, begin, log_p, reward, clock)

    if start.size <= BATCH:
        return jax.vmap(one)((weights, start, times))
    return jax.lax.map(one, (weights, start, times))
