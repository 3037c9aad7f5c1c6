"""One policy with its likeliest response right, and with it wrong: what sharpening and a task reward make of either.

The two cases differ in two rewards that are exchanged, and sharpening never sees a reward: it takes the same way in
both, up in one and down in the other. The lines are theory's; a learner that knows none of them, gradient ascent on
logits, ends on them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory.distribution import expectation, kl, total_variation
from theory.objectives import Objective, optimum
from theory.problem import Problem
from theory.tilt import kl_to_base, log_tilt
from toysims import attraction
from toysims.learners.objective import weights
from toysims.verdict import Check, at_most

# How far a line goes beyond the base model, in α or b. At the last of them little moves any more.
STEPS = np.concatenate([[0.0], np.geomspace(0.01, 200.0, 150)])


def exchanged(problem: Problem) -> Problem:
    """The same policy, where the likeliest response has traded its reward with the likeliest of another kind.

    A best response that is likeliest trades with one of the worst; any other with one of the best, so that one of the
    two problems has a best response on top.
    """
    top = int(problem.log_p.argmax())
    best = problem.reward.max()
    wanted = problem.reward.min() if problem.reward[top] == best else best
    other = int(np.where(problem.reward == wanted, problem.log_p, -np.inf).argmax())
    reward = problem.reward.copy()
    reward[[top, other]] = reward[[other, top]]
    return Problem(problem.log_p, reward, problem.length)


def case(problem: Problem, ends: Mapping[str, Any]) -> dict[str, Any]:
    """What is drawn of one problem: the base accuracy, both lines by theory and the ends of a learner, (KL, accuracy).

    Sharpening ends uniform on the likeliest responses; `limit` is its accuracy there, `top` what the likeliest earns.
    """
    accuracy = partial(expectation, f=problem.reward)
    return {
        "base": float(accuracy(problem.log_p)),
        "top": float(problem.reward[problem.log_p.argmax()]),
        "rewards": [float(problem.reward.min()), float(problem.reward.max())],
        "limit": float(accuracy(optimum(Objective(0.0, 1.0, 0.0), problem.log_p, problem.reward))),
        "reward": _line(problem, [(1.0, b) for b in STEPS], STEPS),
        "sharpening": _line(problem, [(alpha, 0.0) for alpha in 1 + STEPS], 1 + STEPS),
        "ends": {arm: (float(kl(log_pi, problem.log_p)), float(accuracy(log_pi))) for arm, log_pi in ends.items()},
    }


def _line(problem: Problem, members: Sequence[tuple[float, float]], at: Float[np.ndarray, " points"]) -> dict[str, Any]:
    """KL(q‖p) and accuracy of members (α, b) of the family, and where they lie."""
    policies = (log_tilt(problem.log_p, problem.reward, alpha, b) for alpha, b in members)
    return {
        "kl": [float(kl_to_base(problem.log_p, problem.reward, alpha, b)) for alpha, b in members],
        "accuracy": [float(expectation(log_pi, problem.reward)) for log_pi in policies],
        "at": at,
    }


def both(problem: Problem, arms: Mapping[str, Objective]) -> tuple[list[dict[str, Any]], list[Check]]:
    """Both cases, the given problem first, and the checks of a learner in the one that was not given.    [T1, T4]"""
    cases, checks = [], []
    w = weights(list(arms.values()))
    for own in (problem, exchanged(problem)):
        climbs = np.asarray(attraction.climbs(w, jnp.asarray(own.log_p), jnp.asarray(own.reward)))
        cases.append(case(own, dict(zip(arms, climbs, strict=True))))
        checks = _judged(own, arms, climbs)
    return cases, checks


def _judged(problem: Problem, arms: Mapping[str, Objective], climbs: np.ndarray) -> list[Check]:
    """The farthest of the ends from its optimum, and the most that is left of the way to a face."""
    distances, left = [], []
    for objective, log_pi in zip(arms.values(), climbs, strict=True):
        if objective.entropy_weight > 0:
            log_q = optimum(objective, problem.log_p, problem.reward)
            distances.append(float(total_variation(log_pi, log_q)))
        else:
            left.append(attraction.shortfall(problem, objective, log_pi))
    name = "two rewards exchanged: gradient ascent"
    return [
        at_most(f"{name}, distance to the optimum", "T1", max(distances), 1e-3),
        at_most(f"{name}, share of the way to the best value left", "T4", max(left), 1e-3),
    ]
