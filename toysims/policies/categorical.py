"""Tiny problems for learners: a reference policy over k responses and the task reward of each, drawn or given."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from theory.problem import Problem
from toysims.config import ONE_CLASS, ONE_RESPONSE


def trainable(problem: Problem, name: str) -> Problem:
    """The problem without responses of probability zero, if that leaves a learner something to choose.    [T24]

    A response of probability zero stays at zero under every learner here, so it is left out, not carried as -inf.
    ValueError, which starts with `name`: fewer than two responses, or one reward for all.
    """
    problem = problem.on_support()
    if len(problem) < 2:
        raise ValueError(
            f"{name} lists {len(problem)} distinct response of probability above 0; give at least 2, or sample more"
        )
    if problem.reward.min() == problem.reward.max():
        raise ValueError(
            f"{name}: every response has reward {problem.reward[0]:g}, so a task reward has nothing to choose; "
            "take a prompt with correct and wrong responses"
        )
    return problem


def draw(key: Key[Array, ""], k: int, correct_fraction: float, spread: float = 1.5) -> Problem:
    """p = softmax(spread · N(0, 1)); round(correct_fraction · k) responses, chosen blindly, are correct.

    spread is the standard deviation of log p, in nats. At least one response is correct and one is wrong;
    ValueError for a fraction of 0 or 1 and beyond, where the task reward would have nothing to choose.
    """
    log_p, reward = draw_arrays(key, k, correct_count(k, correct_fraction), spread)
    return Problem(np.asarray(log_p), np.asarray(reward))


def correct_count(k: int, correct_fraction: float) -> int:
    """round(correct_fraction · k), but at least one correct and one wrong. Errors as in draw."""
    if not 0 < correct_fraction < 1:
        raise ValueError(f"correct_fraction must lie strictly between 0 and 1, got {correct_fraction}: {ONE_CLASS}")
    if k < 2:
        raise ValueError(f"k must be at least 2, got {k}: {ONE_RESPONSE}")
    return min(max(round(correct_fraction * k), 1), k - 1)


def draw_arrays(
    key: Key[Array, ""], k: int, correct: int, spread: float = 1.5
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    """log p and r of `draw`, to be mapped over keys inside a compiled program."""
    key_p, key_reward = jax.random.split(key)
    log_p = jax.nn.log_softmax(spread * jax.random.normal(key_p, (k,), dtype=jnp.float64))
    return log_p, jax.random.permutation(key_reward, jnp.arange(k) < correct).astype(jnp.float64)


@partial(jax.jit, static_argnames=("k", "correct"))
def draw_many(
    seeds: Int[Array, " runs"], k: int, correct: int
) -> tuple[Float[Array, "runs k"], Float[Array, "runs k"]]:
    """The policies that `draw` gives for the keys of these seeds, all at once."""
    return jax.vmap(lambda seed: draw_arrays(jax.random.key(seed), k, correct))(seeds)
