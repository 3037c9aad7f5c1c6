"""Following a run with base rollouts: one number of the run says where on its line it stands, theory says the rest.

The tabular flow of an objective stays on a straight line of the (alpha, b) plane [T8]. The mean of log p under the
run's own policy (the KL where the objective does not sharpen) identifies the point; accuracy, length and entropy should
then be those of that point, with nothing left to fit [T23]. Where a network leaves the line is a measurement.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.dynamics import line_points
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts
from theory.objectives import Objective

POINTS = 48
Steps = Float[np.ndarray, " steps"]


class Followed(NamedTuple):
    """Step by step, the point of the line that the run's own mean implies, and what is predicted there."""

    alpha: Steps
    b: Steps
    accuracy: Steps
    length: Steps
    """tokens"""
    entropy: Steps
    """nats a response"""


def targets_along(objective: Objective) -> list[Target]:
    """Points on the line from the base model to the optimum and a fifth beyond it; far out where it has no end [T8]."""
    far = np.concatenate([[0], np.geomspace(0.01, 40, POINTS - 1)])
    line = line_points(objective, np.linspace(0, 1.2, POINTS) if objective.entropy_weight > 0 else far)
    return [Target(max(float(alpha), 0.0), float(b)) for alpha, b in zip(*line, strict=True)]


def follow(rollouts: Rollouts, objective: Objective, mean_log_p: Steps, kl: Steps) -> Followed:
    """The run's points on the line of its objective, from its mean of log p and its KL to the base model, in nats."""
    targets = targets_along(objective)
    estimates = [reweight(rollouts, target) for target in targets]
    names = ("log_p", "kl", "accuracy", "length", "entropy")
    curve = {name: np.array([e.value[name].mean() for e in estimates]) for name in names}
    # On a line with alpha > 1 the mean of log p only rises (T2); where only b moves it need not, but the KL does.
    moves_alpha = targets[-1].alpha != 1 and targets[-1].b == 0
    along, own = (curve["log_p"], mean_log_p) if moves_alpha else (curve["kl"], kl)
    known = np.maximum.accumulate(along) if along[-1] > along[0] else np.minimum.accumulate(along)
    order = np.argsort(known, kind="stable")
    position = np.interp(own, known[order], np.arange(POINTS)[order])

    def at(values: list[float] | Float[np.ndarray, " points"]) -> Steps:
        return np.interp(position, np.arange(POINTS), values)

    return Followed(
        at([target.alpha for target in targets]),
        at([target.b for target in targets]),
        *(at(curve[name]) for name in ("accuracy", "length", "entropy")),
    )
