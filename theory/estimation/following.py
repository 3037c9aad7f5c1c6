"""Following a run with base rollouts: one number of the run says where on its line it stands, theory says the rest.

The tabular flow of an objective stays on a straight line of the (alpha, b) plane [T8]. The mean of log p under the
run's own policy (the KL where the objective does not sharpen) identifies the point; accuracy, length and entropy should
then be those of that point, with nothing left to fit [T23]. Where a network leaves the line is a measurement.

Why not by the number of steps. How far a step goes depends on the learning rate, its schedule, the optimiser and
clipping, and none of them is in the theory, where they would only set the pace along the line. So the mean of log p is
taken for a clock, and what is compared is everything else at the same reading.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from theory.dynamics import line_points
from theory.estimation.forecast import LARGEST_PARETO_K
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts
from theory.estimation.samples_needed import SMALLEST_ESS
from theory.objectives import Objective
from theory.vocabulary import LengthControl

POINTS = 48
Steps = Float[np.ndarray, " steps"]


class Followed(NamedTuple):
    """Step by step, the point of the line that the run's own mean implies, and what is predicted there.

    What the run itself measured of accuracy, length and entropy is to be laid beside these: nothing here saw it.
    """

    alpha: Steps
    b: Steps
    accuracy: Steps
    length: Steps
    """tokens"""
    entropy: Steps
    """nats a response"""
    ess: Steps
    """effective samples a prompt at that point"""
    told: Bool[np.ndarray, " steps"]
    """whether they are enough: what one effective sample predicts is no measure of a run"""


def targets_along(objective: Objective, kappa: float = 0.0, length_control: str = LengthControl.NONE) -> list[Target]:
    """Points on the line from the base model to the optimum and a fifth beyond it; far out where it has no end [T8].

    kappa divides the sharpening of a response by |y|^kappa: a reward of each response like another, so that the line
    is as straight [T20]. The content return is u less its mean at each length, u = alpha log p - log π, which a
    replicator flow follows within each length alone, on the same line, and the lengths keep their probability [T18].
    ValueError: another length control, whose way there is on no line of optima that base rollouts tell.
    """
    if length_control not in (LengthControl.NONE, LengthControl.CONTENT):
        raise ValueError(
            f"a run with length control {length_control} moves along no line that base rollouts can follow"
        )
    far = np.concatenate([[0], np.geomspace(0.01, 40, POINTS - 1)])
    line = line_points(objective, np.linspace(0, 1.2, POINTS) if objective.entropy_weight > 0 else far)
    return [Target(max(float(alpha), 0.0), float(b), kappa, length_control) for alpha, b in zip(*line, strict=True)]


def follow(
    rollouts: Rollouts,
    objective: Objective,
    mean_log_p: Steps,
    kl: Steps,
    kappa: float = 0.0,
    length_control: str = LengthControl.NONE,
) -> Followed:
    """The run's points on the line of its objective, from its mean of log p and its KL to the base model, in nats.

    The clock must run one way. The mean of log p does where alpha alone moves, up for alpha > 1; elsewhere the KL is
    taken, which grows along every line that leaves the base model. A curve that estimates make turn back is held where
    it is; readings beyond its ends are put at the ends.
    """
    targets = targets_along(objective, kappa, length_control)
    estimates = [reweight(rollouts, target) for target in targets]
    names = ("log_p", "kl", "accuracy", "length", "entropy")
    curve = {name: np.array([e.value[name].mean() for e in estimates]) for name in names}
    # On a line of p^alpha, alpha > 1, the mean of log p only rises (T2); elsewhere it need not, but the KL does (T6).
    plain = not kappa and length_control == LengthControl.NONE
    moves_alpha = plain and targets[-1].b == 0
    along, own = (curve["log_p"], mean_log_p) if moves_alpha else (curve["kl"], kl)
    sign = -1 if moves_alpha and targets[-1].alpha < 1 else 1  # of the clock: below alpha = 1 log p falls
    position = np.interp(sign * own, np.maximum.accumulate(sign * along), np.arange(POINTS))

    def at(values: list[float] | Float[np.ndarray, " points"]) -> Steps:
        return np.interp(position, np.arange(POINTS), values)

    ess = np.array([e.ess.mean() for e in estimates])
    light = np.array([not e.pareto_k > LARGEST_PARETO_K for e in estimates])
    enough = (ess >= SMALLEST_ESS) & light
    return Followed(
        at([target.alpha for target in targets]),
        at([target.b for target in targets]),
        at(curve["accuracy"]),
        at(curve["length"]),
        at(curve["entropy"]),
        at(ess),
        enough[np.floor(position).astype(int)] & enough[np.ceil(position).astype(int)],
    )
