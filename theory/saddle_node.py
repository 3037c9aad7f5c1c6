"""Dividing advantages by their standard deviation creates a second fixed point, and loses both below a critical β.

By the standard deviation of the policy, that is: the limit of large groups. With groups of G there is a fixed point at
every β (T25, theory.finite_group).

Why. With reward log p and a KL weight β the advantage pulls the exponent α up and the KL term pulls it back to 1, by
β (α-1). Undivided, the pull upwards is 1 and both balance at 1 + 1/β, always. Divided by the standard deviation it is
1/sd, and sd falls towards 0 as the policy narrows: dividing by it keeps the pull strong exactly where it should fade.
Where α rests, (α-1) sd = 1/β. The left side is 0 at α = 1, rises, and falls again like (α-1) e^{-(α-1) gap/2}, gap in
nats between the two likeliest levels. So it has a largest value: with 1/β above it there is no balance (the exponent
runs away, and training ends at the mode), with 1/β below it there are two. The lower one attracts, since above it the
KL term wins; the upper one is the edge of its basin. They meet and vanish at β_c, as a saddle and a node do, and near
it their distance is as the root of β - β_c.

Everything depends on p only through the levels of log p and their masses, and scaling log p by a factor scales α-1 by
its inverse: (α-1) sd is the same curve. Hence β_c is a pure number of the shape of p: 1.51 for two levels of equal
mass, more where the mode leads already (4.1 at .9 against .1), less where it is rare (.28 at .001 against .999).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.distribution import measure


class StdNormalisedAlpha(NamedTuple):
    """Where training from p ends, and the edge of its basin: above `unstable` alpha runs away. nan when none.

    "Runs away" up to the next pair of roots, if there is one, else to the mode.
    """

    stable: float
    unstable: float


class _Levels(NamedTuple):
    """The distinct values of log p, ascending, and log of the mass that p has on each."""

    log_p: np.ndarray
    log_mass: np.ndarray


def std_normalised_alpha(
    log_p: Float[np.ndarray, " y"], beta: float, log_mass: Float[np.ndarray, " y"] | None = None
) -> StdNormalisedAlpha:
    """The roots of (α-1) sd_{q_{α,0}}(log p) = 1/β on either side of the flow from p.    [T12; 2503.06639 for GRPO]

    α̇ = 1/sd - β(α-1) rises from alpha = 1 to the first root, `stable`, and from anywhere below the next root,
    `unstable`, returns to it. The left side vanishes at alpha = 1 and at infinity, so below `critical_beta` there is no
    root and training ends at the mode. It can have several maxima (separate clusters of log p): further pairs of
    roots may follow, which training from p does not meet. A uniform p has sd = 0, no root at any β: (nan, nan).
    With log_mass, weighted samples stand for p; how far out their curve can be believed is the caller's to judge.
    ValueError: beta not finite and > 0, log_p not a distribution.

    >>> log_p = np.log([0.4, 0.3, 0.17, 0.08, 0.05])
    >>> [round(alpha, 2) for alpha in std_normalised_alpha(log_p, beta=2.0)]  # RLOO would end at 1.5
    [3.06, 13.71]
    >>> std_normalised_alpha(log_p, beta=1.6).stable  # below β_c = 1.65
    nan
    """
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}")
    levels = _levels(log_p, log_mass)
    excess, spread = _curve(levels)
    above = np.flatnonzero(spread * beta >= 1)
    if not len(above):
        return StdNormalisedAlpha(np.nan, np.nan)

    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    def mismatch(x):
        return beta * _spread(levels, x) - 1

    # The curve is monotone between its nodes, so that each bracket holds one root; it is solved for in α-1, whose
    # digits would be lost in α where p is so spread that a root lies at 1 + 1e-12.
    def root(low, high):
        return 1 + brentq(mismatch, low, high, xtol=1e-15 * high)

    first = above[0]
    stable = root(0.0, excess[first])
    below = first + np.flatnonzero(spread[first:] * beta < 1)
    if len(below):
        return StdNormalisedAlpha(stable, root(excess[below[0] - 1], excess[below[0]]))
    far = excess[-1]  # β is so large that the last root lies in the exponential tail of the curve
    while mismatch(2 * far) >= 0:
        far *= 2
    return StdNormalisedAlpha(stable, root(far, 2 * far))


def critical_beta(log_p: Float[np.ndarray, " y"], log_mass: Float[np.ndarray, " y"] | None = None) -> float:
    """β_c = 1/max_α [(α-1) sd_{q_{α,0}}(log p)]: the saddle-node below which std-normalised sharpening collapses. [T12]

    In the limit of large groups; groups of G do not: `finite_group.finite_group_optimum` [T25].
    inf for a uniform p. Two equally likely levels a nat apart or a millionth have the same β_c: the curve scales.
    With log_mass, weighted samples stand for p, at every α: beyond the alphas that the samples reach, the maximum is
    that of their two likeliest; `critical_beta_of_sd` takes the alphas that can be relied on.

    >>> round(critical_beta(np.log([0.4, 0.3, 0.17, 0.08, 0.05])), 4)
    1.6485
    """
    excess, spread = _curve(_levels(log_p, log_mass))
    return float(critical_beta_of_sd(1 + excess, spread / excess)) if len(spread) else np.inf


def critical_beta_of_sd(
    alpha: Float[np.ndarray, " alpha"], sd: Float[np.ndarray, "*batch alpha"]
) -> Float[np.ndarray, "*batch"] | float:
    """β_c = 1/max_α [(α-1) sd_α] of a curve sd_α = sd_{q_{α,0}}(log p) known at some alphas >= 1.    [T12]

    Between and beyond them the curve may be higher and β_c lower. inf where log p does not vary.
    For estimates: sd at each alpha is a moment of reweighted samples, known only as far out as the samples reach, so
    that the caller says which alphas are to be trusted. 1 given in alpha adds 0 to the maximum, and does no harm.
    """
    highest = np.max((alpha - 1) * sd, axis=-1)
    return np.divide(1.0, highest, out=np.full(np.shape(highest), np.inf), where=np.asarray(highest > 0))[()]


def std_normalised_drift(log_p: Float[np.ndarray, " y"], alpha: float, beta: float) -> float:
    """α̇ = 1/sd_{q_{α,0}}(log p) - β(α-1) of the natural-gradient flow with standardised log p as advantage.    [T12]

    inf for a uniform p, whose standardised advantage is 0/0, and where alpha is so large that the mode is all there is.
    The flow keeps powers powers: (log p - E log p)/sd is a multiple of log p up to a constant, and so is the KL term's
    gradient. Its slope at the stable root is the rate at which training settles there.
    """
    levels = _levels(log_p)
    if len(levels.log_p) == 1:
        return np.inf
    with np.errstate(divide="ignore"):
        return float(1 / _sd(levels, alpha) - beta * (alpha - 1))


def _levels(log_p, log_mass=None):
    """Values that differ by rounding alone are one level: dividing by their sd would make something of nothing."""
    # Responses of one level share what sharpening makes of them, so that only levels and their masses are kept: a
    # million samples with a hundred different values cost what a hundred cost.
    log_p, log_mass = measure(log_p, log_mass)
    kept = np.flatnonzero(~np.isneginf(log_mass))
    order = kept[np.argsort(log_p[kept])]
    values = log_p[order]
    rounding = 16 * np.finfo(float).eps * max(1.0, -values[-1])
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > rounding)
    return _Levels(values[starts], np.logaddexp.reduceat(log_mass[order], starts))


def _sd(levels, alpha):
    """sd of log p under q_{α,0}.

    Measured from the likeliest level and centred before squaring, since near the mode sd is a tiny part of log p.
    """
    depth = levels.log_p - levels.log_p[-1]
    exponent = levels.log_mass + (alpha - 1) * depth
    weight = np.exp(exponent - np.max(exponent))
    weight /= weight.sum()
    depth -= weight @ depth
    return np.sqrt(weight @ (depth * depth))


def _spread(levels, excess):
    """(α-1) sd at α = 1 + excess."""
    return excess * _sd(levels, 1 + excess)


def _curve(levels):
    """Nodes (α-1, (α-1) sd) between which the curve is monotone: a grid in log(α-1), and its maxima refined.

    In log(α-1) no feature is narrower than about 1/log(number of responses): each is two levels exchanging mass.
    Below α-1 = 1/(range of log p) the curve rises: with x = α-1, d log[x sd]/d log x = 1 + x κ₃/(2 Var), and |κ₃| is
    at most range · Var.
    """
    if len(levels.log_p) == 1:
        nothing = np.empty(0)
        return nothing, nothing
    from scipy.optimize import minimize_scalar

    gap = levels.log_p[-1] - levels.log_p[-2]
    lowest = 1 / (levels.log_p[-1] - levels.log_p[0])
    # Beyond, the two likeliest levels are alone and only an exponential tail is left.
    rivals = np.logaddexp.reduce(levels.log_mass[:-1]) - levels.log_mass[-1]
    highest = (10 + 2 * max(rivals, 0.0)) / gap
    grid = np.linspace(np.log(lowest), np.log(highest), 2 + int(20 * np.log(highest / lowest)))
    # From the left, so that what has lost all its mass at one α need not be looked at again at the next.
    height, left = np.empty(len(grid)), levels
    lefts = []
    for i, x in enumerate(grid):
        left = _with_mass(left, np.exp(x))
        lefts.append(left)
        height[i] = _spread(left, np.exp(x))
    peaks = 1 + np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:]))
    refined = [
        minimize_scalar(
            lambda x, left=lefts[peak - 1]: -_spread(left, np.exp(x)),
            bounds=(grid[peak - 1], grid[peak + 1]),
            method="bounded",
            options={"xatol": 1e-9},
        )
        for peak in peaks
    ]
    nodes = np.concatenate([grid, [found.x for found in refined]])
    heights = np.concatenate([height, [-found.fun for found in refined]])
    order = np.argsort(nodes)
    return np.exp(nodes[order]), heights[order]


def _with_mass(levels, excess):
    """The levels without the lowest ones that hold no mass that floating point can see, here and at any larger α.

    The likeliest level is above them, and the larger α, the more it leads.
    """
    exponent = levels.log_mass + excess * (levels.log_p - levels.log_p[-1])
    seen = np.flatnonzero(exponent > np.max(exponent) - 80)
    return _Levels(levels.log_p[seen[0] :], levels.log_mass[seen[0] :])
