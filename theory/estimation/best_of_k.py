"""The likeliest of k samples: a curve of sharpening that needs no weights, so that no weight can spoil it.

Taking the response with the largest log p among k draws moves a model towards its own likely responses, as p^alpha
does, and is a policy that anyone can run. Its accuracy is known without bias from n >= k samples at any spread of
log p; it costs KL(q‖p) = log k - (k - 1)/k nats where no two responses are equally likely, and less where some are
(2401.01879). It is not p^alpha: at an equal KL it gains a little less where sharpening helps, and loses less where it
hurts; and it spends the same on every prompt, while one alpha spends most on the prompts whose log p spreads most.
"""

import functools

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, xlogy

from theory.estimation.samples import Rollouts


def kl_bound(k: float) -> float:
    """log k - (k - 1)/k nats: the KL of the likeliest of k where ties have no chance, and never less than it.

    The likeliest of k has the density k u^(k-1) in the quantile u of log p. The mean of its logarithm under itself is
    log k + (k-1) E log u, and E log u = -1/k. Nothing of the distribution of log p enters: k alone says what is spent.

    >>> [round(kl_bound(k), 2) for k in (1, 2, 4, 16, 256)]
    [0.0, 0.19, 0.64, 1.84, 4.55]
    """
    return float(np.log(k) - (k - 1) / k)


def kl_with_atoms(mass: Float[np.ndarray, " levels"], k: float) -> float:
    """KL(q‖p) in nats of the likeliest of k, from the probability of each level of log p, in ascending order.

    A level is picked with F^k - (F - mass)^k, F the probability of log p up to it; equally likely responses share it.
    Cheaper than `kl_bound`, as the pick cannot tell apart what is equally likely: 0 for one level, and for a response
    that is nearly certain.

    >>> round(kl_with_atoms(np.array([0.5, 0.5]), k=2), 3), round(kl_bound(2), 3)
    (0.131, 0.193)
    """
    above = np.concatenate([[0.0], np.cumsum(mass)])
    picked = np.diff(above**k)
    return float(np.sum(xlogy(picked, picked / np.where(mass > 0, mass, 1.0))))


def share_of_rank(n: int, k: int) -> Float[np.ndarray, " n"]:
    """C(i-1, k-1)/C(n, k), i = 1 … n: how often the i-th in ascending order is the largest of k out of n.

    The other k - 1 must come from the i - 1 below it. 1/n each for k = 1, all on the last for k = n. In logarithms of
    the gamma function, as binomials of a few thousand overflow.

    >>> share_of_rank(n=4, k=2).round(3)
    array([0.   , 0.167, 0.333, 0.5  ])
    """
    rank = np.arange(1, n + 1)
    log_ways = gammaln(rank) - gammaln(np.maximum(rank - k, 0) + 1) - gammaln(k)
    log_all = gammaln(n + 1) - gammaln(n - k + 1) - gammaln(k + 1)
    return np.where(rank >= k, np.exp(log_ways - log_all), 0.0)


def accuracy_of_likeliest(rollouts: Rollouts, k: int) -> Float[np.ndarray, " prompts"]:
    """E[reward of the likeliest of k samples], prompt by prompt, unbiased. ValueError: k beyond a prompt's samples.

    Over every choice of k of the n samples; responses with equal log p share their places. Shared, because which of
    two equals stands first in a file says nothing: their rewards are averaged before they are weighed.
    """
    if not 1 <= k <= rollouts.count.min():
        raise ValueError(f"k must be between 1 and the {rollouts.count.min()} samples that every prompt has, got {k}")
    order, level = _levels(rollouts)
    reward = rollouts.reward[order]
    mean_reward = (np.bincount(level, reward) / np.bincount(level))[level]
    shares = functools.lru_cache(None)(share_of_rank)
    weight = np.concatenate([shares(int(n), k) for n in rollouts.count])
    return rollouts.sum(weight * mean_reward)


def kl_of_likeliest(rollouts: Rollouts, k: int) -> float:
    """KL(q‖p) of the likeliest of k, mean over prompts, in nats: the bound less what responses with mass save.

    Each response seen takes e^{log p} of the quantiles of log p, above the share of samples that are less likely;
    within that stretch the pick is even and not ever likelier. Responses not seen save something too: an upper bound.
    """
    order, level = _levels(rollouts)
    p = np.where(rollouts.different.first, np.exp(rollouts.log_p), 0.0)[order]
    mass = np.minimum(np.bincount(level, p), 1.0)
    prompt = rollouts.each(np.arange(len(rollouts.start)))
    rows = np.arange(len(level))
    first = np.minimum.reduceat(rows, np.flatnonzero(np.diff(level, prepend=-1)))
    last = np.append(first[1:], len(rows))
    owner = prompt[first]
    # Counted from above: what lies over a level is seen, and the level itself has the mass that log p says.
    above = 1 - (rollouts.start + rollouts.count)[owner] / rollouts.count[owner] + last / rollouts.count[owner]
    upper = np.clip(above, mass, 1.0)
    saved = np.bincount(owner, _saved(upper - mass, upper, k), len(rollouts.start))
    return float(np.mean(np.maximum(kl_bound(k) - saved, 0.0)))


def _saved(low, high, k):
    """KL of the density k u^(k-1) on [low, high] to its own mean there, times its mass: nats."""

    def integral(u):  # of k u^(k-1) log(k u^(k-1))
        return u**k * (np.log(k) - (k - 1) / k) + (k - 1) * xlogy(u**k, u)

    mass, picked = high - low, high**k - low**k
    even = xlogy(picked, picked / np.where(mass > 0, mass, 1.0))
    return np.maximum(integral(high) - integral(low) - even, 0.0)  # 0 where there is no mass, up to rounding above


def _levels(rollouts):
    """The rows in ascending log p within each prompt, and the number of the level of each, equal where log p is.

    Levels are numbered through all prompts, so that one bincount serves them all; a new prompt begins a new level.
    """
    prompt = rollouts.each(np.arange(len(rollouts.start)))
    order = np.lexsort((rollouts.log_p, prompt))
    new = (np.diff(prompt[order], prepend=-1) != 0) | (np.diff(rollouts.log_p[order], prepend=np.nan) != 0)
    return order, np.cumsum(new) - 1
