"""Objectives with τ >= 0: where theory says a learner ends, and where three learners that do not know end.

(i) natural-gradient flow, solved as a differential equation; (ii) gradient ascent of J on softmax logits, by
automatic differentiation; (iii) RLOO from samples. Only the comparison, afterwards, knows theory.
"""

from functools import partial
from typing import NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from theory.distribution import log_sum_exp
from theory.dynamics import line
from theory.objectives import Coordinates, Objective, optimum, value
from theory.problem import Problem
from theory.tilt import entropy, expectation, log_tilt
from toysims.learners import policy_gradient, rloo
from toysims.learners.objective import Weights

ROLLOUTS = 1024  # drawn from each replica's final policy, to be judged by
UNPLACED = 0.25  # of 1/(draws a response), see unplaced_mass
CACHE = 100_000  # entries that are advanced at once
LIFETIMES = 30  # of 1/τ: what is left of the start is e^{-30}, about 1e-13


class Sampled(NamedTuple):
    """What RLOO ended with on one objective, in independent replicas."""

    log_pi: Float[np.ndarray, "replicas k"]
    seen: Bool[np.ndarray, "replicas k"]  # drawn at least once
    reward: Float[np.ndarray, " replicas"]  # means over ROLLOUTS fresh responses
    log_p: Float[np.ndarray, " replicas"]


class Budget(TypedDict):
    """How much RLOO may draw."""

    replicas: int
    steps: int
    group: int


def flow_times(objective: Objective, extent: Coordinates, points: int = 8) -> Float[np.ndarray, " points"]:
    """When to look at the flow: at even steps along its line, and last at its end.

    τ > 0: the end is LIFETIMES/τ. τ = 0 has none; the ray is followed to the edge of the plane.
    """
    share = np.arange(1, points + 1) / points
    if objective.entropy_weight > 0:
        return np.append(-np.log1p(-share[:-1]), LIFETIMES) / objective.entropy_weight
    rates = np.array([objective.reference_weight, objective.reward_weight])
    distance = np.array([extent.alpha - 1, extent.b])
    return share * np.min(distance[rates > 0] / rates[rates > 0])


@jax.jit
def climbs(weights: Weights, log_p: Float[Array, " k"], reward: Float[Array, " k"]) -> Float[Array, "objectives k"]:
    """(ii) for several objectives at once, from π = p."""
    steps = 3000 if log_p.shape[0] <= 10_000 else 1500  # seconds
    return jax.vmap(lambda w: policy_gradient.climb(w, log_p, log_p, reward, steps))(weights)


def samplings(
    weights: Weights, key: Key[Array, ""], log_p: Float[Array, " k"], reward: Float[Array, " k"], budget: Budget
) -> list[Sampled]:
    """(iii) for several objectives, from π = p, in independent replicas: one entry for each objective."""
    ended = [np.asarray(x) for x in _samplings(weights, key, log_p, reward, **budget)]
    return [Sampled(*(field[i] for field in ended)) for i in range(len(weights.reward))]


@partial(jax.jit, static_argnames=("replicas", "steps", "group"))
def _samplings(weights, key, log_p, reward, replicas, steps, group):
    """The fields of Sampled, with a leading axis of objectives; as many runs at once as stay in the cache."""

    def one(run):
        w, key = run
        key_train, key_judge = jax.random.split(key)
        state, _ = rloo.train(w, key_train, log_p, reward, steps, group)
        log_pi = jax.nn.log_softmax(state.theta)
        drawn = rloo.sample(log_pi, key_judge, ROLLOUTS)
        return log_pi, state.seen, reward[drawn].mean(), log_p[drawn].mean()

    objectives = len(weights.reward)
    every = jax.tree.map(lambda x: jnp.repeat(x, replicas), weights)
    keys = jnp.tile(jax.random.split(key, replicas), objectives)  # the same draws for every objective
    ended = jax.lax.map(one, (every, keys), batch_size=min(len(keys), max(1, CACHE // len(log_p))))
    return jax.tree.map(lambda x: x.reshape(objectives, replicas, *x.shape[1:]), ended)


def sampling_budget(k: int) -> Budget:
    """Replicas, steps and group size: every response is drawn often, within half a minute from k = 2 to 100,000."""
    replicas = int(np.clip(round(16 * (1000 / k) ** 0.5), 2, 32))
    steps = int(np.clip(4e7 / k / replicas, 250, 2000))
    group = int(np.clip(2 * k // 3, 256, 65536))
    return {"replicas": replicas, "steps": steps, "group": group}


def unplaced_mass(k: int) -> float:
    """About how far, in total variation, RLOO ends from the optimum within its budget: UNPLACED k/(steps · group).

    A response that became improbable early, while the mean return was still rising, is too probable until it is drawn
    again. Measured at b = 10 from k = 50 to 100,000, with 41 to 2,560 draws a response: 0.25 to 0.36 k/(steps · group).
    """
    budget = sampling_budget(k)
    return UNPLACED * k / (budget["steps"] * budget["group"])


def on_seen(problem: Problem, seen: Bool[np.ndarray, " k"], objective: Objective) -> Float[np.ndarray, " k"]:
    """log π* if only the responses that were ever drawn exist.    [T24: samples narrow the support]"""
    log_p = np.where(seen, problem.log_p, -np.inf)
    return optimum(objective, log_p - log_sum_exp(log_p), problem.reward)


def shortfall(
    problem: Problem, objective: Objective, log_pi: Float[np.ndarray, " k"], seen: Bool[np.ndarray, " k"] | None = None
) -> float:
    """|J* - J(π)| / (J* - J(p)) when τ = 0: what is left of the way to the best value of J.

    0 when p is there already. With `seen`, J* is the best among the responses drawn.    [T4, T24]
    """
    log_best = optimum(objective, problem.log_p, problem.reward) if seen is None else on_seen(problem, seen, objective)
    best, reached, base = (
        float(value(objective, log_pi, problem.log_p, problem.reward)) for log_pi in (log_best, log_pi, problem.log_p)
    )
    way = best - base
    return abs(best - reached) / way if way > 1e-12 else 0.0


def on_line(problem: Problem, objective: Objective, times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times k"]:
    """log π on the predicted line at these times.    [T8]"""
    return log_tilt(problem.log_p, problem.reward, *line(objective, times))


def summary(problem: Problem, log_pi: Float[np.ndarray, " k"]) -> dict[str, float]:
    """The two numbers of a policy that summary.json reports; accuracy is the mean reward."""
    return {"accuracy": float(expectation(log_pi, problem.reward)), "entropy": float(entropy(log_pi))}
