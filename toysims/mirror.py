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


def across_devices(x):
    """The array, or every array of a tuple, with its rows dealt out over all devices."""
    rows = NamedSharding(Mesh(np.array(jax.devices()), ("rows",)), PartitionSpec("rows"))
    return jax.device_put(x, rows)


@partial(jax.jit, static_argnames="steps")
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
    keep = (1 - step_size * weights.entropy)[:, None]
    drive = step_size[:, None] * (weights.reward[:, None] * reward + weights.reference[:, None] * log_p)

    def step(_, state):
        # The normaliser of a step is applied in the next one: one pass over the rows, not two.
        log_pi, log_z = state
        log_pi = keep * (log_pi - log_z) + drive
        return log_pi, _log_sum(log_pi)

    log_pi, log_z = jax.lax.fori_loop(0, steps, step, (log_p, jnp.zeros((log_p.shape[0], 1))))
    return log_pi - log_z


def _log_sum(x):
    top = x.max(axis=-1, keepdims=True)
    return top + jnp.log(jnp.sum(jnp.exp(x - top), axis=-1, keepdims=True))
