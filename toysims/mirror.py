"""Mirror ascent of J for many policies at once: one compiled program, on every device that JAX sees.

The exact dynamics of T8 without sampling. A step needs one exponential an entry, for the normaliser; that,
not memory, is what the time goes into.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from toysims.objective import Weights

SAFE_SPREAD = 600.0  # nats; exp(-745) is the smallest float


def across_devices(x):
    """The array, or every array of a tuple, with its rows dealt out over all devices."""
    rows = NamedSharding(Mesh(np.array(jax.devices()), ("rows",)), PartitionSpec("rows"))
    return jax.device_put(x, rows)


def ascend(
    weights: Weights,
    step_size: Float[Array, " runs"],
    log_p: Float[Array, "runs k"],
    reward: Float[Array, "runs k"],
    steps: int,
) -> Float[Array, "runs k"]:
    """log π after `steps` steps of mirror ascent from π = p, every run with its own J and step.    [T8]

    log π ← (1 - ητ) log π + η (w r + c log p) - log Z, which is `natural_gradient.mirror_step` with its
    terms collected.
    """
    keep, drive = _collect(weights, step_size, log_p, reward)
    # After a normalised step some log π is at least -log k, so nothing underflows as a whole while the drive
    # spans less than what exp does; then a bound known beforehand takes the place of each row's maximum.
    spread = float(jnp.max(drive.max(axis=-1) - drive.min(axis=-1)))
    bounded = spread < SAFE_SPREAD and bool(((keep >= 0) & (keep <= 1)).all())
    return _ascend(keep, drive, log_p, steps, bounded)


@partial(jax.jit, static_argnames="steps")
def replicate(
    fitness: Float[Array, "runs k"], pi: Float[Array, "runs k"], step_size: Float[Array, ""] | float, steps: int
) -> Float[Array, "runs k"]:
    """π after `steps` Euler steps of π̇ = π (f - E_π f): the flow of T8 for τ = 0, with f = w r + c log p.

    No exponential at all, but no logarithm either: probabilities below the smallest float are lost, and a
    step must keep η (f - E f) above -1.
    """
    growth = 1 + step_size * fitness

    def step(_, state):
        pi, mean = state
        pi = pi * (growth - step_size * mean)
        return pi, jnp.sum(pi * fitness, axis=-1, keepdims=True)  # in the same pass over the rows

    mean = jnp.sum(pi * fitness, axis=-1, keepdims=True)
    return jax.lax.fori_loop(0, steps, step, (pi, mean))[0]


@jax.jit
def _collect(weights, step_size, log_p, reward):
    keep = (1 - step_size * weights.entropy)[:, None]
    drive = step_size[:, None] * (weights.reward[:, None] * reward + weights.reference[:, None] * log_p)
    return keep, drive - drive.max(axis=-1, keepdims=True)  # a shift of a row is lost in log Z


@partial(jax.jit, static_argnames=("steps", "bounded"))
def _ascend(keep, drive, log_p, steps, bounded):
    def log_sum(x):
        top = 0.0 if bounded else x.max(axis=-1, keepdims=True)
        return top + jnp.log(jnp.sum(jnp.exp(x - top), axis=-1, keepdims=True))

    def step(_, state):
        # The normaliser of a step is applied in the next one: one pass over the rows, not two.
        log_pi, log_z = state
        log_pi = keep * (log_pi - log_z) + drive
        return log_pi, log_sum(log_pi)

    log_pi, log_z = jax.lax.fori_loop(0, steps, step, (log_p, jnp.zeros((log_p.shape[0], 1))))
    return log_pi - log_z
