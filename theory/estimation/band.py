"""The band that a healthy run stays in: the lowest length and entropy along its way, less the noise of a batch.

A run that collapses to empty or repeated responses does so in length and in entropy first. But both also fall in a run
that does what it should, and how far is known beforehand: its way is a straight line from the base model to its target,
and base samples, weighted, say what each point of it looks like. What lies below all of them is no place on the way.
The lowest along the way, not that of the target: on the way length may well pass below both of its ends.
"""

from typing import NamedTuple

import numpy as np

from theory.dynamics import line_points
from theory.estimation.coordinate import LARGEST_ALPHA, Prompts, predicted
from theory.estimation.samples import BaseSamples
from theory.objectives import Objective, Points

STANDARD_ERRORS = 4.0  # of one batch: a healthy run of 500 steps crosses the band in less than one run of fifty


class LowerEdges(NamedTuple):
    """Of a batch's mean length (tokens) and mean -log pi (nats)."""

    length: float
    entropy: float


def path(objective: Objective) -> Points:
    """Points from the base model to where the objective leads, on the straight line of T8.

    tau > 0 ends at the target; tau = 0 runs on for ever, and is followed until the samples are down to their best one.
    """
    doublings = np.concatenate([[0.0], 2.0 ** np.arange(-4, np.log2(LARGEST_ALPHA) + 1)])
    return line_points(objective, np.linspace(0, 1, 9) if objective.entropy_weight > 0 else doublings)


def lower_edges(samples: BaseSamples, objective: Objective, kappa: float, prompts: int, generations: int) -> LowerEdges:
    """The lowest predictions along the path, each less four standard errors of a batch of prompts x generations.

    The variance of a batch's mean has two parts: prompts differ (the variance of their means, over prompts), and the
    responses to a prompt do (the mean of their variances, over all responses). More generations lessen the second
    alone. kappa as in `theory.estimation.coordinate.predicted`.
    """

    def edge(mean: Prompts, variance: Prompts) -> float:
        noise = mean.var() / prompts + variance.mean() / (prompts * generations)
        return mean.mean() - STANDARD_ERRORS * np.sqrt(noise)

    along = [predicted(samples, alpha, b, kappa) for alpha, b in zip(*path(objective), strict=True)]
    return LowerEdges(
        length=float(min(edge(q.length, q.var_length) for q in along)),
        entropy=float(min(edge(q.entropy, q.var_entropy) for q in along)),
    )
