"""J(π) = w E_π[r] + c E_π[log p] + τ H(π) in JAX: what the learners ascend, and all that they know of it.

theory.objectives holds the same J in NumPy; this one can be differentiated and mapped over regimes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.objectives import Objective


class Weights(NamedTuple):
    """(w, c, τ) as arrays, so that one compiled program serves every regime."""

    reward: Float[Array, "*regimes"]
    reference: Float[Array, "*regimes"]
    entropy: Float[Array, "*regimes"]


def weights(objectives: Sequence[Objective]) -> Weights:
    """The weights of several objectives, one a row."""
    rows = [(o.reward_weight, o.reference_weight, o.entropy_weight) for o in objectives]
    return Weights(*jnp.asarray(rows, dtype=jnp.float64).T)


def one(objective: Objective) -> Weights:
    """The weights of a single objective, as numbers."""
    return jax.tree.map(lambda row: row[0], weights([objective]))


def returns(
    weights: Weights, log_pi: Float[Array, " k"], log_p: Float[Array, " k"], reward: Float[Array, " k"]
) -> Float[Array, " k"]:
    """R(y) = w r(y) + c log p(y) - τ log π(y), the return of a response: J = E_π[R].    [T1]"""
    return weights.reward * reward + weights.reference * log_p - weights.entropy * log_pi


def value(
    weights: Weights, theta: Float[Array, " k"], log_p: Float[Array, " k"], reward: Float[Array, " k"]
) -> Float[Array, ""]:
    """J(softmax θ), to be differentiated in θ.    [T1]"""
    log_pi = jax.nn.log_softmax(theta)
    return jnp.sum(jnp.exp(log_pi) * returns(weights, log_pi, log_p, reward))
