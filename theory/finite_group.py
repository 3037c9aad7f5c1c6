"""GRPO with groups of G samples: the advantage that a response gets on average, and the policy that it ends at.

A trainer does not know the standard deviation of its policy. It divides by that of the G samples at hand, which is 0
when all of them earn the same, and such a group teaches nothing. Both change where training ends.

Why there is no collapse. In the limit of large groups (`saddle_node`) a narrowing policy is pushed ever harder, because
sd goes to 0. With G samples the quotient (R - R̄)/sd is at most (G-1)/√G in size, whatever the rewards are, so that the
push is bounded; and a policy that is nearly sure draws groups of one response only, which push not at all. The mean
push h on a response is a polynomial in π, hence continuous, and π -> p e^{h/β}/Z maps the simplex into itself: by
Brouwer's theorem it has a fixed point at every β > 0. A small β puts it near the mode, and where the limit of large
groups would collapse a larger G puts it nearer.

Why only ranks count for G = 2. Two different rewards always have advantages ±1/√2: h is (P(R < r) - P(R > r))/√2, and a
reward may be stretched in any rising way without a difference. The larger G is, the more do the sizes of rewards show.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_log_p, checked_reward, kl, log_sum_exp
from theory.trainers import k3_in_loss_optimum

# Step and reach of the trapezoid rule for e^{-x²}: its errors e^{-(π/.55)²} and e^{-5.6²} are below 1e-13.
_STEP, _REACH = 0.55, 5.6
# Nodes of the inner integral (rewards that nearly tie need many); beyond, the exact mean would take minutes.
_MOST_NODES = 200_000


class _Levels(NamedTuple):
    """The distinct rewards on the support, and which of them each response has (-1 off the support)."""

    value: np.ndarray
    of_response: np.ndarray


def advantage_bound(group: int) -> float:
    """(G-1)/√G, the largest |(R - R̄)/sd| that one of G samples can have: all the others equal.    [T25]

    sd has divisor G-1. ValueError for a group of one, which has no spread.

    One sample against G-1 equal ones is off by v, each of the others by -v/(G-1): the sum of squares is
    v² G/(G-1), and v over its root divided by √(G-1) is this. Any spread among the others only adds to the sum.

    >>> round(advantage_bound(8), 3)
    2.475
    """
    return (_checked_group(group) - 1) / group**0.5


def group_advantage(
    log_pi: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], group: int
) -> Float[np.ndarray, " y"]:
    """h_π(y) = E[(R_1 - R̄)/sd | y_1 = y, the other G-1 ~ π], 0 in groups of equal rewards.    [T25]

    sd is the sample standard deviation with divisor G-1 and no ε. E_π h = 0 and |h| <= (G-1)/√G; as G grows
    h → (r - E r)/sd_π(r), T12's advantage. 0 off the support of π. With S = Σ (R_i - R̄)² and two Gaussian integrals,

        S^{-1/2} = 2/√π ∫_0^∞ e^{-s² S} ds,    (R_1 - R̄) e^{-s² S} = s √(G/π) ∫ (R_1 - m) e^{-s² Σ (R_i - m)²} dm,

    the other samples are independent given (s, m): h = 2 √(G(G-1))/π ∫∫ s (r - m) e^{-s²(r-m)²} φ^{G-1} dm ds with
    φ = E_π e^{-s²(r-m)²}. No sum over groups is needed. To about 1e-11.
    ValueError: group < 2, shapes, or rewards that tie so nearly that the integral is out of reach.

    At accuracy .9 groups of 4 push a right answer less than half as hard as the limit, 1/3, has it, since two groups
    in three have nothing wrong in them:

    >>> group_advantage(np.log([0.9, 0.1]), np.array([1.0, 0.0]), group=4).round(3)
    array([ 0.146, -1.317])
    """
    log_pi = checked_log_p(log_pi, "log_pi")
    levels = _levels(log_pi, reward)
    mean = _mean_advantage(levels.value, _checked_group(group))(_level_mass(levels, log_pi))
    return np.where(levels.of_response >= 0, mean[levels.of_response], 0.0)


def finite_group_optimum(
    log_p: Float[np.ndarray, " y"],
    reward: Shaped[np.ndarray, " y"],
    beta: float,
    group: int,
    k3_in_loss: bool = False,
) -> Float[np.ndarray, " y"]:
    """log π where GRPO with groups of G ends from p: π ∝ p e^{h_π/β}, or p/(1 - h_π/β) with k3 in the loss.    [T25]

    Advantages are standardised within the group, the KL weight β stands beside them. h is a polynomial in π and
    bounded, so by Brouwer there is a fixed point at every β > 0, also below `saddle_node.critical_beta`, and
    osc log(π/p) <= 2 (G-1)/(√G β) for the first form. G → ∞ is T12: what has no end there ends ever nearer the mode
    here. Where there are several, this is the one that the mirror flow from p meets.
    ValueError: beta not finite and > 0, group < 2, shapes. RuntimeError if the flow does not come to rest.

    >>> p = np.array([0.4, 0.3, 0.17, 0.08, 0.05])
    >>> np.exp(finite_group_optimum(np.log(p), np.log(p), beta=1.154, group=8)).round(3)
    array([0.767, 0.162, 0.045, 0.016, 0.009])
    """
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}; without a KL weight there is no fixed point")
    log_p, group = checked_log_p(log_p), _checked_group(group)
    levels = _levels(log_p, reward)
    base, mean = np.log(_level_mass(levels, log_p)), _mean_advantage(levels.value, group)

    def answer(log_mass):
        """The optimum for the advantages of this policy, held fixed."""
        h = mean(np.exp(log_mass))
        if k3_in_loss:
            return k3_in_loss_optimum(base, h, beta)
        return base + h / beta - log_sum_exp(base + h / beta)

    change = _settled(answer, base) - base
    return np.where(levels.of_response >= 0, log_p + change[levels.of_response], -np.inf)


def large_group_k3_optimum(
    log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], beta: float
) -> Float[np.ndarray, " y"]:
    """log π of π = p/(1 - h/β), h = (R - E R)/sd_π(R): GRPO in the limit of large groups, k3 in the loss.    [T25, T13]

    Unlike the KL beside the advantage (T12), k3 in the loss leaves no β without a fixed point, in this limit too: p/π
    pulls a response that is nearly lost back without bound, where log(p/π) does so by its logarithm only, too little
    against 1/sd. So there is no critical β. Where several exist, this is the one that the flow from p meets.
    A reward that is constant on the support moves nothing. ValueError: beta not finite and > 0, shapes.

    >>> p = np.array([0.4, 0.3, 0.17, 0.08, 0.05])
    >>> np.exp(large_group_k3_optimum(np.log(p), np.log(p), beta=0.5)).round(3)
    array([0.882, 0.092, 0.019, 0.005, 0.002])
    """
    log_p = checked_log_p(log_p)
    levels = _levels(log_p, reward)
    base = np.log(_level_mass(levels, log_p))

    def answer(log_mass):
        """The optimum for the advantages of this policy, held fixed."""
        mass = np.exp(log_mass)
        centred = levels.value - mass @ levels.value
        sd = np.sqrt(mass @ centred**2)
        return k3_in_loss_optimum(base, centred / sd if sd > 0 else 0 * centred, beta)

    change = _settled(answer, base) - base
    return np.where(levels.of_response >= 0, log_p + change[levels.of_response], -np.inf)


def _settled(answer, start, longest=200.0):
    """The x = answer(x) that x' = answer(x) - x flows to: followed until it is slow, then Newton to rounding.

    Newton alone from p could find another fixed point than the one that training meets; the flow alone would take long
    for the last digits. Normalised, as answers are. RuntimeError where Newton left the neighbourhood that the flow had
    come to.
    """
    from scipy.integrate import LSODA  # half a second to import
    from scipy.optimize import root

    def velocity(_, x):
        x = x - log_sum_exp(x)
        return answer(x) - x

    flow = LSODA(velocity, 0.0, start, longest, rtol=1e-5, atol=1e-8)
    while flow.status == "running" and np.max(np.abs(velocity(flow.t, flow.y))) >= 1e-6:
        flow.step()
    end = flow.y - log_sum_exp(flow.y)
    found = root(lambda x: answer(x) - x, end, tol=1e-13).x
    if not (np.max(np.abs(answer(found) - found)) < 1e-9 and kl(found, end) < 1e-3):
        raise RuntimeError("the flow of GRPO did not come to rest; give a larger beta or a smaller group")
    return found


class _Mean(NamedTuple):
    """h of each level as a sum over nodes (s, m): push @ (bell @ mass)^{G-1}, the mass of the policy's levels.

    bell is e^{-s²(r-m)²}, a row a node; push has the weights of both integrals and the factor (r - m) in it. Neither
    knows the policy, so that following a flow costs a product of matrices a step.
    """

    bell: np.ndarray
    push: np.ndarray
    value: np.ndarray
    at_zero: float
    group: int

    def __call__(self, mass):
        return self.push @ (self.bell @ mass) ** (self.group - 1) + self.at_zero * (self.value - mass @ self.value)


def _mean_advantage(value, group):
    """By the trapezoid rule in m and, after s = c sinh w, in w: both converge exponentially.

    For a smooth function that dies off at both ends the trapezoid rule's error is the function's Fourier transform at
    multiples of 2π/step, and falls faster than any power of the step. sinh spaces the nodes evenly near 0 and by
    factors far out, since s runs over all scales between 1/(largest difference of rewards) and 1/(smallest).
    """
    if len(value) == 1:
        return _Mean(np.empty((0, 1)), np.empty((1, 0)), value, 0.0, group)  # no node: no advantage
    value = value - value[-1]
    width, gap = value[-1] - value[0], np.min(np.diff(value))
    # The integrand lives between s = 1/widest, below which all deviations look alike, and a few times 1/narrowest,
    # above which every group that is not constant has died off.
    widest = width * (group / 4) ** 0.5  # sqrt of the largest Σ (R_i - R̄)², and of the smallest that is not 0:
    narrowest = gap * ((group - 1) / group) ** 0.5
    if width / gap * group**0.5 * _REACH / _STEP > _MOST_NODES:
        raise ValueError(
            f"two rewards differ by {gap:.3g} where all lie within {width:.3g}; round them to fewer levels"
        )
    step = 0.15
    w = step * np.arange(1, 1 + int(np.arcsinh(_REACH * widest / narrowest) / step))
    factor = (group - 1) ** 0.5 * 2 / np.pi**0.5 * step
    inner = [_nodes(value, group, np.sinh(x) / widest, factor * np.cosh(x) / widest) for x in w]
    bell, push = (np.concatenate(blocks) for blocks in zip(*inner, strict=True))
    # At s = 0, half a node, the inner integral is E(R_1 - R̄ | R_1).
    return _Mean(bell, np.ascontiguousarray(push.T), value, factor / 2 * (group - 1) / group / widest, group)


def _nodes(value, group, s, factor):
    """bell and push, transposed, of E[(R_1 - R̄) e^{-s² Σ (R_i - R̄)²} | R_1], for each level R_1."""
    unit = 1 / (s * group**0.5)
    m = np.arange(value[0] - _REACH * unit, value[-1] + _REACH * unit, _STEP * unit)
    distance = value - m[:, None]
    bell = np.exp(-((s * distance) ** 2))
    return bell, factor * _STEP / np.pi**0.5 * distance * bell


def _levels(log_p, reward):
    """Rewards that differ by rounding alone are one level: dividing by their sd would make something of nothing.

    Levels, because responses that earn alike are pushed alike: the fixed point is solved for in as many unknowns as
    there are different rewards, two for a task of 0 and 1 however many responses there are.
    """
    on = ~np.isneginf(log_p)
    if np.shape(reward) == log_p.shape:
        reward = np.where(on, reward, 0.0)  # never drawn, whatever it is (log p as a reward is -inf there)
    reward = checked_reward(reward, log_p)
    order = np.flatnonzero(on)[np.argsort(reward[on], kind="stable")]
    values = reward[order]
    starts = np.diff(values, prepend=-np.inf) > 16 * np.finfo(float).eps * max(1.0, float(np.max(np.abs(values))))
    of_response = np.full(len(log_p), -1)
    of_response[order] = np.cumsum(starts) - 1
    return _Levels(values[starts], of_response)


def _level_mass(levels, log_p):
    on = levels.of_response >= 0
    mass = np.bincount(levels.of_response[on], np.exp(log_p[on]), len(levels.value))
    return mass / mass.sum()


def _checked_group(group):
    if not (group >= 2 and group == int(group)):
        raise ValueError(f"group must be a whole number of at least 2, got {group}: one sample has no spread")
    return int(group)
