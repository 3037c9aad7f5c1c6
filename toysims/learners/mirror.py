"""Mirror ascent of J for many policies at once: one compiled program, on every device that JAX sees.

The exact dynamics of T8 without sampling. Where each step is normalised, the time goes into its exponential
an entry; where only some are, into moving the logits.
"""

from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from toysims.learners.objective import Weights

Arrays = TypeVar("Arrays")

CACHE = 12_500  # entries of a block: with its drive, 200 kB
LANES, LONGEST_IN_LANES = 8, 512
SAFE_SPREAD = 600.0  # nats; exp(-745) is the smallest float


def across_devices(x: Arrays) -> Arrays:
    """The array, or every array of a tuple, with its rows dealt out over all devices."""
    rows = NamedSharding(Mesh(np.array(jax.devices()), ("rows",)), PartitionSpec("rows"))
    return jax.device_put(x, rows)


def ascend(
    weights: Weights,
    step_size: Float[Array, " runs"],
    log_p: Float[Array, "runs k"],
    reward: Float[Array, "runs k"],
    steps: int,
    normalise_every: int = 8,
) -> Float[Array, "runs k"]:
    """log π after `steps` steps of mirror ascent from π = p, every run with its own J and step.    [T8]

    θ ← (1 - ητ) θ + η (w r + c log p), which is `natural_gradient.mirror_step` with its terms collected. A
    common shift of the logits θ is no part of the policy, so log π = θ - log Σ e^θ is taken only now and
    then, to keep θ small, and at the end. normalise_every = 1 takes it in each step.
    """
    keep, drive = _collect(weights, step_size, log_p, reward)
    # Some log π is at least -log k, so nothing underflows as a whole while the drive of the steps in between
    # spans less than what exp does; then a bound known beforehand takes the place of each row's maximum.
    spread = normalise_every * float(jnp.max(drive.max(axis=-1) - drive.min(axis=-1)))
    bounded = spread < SAFE_SPREAD and bool(((keep >= 0) & (keep <= 1)).all())
    return _ascend(keep, drive, log_p, steps, normalise_every, bounded)


@partial(jax.jit, static_argnames="steps")
def replicate(
    fitness: Float[Array, "runs k"], pi: Float[Array, "runs k"], step_size: Float[Array, ""] | float, steps: int
) -> Float[Array, "runs k"]:
    """π after `steps` Euler steps of π̇ = π (f - E_π f): the flow of T8 for τ = 0, with f = w r + c log p.

    No exponential at all, but no logarithm either: probabilities below the smallest float are lost, and a
    step must keep η (f - E f) above -1.
    """

    def one(run):
        fitness, pi = run

        def step(_, state):
            pi, mean = state
            pi = pi * ((1 - step_size * mean) + step_size * fitness)
            return pi, _sum(pi * fitness)  # in the same pass over the row

        return jax.lax.fori_loop(0, steps, step, (pi, _sum(pi * fitness)))[0]

    return _in_cache(one, fitness, pi)


@jax.jit
def _collect(weights, step_size, log_p, reward):
    keep = (1 - step_size * weights.entropy)[:, None]
    drive = step_size[:, None] * (weights.reward[:, None] * reward + weights.reference[:, None] * log_p)
    return keep, drive - drive.max(axis=-1, keepdims=True)  # a shift of a row is lost in log Z


@partial(jax.jit, static_argnames=("steps", "normalise_every", "bounded"))
def _ascend(keep, drive, log_p, steps, normalise_every, bounded):
    def log_sum(x):
        top = 0.0 if bounded else x.max(keepdims=True)
        return top + jnp.log(jnp.sum(jnp.exp(x - top), keepdims=True))

    def one(run):
        keep, drive, log_p = run

        def advance(state, steps):
            # The last normaliser is applied here: one pass over the row, not two.
            theta, log_z = state
            theta = theta - log_z
            for _ in range(steps):
                theta = keep * theta + drive
            return theta, log_sum(theta)

        blocks, rest = divmod(steps, normalise_every)
        begin = log_p, jnp.zeros(1)
        state = jax.lax.fori_loop(0, blocks, lambda _, state: advance(state, normalise_every), begin)
        theta, log_z = advance(state, rest)
        return theta - log_z

    return _in_cache(one, keep, drive, log_p)


def _sum(row: Float[Array, " k"]) -> Float[Array, " 1"]:
    """Σ over a row, in eight lanes: XLA would add one entry after the other, which keeps the core's wide units idle."""
    whole = len(row) - len(row) % LANES
    if not LANES <= whole <= LONGEST_IN_LANES:
        return jnp.sum(row, keepdims=True)
    lanes = row[:LANES]
    for start in range(LANES, whole, LANES):
        lanes = lanes + row[start : start + LANES]
    return jnp.sum(lanes, keepdims=True) + jnp.sum(row[whole:], keepdims=True)


def _in_cache(one, *runs):
    """`one` for every run: all steps of a block of runs before the next, so that it stays in the core's cache."""

    def blocks(*runs):
        here, k = runs[-1].shape
        return jax.lax.map(one, runs, batch_size=min(here, max(1, CACHE // k)))

    rows = PartitionSpec("rows")
    mesh = Mesh(np.array(jax.devices()), ("rows",))
    # check_vma: JAX 0.10 cannot yet tell that the loop's first log_z differs between devices later on.
    return jax.shard_map(blocks, mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False)(*runs)
