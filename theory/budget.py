"""What a KL budget buys: at an equal distance KL(π‖p) sharpening and tilting can be compared.

A power of 4 and a reward of weight 4 have nothing in common, but KL(π‖p) is the same currency for every policy: how
many nats of log-ratio to the base model its own samples show. At an equal price no policy is more accurate than a
tilt q_{1,b}, and sharpening can be judged by the share of that gain that it reaches.

Why the tilt is the best. Let q = q_{1,b}, b > 0, and π as far from p. log q = log p + b r - Φ; the mean of
log π - log q under π is KL(π‖p) - b E_π r + Φ, and under q it is KL(q‖p) - b E_q r + Φ = 0. With equal distances the
difference is b (E_q r - E_π r) = KL(π‖q) >= 0.

Why a correlation. Close to p a policy is p (1 + ε f) with E_p f = 0: it costs ε² Var(f)/2 and gains ε Cov(r, f), so a
nat buys in proportion to Cov(r, f)/sd(f), that is sd(r) Corr(r, f). The tilt has f = r - E r and correlation 1,
sharpening has f = log p - E log p. The relative error is of order ε, the root of the budget.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real, Shaped

from theory.distribution import log_sum_exp
from theory.tilt import exponential_tilt, kl_to_base, log_tilt, moments


class Frontier(NamedTuple):
    """What a policy costs and what it earns: KL(q‖p) in nats and E_q[r]."""

    kl: Float[np.ndarray, "*batch b"]
    mean_reward: Float[np.ndarray, "*batch b"]


def tilting_at_budget(
    log_p: Float[np.ndarray, " y"],
    reward: Shaped[np.ndarray, " y"],
    budget: float,
    log_mass: Float[np.ndarray, " y"] | None = None,
) -> float:
    """The b >= 0 with KL(q_{1,b}‖p) = budget (nats): the best accuracy that the budget can buy.    [T5]

    inf where the budget reaches -log p(best reward), beyond which no b goes; 0 at budget 0, and for a small one
    √(2 budget)/sd(r). The KL rises with b throughout, so that there is one b and a bracket finds it: it starts at the
    small-budget answer and is doubled until it holds the root. With log_mass, of weighted samples.
    ValueError: budget < 0, a reward that is constant on the support, or log_tilt's.

    >>> round(tilting_at_budget(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.0]), budget=0.1), 3)
    0.906
    """
    log_base = log_tilt(log_p, reward, 1, 0, log_mass)
    values = np.asarray(reward, dtype=np.float64)
    supported = values[~np.isneginf(log_base)]
    if np.ptp(supported) == 0:
        raise ValueError(f"reward is {supported[0]} on the whole support; no tilt moves p, so there is no b")
    if _reaches(budget, log_base, values == np.max(supported)):
        return np.inf
    spread = np.sqrt(moments(log_p, reward, 1, 0, log_mass).var_reward)
    return _at_budget(lambda b: kl_to_base(log_p, reward, 1, b, log_mass), budget, float(spread))


def sharpening_at_budget(
    log_p: Float[np.ndarray, " y"], budget: float, log_mass: Float[np.ndarray, " y"] | None = None
) -> float:
    """The alpha >= 1 with KL(q_{α,0}‖p) = budget (nats).    [T5]

    inf where the budget reaches -log p(modes), beyond which no alpha goes. With log_mass, of weighted samples.
    ValueError: budget < 0, a reference that is uniform on its support, or log_tilt's.

    At .1 nats the right answers of this policy, the two less likely ones, gain by a reward and lose by sharpening:

    >>> log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0])
    >>> alpha, b = sharpening_at_budget(log_p, budget=0.1), tilting_at_budget(log_p, reward, budget=0.1)
    >>> [round(float(moments(log_p, reward, *point).mean_reward), 2) for point in ((1, b), (alpha, 0))]
    [0.72, 0.29]
    """
    nothing = np.zeros(np.shape(log_p))
    log_base = log_tilt(log_p, nothing, 1, 0, log_mass)
    supported = np.asarray(log_p)[~np.isneginf(log_base)]
    if np.ptp(supported) == 0:
        raise ValueError("log_p is uniform on its support; no power moves it, so there is no alpha")
    if _reaches(budget, log_base, log_p == np.max(supported)):
        return np.inf
    spread = np.sqrt(moments(log_p, nothing, 1, 0, log_mass).var_log_p)
    return 1 + _at_budget(lambda x: kl_to_base(log_p, nothing, 1 + x, 0, log_mass), budget, float(spread))


def tilting_frontier(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    b: Real[np.ndarray, " b"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Frontier:
    """(KL(q_{1,b}‖p), E[r]) at each b: at any KL no policy earns more.    [T5]

    One row a prompt; averaged over prompts at a common b it is the frontier of all of them together, because the
    Lagrangian E r - KL/b splits into one problem a prompt. At the best division of a budget another nat must buy as
    much on every prompt, and along a tilt it buys dE r/dKL = Var(r)/(b Var(r)) = 1/b: hence one b for all. It falls
    as b grows, so the frontier is concave in KL. A small budget, b² Var(r)/2 a prompt, goes to accuracies near ½; a
    large one, -log A₀ in the end, to prompts that are seldom solved. With log_mass, of weighted samples.
    """
    log_base = log_tilt(log_p, reward, 1, 0, log_mass)
    points = [exponential_tilt(log_base, x * np.asarray(reward, dtype=np.float64)) for x in b]
    return Frontier(
        np.stack([point.kl for point in points], axis=-1),
        np.stack([np.sum(point.q * reward, axis=-1) for point in points], axis=-1),
    )


def reward_at(frontier: Frontier, budget: float | Float[np.ndarray, "*budget"]) -> Float[np.ndarray, "*budget"] | float:
    """The best mean reward at a KL of `budget` nats, on a frontier of one policy (or a mean) known at some b.    [T5]

    A line between two known points, which the frontier, being concave, lies above; beyond the last its value. So it is
    never more than what can be had, and by how much less a finer list of b decides.
    """
    return np.interp(budget, frontier.kl, frontier.mean_reward)[()]


def small_budget_ratio(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> Float[np.ndarray, "*batch"] | float:
    """Corr_p(r, log p): (gain of sharpening)/(gain of tilting) at equal budget, as the budget vanishes.    [T5]

    Between -1 and 1: sharpening is at best as good as a reward, where log p is a rising line in r. Negative where
    sharpening loses accuracy; nan where r or log p is constant on the support.

    >>> round(float(small_budget_ratio(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0]))), 3)
    -0.923
    """
    at_base = moments(log_p, reward, 1, 0, log_mass)
    return gain_ratio(at_base.cov, at_base.var_log_p, at_base.var_reward)


def accuracy_by_mixing(
    budget: float, kl: Float[np.ndarray, " policies"], accuracy: Float[np.ndarray, " policies"]
) -> float:
    """The accuracy on the chord between neighbours in KL(·‖p), at a KL of budget (nats).    [T5]

    Picking policy 2 rather than 1 with probability λ has accuracy (1-λ)A₁ + λA₂ and at most the KL (1-λ)KL₁ + λKL₂,
    for KL is convex. So it is no more than a task reward can do at that KL: the best, q_{1,b}, is concave in KL and
    lies above its chords. Beyond the last policy the largest accuracy stands, for more KL is allowed, not needed;
    before the first one that of the first. KLs may be estimates, and as such below 0.
    """
    order = np.argsort(kl)
    return float(np.interp(budget, kl[order], accuracy[order], right=np.max(accuracy)))


def gain_ratio(
    cov: Float[np.ndarray, "*batch"] | float,
    var_log_p: Float[np.ndarray, "*batch"] | float,
    var_reward: Float[np.ndarray, "*batch"] | float,
) -> Float[np.ndarray, "*batch"] | float:
    """Cov(r, log p)/√(Var log p · Var r), the small-budget ratio from moments at the base.    [T5]

    For one alpha and one b on many prompts give the means over prompts: gains add up as covariances, budgets as
    variances. nan where a variance is zero.
    """
    with np.errstate(invalid="ignore"):  # 0/0 is the documented nan
        # Roots first: of a response of probability 1e-170 the product of both variances would be 0.
        return np.asarray(cov / np.multiply(np.sqrt(var_log_p), np.sqrt(var_reward)))[()]


def _reaches(budget, log_base, face):
    """Whether the budget pays for all of the face, -log of its mass: no finite b or alpha goes there."""
    if not budget >= 0:
        raise ValueError(f"budget must be >= 0 nats, got {budget}: a KL divergence is never negative")
    limit = -log_sum_exp(np.where(face, log_base, -np.inf))
    return budget >= limit - 8 * np.finfo(float).eps * max(1.0, limit)


def _at_budget(spent, budget, spread):
    """The x >= 0 where the increasing KL spent(x) is the budget; near 0 it is x² spread²/2, which starts the search.

    Doubling from there finds a bracket in a few steps at any scale of x: budgets of 1e-16 and spreads of 1e3 alike.
    """
    if budget == 0:
        return 0.0
    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    low, high = 0.0, np.sqrt(2 * budget) / spread
    while spent(high) < budget:
        low, high = high, 2 * high
    return brentq(lambda x: spent(x) - budget, low, high, xtol=1e-14 * high, rtol=1e-14)
