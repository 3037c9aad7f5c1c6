"""GRPO on both sides of its critical KL weight, by training alone: where it ends, and how its two ends meet (T12)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory.trainers import critical_beta, std_normalised_alpha, std_normalised_drift
from toysims.experiment import Part, Row
from toysims.learners import trainer_steps as trainer
from toysims.verdict import Check

# β/β_c of the diagram, on both sides of it.
BELOW, ABOVE = (0.5, 0.7, 0.85, 0.95), (1.03, 1.1, 1.25, 1.5, 1.75, 2.0)
# |β/β_c - 1| at which the meeting of the branches is looked at, each four times the one before.
CLOSE = (1e-4, 4e-4, 1.6e-3)


class GrpoEnd(NamedTuple):
    """The power of p that training ended at, whether only one response was left by then, and the steps it took."""

    alpha: float
    collapsed: bool
    steps: int


def train(log_p: Float[np.ndarray, " k"], beta: float, alpha: float = 1.0) -> GrpoEnd:
    """Where GRPO with exact expectations ends when it starts from the power alpha of p."""
    reference = jnp.asarray(log_p)
    ended = trainer.settle(trainer.grpo_velocity, jax.nn.log_softmax(alpha * reference), reference, beta)
    return GrpoEnd(float(trainer.exponent(ended.log_pi, reference)), bool(ended.collapsed), int(ended.steps))


def edge_of_basin(log_p: Float[np.ndarray, " k"], beta: float, end: float) -> float:
    """The power from which training no longer returns to `end`, by bisection."""
    return _bisect(end, 2 * end, lambda alpha: abs(train(log_p, beta, alpha).alpha - end) < 1e-3 * end, 1e-7)


def branches(log_p: Float[np.ndarray, " k"]) -> Part:
    """On both sides of β_c: the end from p, the edge of its basin, and β_c itself; and theory's two branches."""
    threshold = critical_beta(log_p)
    checks: list[Check] = []
    points: list[Row] = []
    for multiple in BELOW + ABOVE:
        beta = multiple * threshold
        predicted = std_normalised_alpha(log_p, beta)
        alpha, collapsed, _ = train(log_p, beta)
        claim = f"GRPO at {multiple:g} β_c"
        checks.append(
            Check(f"{claim}: collapses (1 yes, 0 no)", "T12", float(np.isnan(predicted.stable)), float(collapsed), 0.0)
        )
        edge = np.nan
        if not collapsed:
            edge = edge_of_basin(log_p, beta, alpha)
            checks.append(Check(f"{claim}: α it ends at", "T12", predicted.stable, alpha, 1e-5 * alpha))
            checks.append(Check(f"{claim}: α beyond which it runs away", "T12", predicted.unstable, edge, 1e-5 * edge))
        points.append({"part": "trained", "x": multiple, "collapsed": collapsed, "stable": alpha, "unstable": edge})
    for multiple in np.geomspace(1 + 1e-6, 1.05 * ABOVE[-1], 100).tolist():
        points.append({"part": "theory", "x": multiple, **std_normalised_alpha(log_p, multiple * threshold)._asdict()})
    found = _bisect(1e-3, 1.0, lambda beta: train(log_p, beta).collapsed, 1e-6)
    checks.append(Check("GRPO: β_c", "T12", threshold, found, 1e-4 * threshold))
    return checks, points


def square_root(log_p: Float[np.ndarray, " k"]) -> Part:
    """How the branches meet as |β - β_c|^½ above β_c, and how the steps to collapse grow as its inverse below.

    Where the two fixed points have just vanished α̇ is small but not zero: training from p seems to settle there,
    and is only slow. Exponents from three distances to β_c.
    """
    threshold = critical_beta(log_p)
    points: list[Row] = []
    for distance in CLOSE:
        above, below = (train(log_p, (1 + side * distance) * threshold) for side in (1, -1))
        # What collapses above β_c has no gap, and what does not below it no steps to collapse: nan fails the check.
        gap = np.nan if above.collapsed else edge_of_basin(log_p, (1 + distance) * threshold, above.alpha) - above.alpha
        taken = float(below.steps) if below.collapsed else np.nan
        points.append({"part": "square root", "x": distance, "gap": gap, "steps": taken})
    gaps, steps = (np.array([point[name] for point in points]) for name in ("gap", "steps"))
    exponent = {
        "distance of the two branches above β_c": (0.5, gaps),
        # Less the way before and after, which costs as much at any distance.
        "steps to collapse below β_c": (-0.5, -np.diff(steps)),
    }
    checks = []
    for name, (predicted, values) in exponent.items():
        found = float(np.log(values[1] / values[0]) / np.log(CLOSE[1] / CLOSE[0]))
        checks.append(Check(f"GRPO, {name}: exponent in |β - β_c|", "T12", predicted, found, 0.005))
    return checks, points


def clusters() -> list[Check]:
    """Two likely responses and a third less so: (α-1) sd has two maxima, and training from p stays below the first.

    From beyond the edge of its basin it does not run away, as it would without the second, but rests at another power.
    """
    log_p, beta = np.log([0.41, 0.40, 0.19]), 3.0
    predicted = std_normalised_alpha(log_p, beta)
    first, beyond = (train(log_p, beta, alpha) for alpha in (1.0, 1.1 * predicted.unstable))
    claim = "GRPO with clusters of log p"
    return [
        Check(f"{claim}: α it ends at from p", "T12", predicted.stable, first.alpha, 1e-5 * predicted.stable),
        Check(f"{claim}: collapses from beyond its basin (1 yes, 0 no)", "T12", 0.0, float(beyond.collapsed), 0.0),
        Check(f"{claim}: drift of α there", "T12", 0.0, std_normalised_drift(log_p, beyond.alpha, beta), 1e-5),
    ]


def _bisect(low: float, high: float, is_low: Callable[[float], bool], width: float) -> float:
    """The border between is_low and not, to a relative width, by simulations on both sides of it."""
    while is_low(high):
        low, high = high, 2 * high
    while high - low > width * low:
        middle = (low + high) / 2
        low, high = (middle, high) if is_low(middle) else (low, middle)
    return (low + high) / 2
