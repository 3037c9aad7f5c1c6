"""A Markov policy paid its mean log-probability a token: trained under a length limit, it runs into loops (T17).

The return log p(y)/|y| is no sum over tokens, so an action is paid for the length that it leads to: for what has
been said by then, too. |y| counts the stop.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.length import maximum_mean_cycle, supremum_mean_log_p
from toysims.experiment import Part, Row
from toysims.policies.chains import Markov, greedy
from toysims.verdict import Check


class Looped(NamedTuple):
    """log π of the actions at each position, and the mean log-probability a token E_π[log p(y)/|y|], nats."""

    log_pi: Float[Array, "n s a"]
    value: Float[Array, ""]


def advantage(
    log_pi: Float[Array, "n s a"], log_p: Float[Array, "s a"], start: int
) -> tuple[Float[Array, "n s a"], Float[Array, ""]]:
    """Q(n, s, a) - V(n, s) and V at the start, Q = E[log p(y)/|y| | n, s, a].

    By n tokens are spoken, of log-probability S on average over the ways to (n, s); with E[1/|y|] and
    E[(what is still to come)/|y|] from there on, Q follows: given (n, s) what was and what comes are independent.
    """
    limit, states, _ = log_pi.shape

    def onwards(carry, log_pi):
        log_here, spoken = carry
        joint = log_here[:, None] + log_pi[:, :-1]
        log_there = jax.nn.logsumexp(joint, axis=0)
        # By which way a place is reached; one that cannot be reached has spoken nothing.
        way = jnp.where(jnp.isneginf(log_there), 0.0, jnp.exp(joint - jnp.maximum(log_there, -1e300)))
        return (log_there, jnp.sum(way * (spoken[:, None] + log_p[:, :-1]), axis=0)), spoken

    log_here = jnp.where(jnp.arange(states) == start, 0.0, -jnp.inf)
    _, spoken = jax.lax.scan(onwards, (log_here, jnp.zeros(states)), log_pi)

    def backwards(carry, place):
        shortness, to_come = carry  # E[1/|y|] and E[Σ log p still to come/|y|] of the states one move on
        log_pi, tokens, spoken = place
        shortness = jnp.append(shortness, 1 / tokens)
        q = (spoken[:, None] + log_p) * shortness + jnp.append(to_come, 0.0)
        pi = jnp.exp(log_pi)
        v = jnp.sum(pi * q, axis=-1)
        shortness = jnp.sum(pi * shortness, axis=-1)
        return (shortness, v - spoken * shortness), (q - v[:, None], v)

    after = jnp.full(states, 1 / limit), jnp.zeros(states)
    places = log_pi, jnp.arange(1.0, limit + 1), spoken
    _, (q, v) = jax.lax.scan(backwards, after, places, reverse=True)
    return q, v[0, start]


@partial(jax.jit, static_argnames=("limit", "start", "steps"))
def ascend(log_p: Float[Array, "s a"], limit: int, start: int = 0, step_size: float = 1.0, steps: int = 1000) -> Looped:
    """Natural policy gradient of E_π[log p(y)/|y|] from p: log π ← log π + η·limit·(Q - V), normalised.

    One token of many moves the mean by one part in the limit, so that much larger is the step.
    """

    def step(_, log_pi):
        gain, _ = advantage(log_pi, log_p, start)
        return jax.nn.log_softmax(log_pi + step_size * limit * gain)

    first = jnp.broadcast_to(log_p, (limit, *log_p.shape))
    log_pi = jax.lax.fori_loop(0, steps, step, first)
    return Looped(log_pi, advantage(log_pi, log_p, start)[1])


def repeated(visited: tuple[int, ...]) -> tuple[int, ...]:
    """What a long walk does over and over, as it does it half way; empty for a short one."""
    half = len(visited) // 2
    again = [i for i in range(half + 1, len(visited)) if visited[i] == visited[half]]
    return visited[half : again[0]] if again else ()


def mean_log_p(policy: Markov, visited: tuple[int, ...], loop: bool) -> float:
    """Mean log-probability a token of a loop, or of a response with its stop."""
    before = visited[-1:] + visited[:-1] if loop else (policy.start, *visited)
    onward = visited if loop else (*visited, -1)
    return float(np.mean([policy.log_p[here, there] for here, there in zip(before, onward, strict=True)]))


def loop_rows(name: str, policy: Markov, limit: int) -> Part:
    """What it repeats, its mean log-probability under growing limits, and whether its length is the limit."""
    log_p = jnp.asarray(policy.log_p)

    best = supremum_mean_log_p(policy.transition, policy.stop, policy.start)
    loops = maximum_mean_cycle(policy.transition).mean_log_p >= best
    answer = greedy(ascend(log_p, limit, policy.start).log_pi, policy.start)
    loop = repeated(answer)
    says, claim = mean_log_p(policy, loop or answer, bool(loop)), f"{name}, paid per token"
    checks = [
        Check(f"{claim}: runs into a loop (1 yes, 0 no)", "T17", float(loops), float(bool(loop)), 0.0),
        Check(f"{claim}: mean log p of what it says", "T17", best, says, 1e-9),
    ]
    # Whole rounds of the loop, so that the start is all that keeps the mean from its supremum, as 1/limit.
    rounds = -(-limit // max(1, len(loop))) * max(1, len(loop))
    rows: list[Row] = []
    values = []
    for cap in (rounds, 2 * rounds, 4 * rounds):
        values.append(float(ascend(log_p, cap, policy.start).value))
        rows.append({"part": "loop", "policy": name, "x": cap, "simulated": values[-1], "predicted": best})
    found = 2 * values[-1] - values[-2]
    checks.append(Check(f"{claim}: mean log p without a limit", "T17", best, found, 1e-6))
    return checks, rows
