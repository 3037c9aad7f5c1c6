"""What each trainer makes of the returns of a group of G responses to one prompt.

The last axis is the group. Each gives A_i, to be used as Σ_i A_i ∇log π(y_i) / G.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

# TRL's guard against a group whose returns are all equal.
GRPO_EPSILON = 1e-4


def rloo(returns: Float[Array, "*batch group"]) -> Float[Array, "*batch group"]:
    """A_i = R_i - mean of the others = G/(G-1) (R_i - R̄), unbiased.    [T15; 2402.14740]

    Its mean over the group is 0, so the gradient does not see a common shift of the logits.
    """
    group = returns.shape[-1]
    if group < 2:
        raise ValueError(f"group must hold at least 2 responses to leave one out, got {group}")
    return group / (group - 1) * (returns - returns.mean(axis=-1, keepdims=True))


def dr_grpo(returns: Float[Array, "*batch group"]) -> Float[Array, "*batch group"]:
    """A_i = R_i - R̄: GRPO without the division, shorter than RLOO by (G-1)/G.    [2503.20783]"""
    return returns - returns.mean(axis=-1, keepdims=True)


def grpo(returns: Float[Array, "*batch group"], epsilon: float = GRPO_EPSILON) -> Float[Array, "*batch group"]:
    """A_i = (R_i - R̄) / (sd + ε), sd the sample deviation (G - 1): moves the fixed point.    [T12, T14]"""
    centred = dr_grpo(returns)
    spread = jnp.sqrt(jnp.sum(centred**2, axis=-1, keepdims=True) / (returns.shape[-1] - 1))
    return centred / (spread + epsilon)
