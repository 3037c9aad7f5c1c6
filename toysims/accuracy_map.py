"""What the figure of the plane lies on: the mean reward of every member of the tilt family."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from theory.distribution import expectation
from theory.objectives import Coordinates, Objective
from theory.problem import Problem
from theory.tilt import log_tilt


def accuracy_map(
    problem: Problem, extent: Coordinates, repellers: Mapping[str, Objective]
) -> tuple[Float[np.ndarray, " alphas"], Float[np.ndarray, " bs"], Float[np.ndarray, "bs alphas"]]:
    """Mean reward on a grid of the plane that holds every target and repeller.    [T2]"""
    lowest = min(float(o.fixed_point.b) for o in repellers.values())
    alphas, bs = np.linspace(0, float(extent.alpha), 61), np.linspace(1.15 * lowest, float(extent.b), 61)
    # The task reward tilts whole classes of equal reward, so one pass over the responses serves all b.
    rewards, classes = np.unique(problem.reward, return_inverse=True)
    accuracy = np.empty((len(bs), len(alphas)))
    for column, alpha in enumerate(alphas):
        power = np.exp(log_tilt(problem.log_p, problem.reward, float(alpha), 0.0))
        with np.errstate(divide="ignore"):  # a class may have no mass left that a float can hold
            log_mass = np.log(np.bincount(classes, power))
        accuracy[:, column] = expectation(log_tilt(log_mass, rewards, 1.0, bs), rewards)
    return alphas, bs, accuracy
