"""RLOO from samples: a group of responses a step, leave-one-out advantages, natural-gradient steps.    [T15]

The learner sees only the responses that it drew. A plain step on softmax logits would move a response at a
rate proportional to its own probability (T9), so each drawn response is weighted by 1/(G π), its
importance under the natural gradient, and the weight is truncated, as is usual, so that one lucky draw of
an improbable response cannot throw the policy.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from toysims.learners.advantages import rloo
from toysims.learners.objective import Weights, returns

Advantage = Callable[[Float[Array, " group"]], Float[Array, " group"]]


class State(NamedTuple):
    """What the next step needs; `seen` are the responses drawn so far."""

    theta: Float[Array, " k"]
    seen: Bool[Array, " k"]
    key: Key[Array, ""]


class GroupInfo(NamedTuple):
    """What one would plot of a step from a group: means over the group before it."""

    mean_return: Float[Array, ""]
    mean_reward: Float[Array, ""]


def start(log_pi: Float[Array, " k"], key: Key[Array, ""]) -> State:
    """The state of a policy that has drawn nothing yet."""
    return State(log_pi, jnp.zeros(log_pi.shape, dtype=bool), key)


def sample(log_pi: Float[Array, " k"], key: Key[Array, ""], size: int) -> Int[Array, " size"]:
    """Indices of `size` independent responses, by inversion: k + size log k work, not k · size."""
    total = jnp.cumsum(jnp.exp(log_pi))
    drawn = jnp.searchsorted(total, total[-1] * jax.random.uniform(key, (size,), dtype=total.dtype))
    return jnp.minimum(drawn, log_pi.shape[0] - 1)


def step(
    weights: Weights,
    state: State,
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    step_size: Float[Array, ""] | float,
    group: int,
    truncation: Float[Array, ""] | float = 0.1,
    advantage: Advantage = rloo,
) -> tuple[State, GroupInfo]:
    """θ(y) ← θ(y) + η A(y) min(c n(y)/(G π(y)), 1) for the drawn y, n(y) times in the group of G.

    E[n/(Gπ)] = 1, so an untruncated step has the natural gradient, times c η, as its mean. For τ > 0 the
    returns of all responses agree at the optimum: A = 0, and the noise vanishes there.    [T15]
    """
    key, key_group = jax.random.split(state.key)
    log_pi = jax.nn.log_softmax(state.theta)
    drawn = sample(log_pi, key_group, group)
    gain = returns(weights, log_pi, log_p, reward)[drawn]
    share = jnp.zeros_like(log_pi).at[drawn].add(1 / group)[drawn]
    importance = jnp.minimum(truncation * share * jnp.exp(-log_pi[drawn]), 1.0)
    # Equal responses have equal returns, so equal advantages: setting their logit once is enough.
    theta = state.theta.at[drawn].set(state.theta[drawn] + step_size * advantage(gain) * importance)
    return State(theta, state.seen.at[drawn].set(True), key), GroupInfo(gain.mean(), reward[drawn].mean())


def train(
    weights: Weights,
    key: Key[Array, ""],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    steps: int,
    group: int,
) -> tuple[State, GroupInfo]:
    """RLOO from π = p. The step grows in the first half from 1/sd_p(R) to 1/τ, the natural one, and stays.

    At once, 1/τ would be too bold: under a weak KL weight the first group would decide everything. With
    τ = 0 it grows a hundredfold, since the way to a face never ends. GroupInfo has one row a step.
    """
    gain = returns(weights, log_p, log_p, reward)
    spread = jnp.sqrt(jnp.sum(jnp.exp(log_p) * (gain - jnp.sum(jnp.exp(log_p) * gain)) ** 2))
    first = spread + weights.entropy
    last = jnp.maximum(weights.entropy, first / 100)
    last = jnp.where(last > 0, last, 1.0)  # a constant return leaves nothing to learn, at any step
    first = jnp.where(first > 0, first, 1.0)
    # Truncate few: weights cut from above favour the probable, wherever the group's mean is off.
    truncation = min(0.1, 0.2 * group / log_p.shape[0])

    def scan(state: State, progress: Float[Array, ""]) -> tuple[State, GroupInfo]:
        step_size = (first / last) ** jnp.minimum(2 * progress, 1.0) / first
        return step(weights, state, log_p, reward, step_size, group, truncation)

    return jax.lax.scan(scan, start(log_p, key), jnp.linspace(0.0, 1.0, steps))
