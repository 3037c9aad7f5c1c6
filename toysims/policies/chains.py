"""A Markov policy that is trained under a length limit, with a table of logits for every position and state.

Responses move between content states and stop; one that reaches the limit is cut off there, without its EOS, as in
the training of a language model. The learner knows p, its own policy and the limit; it is not told where p^α lies.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Scalar = Float[Array, ""] | float


@dataclass(frozen=True, eq=False)
class Markov:
    """p: from state s to s' with probability transition[s, s'], to the end with probability stop[s]."""

    transition: Float[np.ndarray, "s s"]
    stop: Float[np.ndarray, " s"]
    start: int = 0

    @property
    def log_p(self) -> Float[np.ndarray, "s a"]:
        """log p of the actions of each state: a move to each state, and last the stop."""
        with np.errstate(divide="ignore"):  # an impossible move has log-probability -inf
            return np.log(np.column_stack([self.transition, self.stop]))


class LearnedChain(NamedTuple):
    """log π of the actions at each position, the value J that it has, and the steps that it took."""

    log_pi: Float[Array, "n s a"]
    value: Float[Array, ""]
    steps: Int[Array, ""]


def uniform(vocabulary: int, stop: float) -> Markov:
    """The geometric policy: at every position stop with this probability, else any token alike."""
    return Markov(np.full((vocabulary, vocabulary), (1 - stop) / vocabulary), np.full(vocabulary, stop))


def draw(generator: np.random.Generator, states: int, stop: float, concentration: float = 1.0) -> Markov:
    """Rows of P from a Dirichlet, stop probabilities spread around `stop`; the start stops ten times less often.

    So the likeliest response is not just the empty one.
    """
    stops = stop * generator.uniform(0.3, 1.7, states)
    stops[0] = stop / 10
    moves = generator.dirichlet(np.full(states, concentration), states)
    return Markov(moves * (1 - stops)[:, None], stops)


def evaluate(
    log_pi: Float[Array, "n s a"], gain: Float[Array, "s a"], entropy_weight: Scalar
) -> tuple[Float[Array, "n s a"], Float[Array, "n s"]]:
    """Q(n, s, a) and V(n, s): the mean return from here on, Σ gain - τ log π over the tokens still to come.

    Nothing is to come after a stop, or at the limit.
    """

    def backwards(after, log_pi):
        gained = gain - entropy_weight * log_pi
        q = gained + jnp.append(after, 0.0)
        v = jnp.sum(jnp.where(log_pi > -jnp.inf, jnp.exp(log_pi) * q, 0.0), axis=-1)
        return v, (q, v)

    nothing = jnp.zeros(gain.shape[0])
    return jax.lax.scan(backwards, nothing, log_pi, reverse=True)[1]


@partial(jax.jit, static_argnames=("limit", "start", "max_steps"))
def ascend(
    log_p: Float[Array, "s a"],
    gain: Float[Array, "s a"],
    entropy_weight: Scalar,
    limit: int,
    start: int = 0,
    step_size: Scalar = 0.7,
    tolerance: Scalar = 1e-11,
    max_steps: int = 5000,
) -> LearnedChain:
    """Natural policy gradient of J = E_π[Σ_t gain(y_t)] + τ H(π) from p: log π ← log π + η (Q - V), normalised.

    Until no log π moves by more than the tolerance, or (τ = 0 has no resting place) for max_steps.
    """

    def step(carry):
        log_pi, _, steps = carry
        q, v = evaluate(log_pi, gain, entropy_weight)
        new = jax.nn.log_softmax(jnp.where(log_pi > -jnp.inf, log_pi + step_size * (q - v[..., None]), -jnp.inf))
        # Actions of no account may run away for ever (τ = 0): movement is measured in probability.
        return new, jnp.max(jnp.abs(jnp.exp(new) - jnp.exp(log_pi))), steps + 1

    def unfinished(carry):
        _, moved, steps = carry
        return (moved > tolerance) & (steps < max_steps)

    first = jnp.broadcast_to(log_p, (limit, *log_p.shape))
    log_pi, _, steps = jax.lax.while_loop(unfinished, step, (first, jnp.asarray(jnp.inf), jnp.asarray(0)))
    return LearnedChain(log_pi, evaluate(log_pi, gain, entropy_weight)[1][0, start], steps)


@partial(jax.jit, static_argnames="start")
def log_lengths(log_pi: Float[Array, "n s a"], start: int = 0) -> Float[Array, " n_1"]:
    """log P(|y| = n) for n = 0 .. limit content moves; the last entry is what was cut off at the limit."""

    def onwards(log_here, log_pi):
        ended = jax.nn.logsumexp(log_here + log_pi[:, -1])
        return jax.nn.logsumexp(log_here[:, None] + log_pi[:, :-1], axis=0), ended

    states = log_pi.shape[1]
    log_here = jnp.where(jnp.arange(states) == start, 0.0, -jnp.inf)
    left, ended = jax.lax.scan(onwards, log_here, log_pi)
    return jnp.append(ended, jax.nn.logsumexp(left))


def greedy(log_pi: Float[Array, "n s a"], start: int = 0) -> tuple[int, ...]:
    """The states that the likeliest action at each position visits, up to its stop or the limit."""
    visited, state = [], start
    for log_row in np.asarray(log_pi):
        action = int(np.argmax(log_row[state]))
        if action == log_row.shape[-1] - 1:
            break
        visited.append(action)
        state = action
    return tuple(visited)
