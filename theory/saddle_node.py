"""Dividing advantages by their standard deviation creates a second fixed point, and loses both below a critical β."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p


class StdNormalisedAlpha(NamedTuple):
    """Where training from p ends, and the edge of its basin: above `unstable` alpha runs away. nan when none."""

    stable: float
    unstable: float


class _Levels(NamedTuple):
    """The distinct values of log p on the support, ascending, and how often each occurs."""

    log_p: np.ndarray
    multiplicity: np.ndarray


def std_normalised_alpha(log_p: Float[np.ndarray, " y"], beta: float) -> StdNormalisedAlpha:
    """The roots of (α-1) sd_{q_{α,0}}(log p) = 1/β on either side of the flow from p.    [T12; 2503.06639 for GRPO]

    α̇ = 1/sd - β(α-1) rises from alpha = 1 to the first root, `stable`, and from anywhere below the next root,
    `unstable`, returns to it. The left side vanishes at alpha = 1 and at infinity, so below `critical_beta` there is no
    root and training ends at the mode. It can have several maxima (separate clusters of log p): further pairs of
    roots may follow, which training from p does not meet. A uniform p has sd = 0, no root at any β: (nan, nan).
    ValueError: beta not finite and > 0, log_p not a distribution.
    """
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}")
    levels = _levels(log_p)
    excess, spread = _curve(levels)
    above = np.flatnonzero(spread * beta >= 1)
    if not len(above):
        return StdNormalisedAlpha(np.nan, np.nan)

    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    def mismatch(x):
        return beta * _spread(levels, x) - 1

    def root(low, high):
        return 1 + brentq(mismatch, low, high, xtol=1e-15 * high, rtol=1e-14)

    first = above[0]
    stable = root(0.0, excess[first])
    below = first + np.flatnonzero(spread[first:] * beta < 1)
    if len(below):
        return StdNormalisedAlpha(stable, root(excess[below[0] - 1], excess[below[0]]))
    far = excess[-1]  # β is so large that the last root lies in the exponential tail of the curve
    while mismatch(2 * far) >= 0:
        far *= 2
    return StdNormalisedAlpha(stable, root(far, 2 * far))


def critical_beta(log_p: Float[np.ndarray, " y"]) -> float:
    """β_c = 1/max_α [(α-1) sd_{q_{α,0}}(log p)]: the saddle-node below which std-normalised sharpening collapses. [T12]

    inf for a uniform p. Two equally likely levels a nat apart or a millionth have the same β_c: the curve scales.
    """
    spread = _curve(_levels(log_p))[1]
    return float(1 / np.max(spread)) if len(spread) else np.inf


def std_normalised_drift(log_p: Float[np.ndarray, " y"], alpha: float, beta: float) -> float:
    """α̇ = 1/sd_{q_{α,0}}(log p) - β(α-1) of the natural-gradient flow with standardised log p as advantage.    [T12]

    inf for a uniform p, whose standardised advantage is 0/0.
    """
    levels = _levels(log_p)
    if len(levels.log_p) == 1:
        return np.inf
    return float(1 / _sd(levels, alpha) - beta * (alpha - 1))


def _levels(log_p):
    """Values that differ by rounding alone are one level: dividing by their sd would make something of nothing."""
    values, count = np.unique(checked_log_p(log_p), return_counts=True)
    values, count = values[~np.isneginf(values)], count[~np.isneginf(values)]
    rounding = 16 * np.finfo(float).eps * max(1.0, -values[-1])
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > rounding)
    return _Levels(values[starts], np.add.reduceat(count, starts))


def _sd(levels, alpha):
    """sd of log p under q_{α,0}."""
    depth = levels.log_p - levels.log_p[-1]
    weight = levels.multiplicity * np.exp(alpha * depth)
    weight /= weight.sum()
    return np.sqrt(np.sum(weight * (depth - np.sum(weight * depth)) ** 2))


def _spread(levels, excess):
    """(α-1) sd at α = 1 + excess."""
    return excess * _sd(levels, 1 + excess)


def _curve(levels):
    """Nodes (α-1, (α-1) sd) between which the curve is monotone: a grid in log(α-1), and its maxima refined.

    In log(α-1) no feature is narrower than about 1/log(number of responses): each is two levels exchanging mass.
    """
    if len(levels.log_p) == 1:
        return np.empty(0), np.empty(0)
    from scipy.optimize import minimize_scalar

    gaps = np.diff(levels.log_p)
    lowest = 1e-3 / (levels.log_p[-1] - levels.log_p[0])
    highest = (10 + 2 * np.log(levels.multiplicity.sum())) / gaps[-1]  # beyond, only an exponential tail
    grid = np.linspace(np.log(lowest), np.log(highest), 2 + int(20 * np.log(highest / lowest)))
    height = np.array([_spread(levels, np.exp(x)) for x in grid])
    peaks = 1 + np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:]))
    refined = [
        minimize_scalar(
            lambda x: -_spread(levels, np.exp(x)),
            bounds=(grid[peak - 1], grid[peak + 1]),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
        for peak in peaks
    ]
    nodes = np.exp(np.sort(np.concatenate([grid, refined])))
    return nodes, np.array([_spread(levels, x) for x in nodes])
