"""A tiny problem: a reference policy over k responses and the task reward of each."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key


@dataclass(frozen=True, eq=False)
class Problem:
    """log p and r of k responses, all on the support of p.    [T24]

    A response of probability zero stays at zero under every learner here, so it is left out, not carried as
    -inf. ValueError: fewer than two responses, shapes differ, anything not finite.
    """

    log_p: Float[np.ndarray, " k"]
    reward: Float[np.ndarray, " k"]

    def __post_init__(self):
        if self.log_p.shape[0] < 2:
            raise ValueError(f"k must be at least 2, got {self.log_p.shape[0]}: one response leaves no choice")
        if self.reward.shape != self.log_p.shape:
            raise ValueError(
                f"reward has shape {self.reward.shape} but log_p has {self.log_p.shape}; give one of each a response"
            )
        for name in ("log_p", "reward"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite; leave out responses of probability zero")


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
        raise ValueError(
            f"correct_fraction must lie strictly between 0 and 1, got {correct_fraction}: "
            "with none or all correct the task reward has nothing to choose"
        )
    if k < 2:
        raise ValueError(f"k must be at least 2, got {k}: one response leaves no choice")
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
