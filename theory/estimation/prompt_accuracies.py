"""The distribution of prompt accuracies behind counts of right answers, and limits for what depends on it.

A prompt of accuracy a is answered right c times out of n with the binomial probability of (n, c; a). Over prompts a has
a distribution G of which nothing is assumed. The likelihood is greatest at a G of few atoms (Kiefer and Wolfowitz, Ann.
Math. Stat. 27, 1956; Laird, JASA 73, 1978), which is found on a grid by its convex dual (Koenker and Mizera, JASA 109,
2014). n samples tell the first n moments of G and no more: mean values of smooth functions of a are known well, others
only between limits, and the profile likelihood says which is which.

Why not the shares c/n themselves. Their spread is that of the accuracies and of the coin tosses together: with eight
samples a prompt of accuracy ½ looks like anything from ¼ to ¾. What depends on accuracies in a curved way, as pass@k
and every b do, would be wrong for ever, however many prompts there are. Nor a smooth family (a beta distribution): real
sets have prompts that are never solved and prompts that always are, and what is assumed between decides the answer.

>>> known = PromptAccuracies.of_counts(np.full(200, 8), np.random.default_rng(0).binomial(8, 0.5, 200))
>>> a = known.accuracy
>>> [round(float(spread), 2) for spread in known.mean(np.stack([a, (a - 0.5) ** 2]))]  # truly .5 and 0; of c/8 .03
[0.52, 0.01]
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2

from theory.estimation.samples import Rollouts

# A prompt of that accuracy stays below .3 % up to b = 8, and for pass@k up to k = 3,000: as good as never solved.
SMALLEST_ACCURACY = 1e-6  # above 0, on the grid
POINTS_A_SPREAD = 4.0  # grid points within a standard deviation of the estimate of one accuracy
CENTRE_STEPS = 60
GAP = 1e-3  # nats, all prompts together, by which the likelihood found may fall short of the greatest
SEARCH_STEPS = 12
CLOSE = 0.02  # relative error of the drop in log-likelihood at a limit, which moves it by half of that
LARGEST_PULL = 1e7
MOST_KINDS = 70  # pairs (n, c), whose square is the price of a step
MOST_KEPT = 32  # samples of a prompt where there are more pairs


@dataclass(frozen=True, eq=False)
class PromptAccuracies:
    """What counts of right answers say about the distribution of prompt accuracies.

    Only how many prompts have each pair (n, c) enters, so that a million prompts cost what their few dozen pairs do.
    """

    accuracy: Float[np.ndarray, " grid"]
    likelihood: Float[np.ndarray, "kinds grid"]
    """of each pair (n, c) that occurs, relative to its greatest value"""
    share: Float[np.ndarray, " kinds"]
    """of the prompts that have it"""
    prompts: int
    weight: Float[np.ndarray, " grid"]
    """of each accuracy, at the maximum of the likelihood"""

    @classmethod
    def of_counts(cls, n: Int[np.ndarray, " prompts"], correct: Int[np.ndarray, " prompts"]) -> "PromptAccuracies":
        """From c right answers out of n, prompt by prompt; thinned where there are more than 70 different pairs.

        ValueError: not 0 <= c <= n, or n < 1.
        """
        n, correct = np.broadcast_arrays(n, correct)
        if np.any((correct < 0) | (correct > n) | (n < 1)):
            raise ValueError(f"right answers must be between 0 and n >= 1, got {correct.tolist()} of {n.tolist()}")
        kinds, times = np.unique(np.stack([n, correct], axis=1), axis=0, return_counts=True)
        if len(kinds) > MOST_KINDS:
            n, correct = thinned(n, correct)
            kinds, times = np.unique(np.stack([n, correct], axis=1), axis=0, return_counts=True)
        accuracy = grid(int(n.max()))
        likelihood = _relative_likelihood(kinds[:, :1], kinds[:, 1:], accuracy)
        share = times / len(n)
        weight = _most_likely(likelihood[None], share[None], GAP / len(n))[0]
        return cls(accuracy, likelihood, share, len(n), weight)

    @classmethod
    def of_rollouts(cls, rollouts: Rollouts) -> "PromptAccuracies":
        """ValueError where rewards are not 0 and 1."""
        if not rollouts.binary:
            raise ValueError(
                "rewards must be 0 or 1 to be counted; weigh real-valued ones (theory.estimation.reweight)"
            )
        return cls.of_counts(rollouts.count, np.rint(rollouts.sum(rollouts.reward)).astype(int))

    def mean(self, values: Float[np.ndarray, "functions grid"]) -> Float[np.ndarray, " functions"]:
        """E_G[values] at the most likely G; values is one row a function, one column an accuracy of the grid."""
        return values @ self.weight

    def limits(
        self, values: Float[np.ndarray, "functions grid"], level: float = 0.95
    ) -> Float[np.ndarray, "2 functions"]:
        """The smallest and largest E_G[values] among the G whose log-likelihood is within χ²₁/2 of the greatest.

        Pulling at a mean is one more observation: t log E_G[values] beside the log-likelihood, at the t where the drop
        is as large as allowed. Where the data leave a mean open this gives all that they allow.

        χ²₁/2 is the drop of a profile likelihood at the ends of an interval for one number (Wilks). Each value is
        scaled to [½, 3/2] first, so that its logarithm is never of 0, and pulled down by pulling its complement up.
        """
        values = np.atleast_2d(values)
        low, high = values.min(axis=1), values.max(axis=1)
        span = np.where(high > low, high - low, 1.0)
        unit = (values - low[:, None]) / span[:, None]
        rows = np.concatenate([1.5 - unit, 0.5 + unit])  # what is pulled up: its complement, and the mean itself
        allowed = chi2.ppf(level, 1) / 2 / self.prompts
        ends = np.concatenate([_pulled(self, part, allowed) for part in np.array_split(rows, -(-len(rows) // 32))])
        below, above = np.split(ends, 2)
        ends = np.stack([low + span * (1.5 - below), low + span * (above - 0.5)])
        return np.clip(ends, low, high)


def grid(n: int) -> Float[np.ndarray, " grid"]:
    """Accuracies from 0 to 1: evenly in arcsin √a, whose estimate has one spread, and in log-odds near both ends.

    arcsin √(c/n) has variance 1/(4n) at nearly any a, so equal steps are equally many standard errors everywhere. Near
    0 and 1 a large b, or pass@k at a large k, tells apart what n samples do not: hence the finer steps there.
    """
    middle = np.sin(np.linspace(0, np.pi / 2, 41 + int(POINTS_A_SPREAD * np.pi * np.sqrt(n)))) ** 2
    small = np.geomspace(SMALLEST_ACCURACY, middle[1], 24)[:-1]
    return np.unique(np.concatenate([small, middle, 1 - small]))


def thinned(
    n: Int[np.ndarray, " prompts"], correct: Int[np.ndarray, " prompts"]
) -> tuple[Int[np.ndarray, " prompts"], Int[np.ndarray, " prompts"]]:
    """n cut to the largest power of 2 up to 32, and how many of that many samples, chosen at random, are right.

    A random part of a prompt's samples are samples too, only fewer: nothing is biased, and few pairs (n, c) are left.
    """
    kept = np.minimum(2 ** np.floor(np.log2(n)).astype(int), MOST_KEPT)
    return kept, np.random.default_rng(0).hypergeometric(correct, n - correct, kept)


def _relative_likelihood(n, correct, accuracy):
    """a^c (1 - a)^(n - c), divided by its greatest value over a.

    A factor of each row, which drops out of every comparison of distributions; without it all of a row of a few
    thousand samples would underflow.
    """
    with np.errstate(divide="ignore", invalid="ignore"):

        def log_likelihood(a):
            right = np.where(correct > 0, correct * np.log(a), 0.0)
            return right + np.where(n > correct, (n - correct) * np.log1p(-a), 0.0)

        return np.exp(log_likelihood(accuracy[None]) - log_likelihood(correct / n))


def _log_likelihood(likelihood, share, weight):
    """Mean over prompts, in nats; weight adds up to 1."""
    return np.sum(share * np.log(np.einsum("...jk,...k->...j", likelihood, weight)), axis=-1)


def _pulled(known, rows, allowed):
    """The mean of each row where pulling at it costs `allowed` nats a prompt of likelihood.

    The drop grows with the pull, so that a bracket on log t closes in; the first steps use that it grows as t² near the
    maximum, where the likelihood is a parabola. A pull of 1e7 that still costs too little has reached the end of what
    distributions can do.
    """
    best = _log_likelihood(known.likelihood, known.share, known.weight)
    log_t = np.full(len(rows), -0.5 * np.log(known.prompts))
    bracket = np.stack([np.full(len(rows), -np.inf), np.full(len(rows), np.inf)])
    both = np.concatenate([np.broadcast_to(known.likelihood, (len(rows), *known.likelihood.shape)), rows[:, None]], 1)
    for _ in range(SEARCH_STEPS):
        share = np.concatenate([np.broadcast_to(known.share, (len(rows), len(known.share))), np.exp(log_t)[:, None]], 1)
        weight = _most_likely(both, share, GAP / known.prompts)
        drop = np.maximum(best - _log_likelihood(known.likelihood, known.share, weight), 1e-12)
        bracket[0] = np.where(drop < allowed, np.maximum(bracket[0], log_t), bracket[0])
        bracket[1] = np.where(drop >= allowed, np.minimum(bracket[1], log_t), bracket[1])
        if np.all((np.abs(drop / allowed - 1) < CLOSE) | (log_t >= np.log(LARGEST_PULL))):
            break
        step = log_t + np.clip(np.log(allowed / drop) / 2, -3, 3)  # the drop grows as t² at first
        inside = (step > bracket[0]) & (step < bracket[1])
        halved = np.where(np.isfinite(bracket).all(axis=0), bracket.mean(axis=0), step)
        log_t = np.minimum(np.where(inside, step, halved), np.log(LARGEST_PULL))
    return np.sum(weight * rows, axis=1)


def _most_likely(likelihood, share, close):
    """Weights w >= 0 with Σ w = 1 that maximise Σ_j share_j log(A w)_j, for a stack of problems.

    Interior point on the dual, max Σ share_j log v_j with Aᵀv <= 1, for shares that add up to 1: at the optimum
    v_j (A w)_j = share_j, w_k is 0 where the constraint k is slack, and Σ w = 1 of itself, but for what is left of the
    gap.

    The dual has as many unknowns as there are kinds of counts, a few dozen, where the weights have hundreds, and a step
    solves one linear system of that size. EM, which needs no system, would take thousands of steps: it moves mass
    between neighbours of the grid only as fast as their likelihoods differ.
    """
    problems, _, points = likelihood.shape
    share = share / share.sum(axis=1, keepdims=True)
    w = np.full((problems, points), 1 / points)
    v = share / np.einsum("bjk,bk->bj", likelihood, w)
    v /= 1.2 * np.einsum("bjk,bj->bk", likelihood, v).max(axis=1, keepdims=True)
    s = 1 - np.einsum("bjk,bj->bk", likelihood, v)
    for _ in range(CENTRE_STEPS):
        if np.all(_short_of(likelihood, share, w) < close):
            break
        gap = np.sum(w * s, axis=1, keepdims=True)
        # Aiming at a tenth of the gap on the central path: less would leave the path, more would take more steps.
        tau = 0.1 * np.maximum(gap, close) / points  # a problem that is solved waits for the others
        ratio = w / s
        scaled = likelihood * v[..., None]  # steps relative to v: its entries differ by powers of ten
        hessian = (scaled * ratio[:, None]) @ scaled.transpose(0, 2, 1)
        diagonal = np.arange(share.shape[1])
        hessian[:, diagonal, diagonal] += share
        slope = share - np.einsum("bjk,bk->bj", scaled, tau / s)
        dv = v * np.linalg.solve(hessian, slope[..., None])[..., 0]
        ds = -np.einsum("bjk,bj->bk", likelihood, dv)
        dw = tau / s - w - ratio * ds
        # Not quite to the border, where a variable that must not be 0 yet would be stuck at it.
        forward = 0.99 * _longest(np.concatenate([v, s], 1), np.concatenate([dv, ds], 1))
        v, s = v + forward * dv, s + forward * ds
        w = w + 0.99 * _longest(w, dw) * dw
    return w / w.sum(axis=1, keepdims=True)


def _short_of(likelihood, share, w):
    """How far the log-likelihood of w, brought to a sum of 1, lies at most below the greatest: its steepest slope."""
    w = w / w.sum(axis=1, keepdims=True)
    return np.max(np.einsum("bjk,bj->bk", likelihood, share / np.einsum("bjk,bk->bj", likelihood, w)), axis=1) - 1


def _longest(values, change):
    """The largest step up to 1/.99 that leaves everything >= 0, problem by problem."""
    with np.errstate(over="ignore"):
        steps = np.divide(-values, change, out=np.full(values.shape, np.inf), where=change < 0)
    return np.minimum(steps.min(axis=1, keepdims=True), 1 / 0.99)
