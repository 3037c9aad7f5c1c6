"""What the figure of the plane lies on: the mean reward of every member of the tilt family."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from theory.objectives import Coordinates, Objective
from theory.problem import Problem
from theory.tilt import log_tilt


def accuracy_map(
    problem: Problem, extent: Coordinates, repellers: Mapping[str, Objective]
) -> tuple[Float[np.ndarray, " alphas"], Float[np.ndarray, " bs"], Float[np.ndarray, "bs alphas"]]:
    """Mean reward on a grid of the plane that holds every target and repeller.    [T2]"""
    lowest = min(o.fixed_point.b for o in repellers.values())
    alphas, bs = np.linspace(0, extent.alpha, 61), np.linspace(1.15 * lowest, extent.b, 61)
    # The task reward tilts whole classes of equal reward, so one pass over the responses serves all b.
    rewards, classes = np.unique(problem.reward, return_inverse=True)
    accuracy = np.empty((len(bs), len(alphas)))
    for column, alpha in enumerate(alphas):
        powered = np.exp(log_tilt(problem.log_p, problem.reward, alpha, 0.0))
        with np.errstate(divide="ignore"):  # a class may have no mass left that a float can hold
            log_mass = np.log(np.bincount(classes, powered))
        tilted = log_mass + bs[:, None] * rewards
        share = np.exp(tilted - tilted.max(axis=1, keepdims=True))
        accuracy[:, column] = share @ rewards / share.sum(axis=1)
    return alphas, bs, accuracy
