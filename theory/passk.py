"""pass@k and maj@k: their unbiased estimates from n samples, their curves over prompts, and where curves cross.

pass@k asks whether any of k samples is right, maj@k whether the most frequent answer among k is. The first rewards
variety, the second agreement, so a change of the model may raise one and lower the other: sharpening narrows, which
helps a vote whose majority is right and hurts a search that needs one lucky sample.

Both are estimated from n >= k samples by the mean over all choices of k of them. That is unbiased, because each choice
is k fresh samples by itself, and has less noise than any one choice.
"""

from typing import overload

import numpy as np
from jaxtyping import Float, Int

from theory.distribution import checked_whole, plain

Count = int | np.integer | Int[np.ndarray, "*#prompts"]


@overload
def pass_at_k(n: int | np.integer, c: int | np.integer, k: int) -> float: ...
@overload
def pass_at_k(n: Count, c: Int[np.ndarray, "*#prompts"], k: int) -> Float[np.ndarray, "*prompts"]: ...
@overload
def pass_at_k(n: Int[np.ndarray, "*#prompts"], c: int | np.integer, k: int) -> Float[np.ndarray, "*prompts"]: ...
def pass_at_k(n: Count, c: Count, k: int) -> Float[np.ndarray, "*prompts"] | float:
    """1 - C(n-c, k)/C(n, k): the chance that k of n samples, c of them correct, hold a correct one.
    [T22; 2107.03374]

    Unbiased for 1 - (1-A)^k. As a product of k ratios, so exact to rounding at any n. 1 when k > n - c.
    ValueError: not 0 <= c <= n, not 1 <= k <= n, or one that is no whole number.

    Putting c/n for A into 1 - (1-A)^k would be too low on average, since that is concave in A (Jensen), and most where
    k is near n. k = 1 is c/n. Beyond n nothing unbiased exists: `theory.estimation.counts` has limits there.

    >>> round(pass_at_k(n=10, c=3, k=2), 4)
    0.5333
    """
    n, c = np.broadcast_arrays(checked_whole(n, "n"), checked_whole(c, "c"))
    if np.any((c < 0) | (c > n)):
        raise ValueError(f"c must be between 0 and n, got c = {c.tolist()} of n = {n.tolist()}")
    _check_k(k, np.min(n))
    drawn = np.arange(k)
    misses = np.maximum(n[..., None] - c[..., None] - drawn, 0) / (n[..., None] - drawn)
    return plain(1 - np.prod(misses, axis=-1))


def population_pass_at_k(accuracy: Float[np.ndarray, " prompts"], k: float) -> float:
    """pass@k = 1 - E_x[(1 - A_x)^k] over prompts x, for any real k > 0.    [T22]

    At k = 1 the mean accuracy, as k grows the share of prompts that are ever solved. At equal mean accuracy it is the
    smaller, for k > 1, the more accuracies differ between prompts (the mean is of a concave function): all prompts
    solved half the time beat half of them solved always.

    >>> [round(population_pass_at_k(np.array(a), k=4), 3) for a in ([0.5, 0.5], [0.0, 1.0])]
    [0.938, 0.5]
    """
    _check_accuracy(accuracy, "accuracy")
    if not k > 0:
        raise ValueError(f"k must be > 0, got {k}")
    with np.errstate(divide="ignore"):  # a prompt always answered: log 0, and exp(-inf) = 0
        return float(-np.mean(np.expm1(k * np.log1p(-np.asarray(accuracy)))))


def crossover(
    accuracy: Float[np.ndarray, " prompts"], other: Float[np.ndarray, " other_prompts"], largest_k: float = 2**20
) -> float:
    """The smallest real k > 1 where the two pass@k curves meet; nan if they do not up to largest_k.    [T22]

    Sharpening can raise pass@1 and lower pass@k: beyond this k the unsharpened model is the better one.
    The curves are compared at powers of 2^(1/8), so that two meetings closer than that are missed together.
    Real k, because a bracket is halved; between whole numbers the curve is what its formula says there.
    """

    def lead(k):
        return population_pass_at_k(accuracy, k) - population_pass_at_k(other, k)

    # Powers with a common factor, because a curve changes with log k: between 1,000 and 1,001 samples nothing happens.
    ks = 2 ** np.arange(0, np.log2(largest_k) + 1e-9, 0.125)
    leads = np.array([lead(k) for k in ks])
    # Differences of rounding size are a tie of the curves (at large k both are at their ceiling), not a lead.
    leads[np.abs(leads) < 1e-13] = 0.0
    ahead = np.flatnonzero(leads)
    turns = ahead[1:][np.sign(leads[ahead[1:]]) != np.sign(leads[ahead[:-1]])]
    if not len(turns):
        return np.nan

    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    before = ahead[np.searchsorted(ahead, turns[0]) - 1]
    return brentq(lead, ks[before], ks[turns[0]], xtol=1e-12)


def majority_at_k(counts: Int[np.ndarray, " answers"], k: int) -> Float[np.ndarray, " answers"]:
    """P(each answer wins a vote among k of the n = Σ counts samples), exactly; tied answers share the win.    [T22]

    maj@k is the entry of the correct answer. Samples without an answer are no votes: leave them out of counts.
    Drawn without replacement; the counts among k are independent binomials given that they add up to k.
    ValueError: a negative count, not 1 <= k <= n, or one that is no whole number.

    >>> majority_at_k(np.array([3, 2, 1]), k=3).round(3)  # six samples, of which three vote
    array([0.6, 0.3, 0.1])
    """
    counts = checked_whole(counts, "counts")
    if np.any(counts < 0):
        raise ValueError(f"counts must be >= 0, got {counts.tolist()}")
    n = int(counts.sum())
    _check_k(k, n)
    pmf = np.zeros((len(counts), k + 1))
    for row, count in zip(pmf, counts, strict=True):
        row[: count + 1] = _binomial(int(count), k / n)[: k + 1]
    return shared_wins(pmf, k)


def shared_wins(votes_pmf: Float[np.ndarray, "answers votes"], k: int) -> Float[np.ndarray, " answers"]:
    """P(each answer has the most of k votes, ties shared), for independent vote counts given that they sum to k.

    An answer with j votes and t ties wins 1/(t+1); the others are convolved over (votes so far, ties so far).
    Listing all outcomes would take as many terms as there are ways to divide k votes; one answer at a time it is a
    polynomial in k and the number of answers. Answers with the same law of votes are counted once.
    """
    rows, which = np.unique(votes_pmf, axis=0, return_inverse=True)
    wins = np.zeros(len(rows))
    for i in range(len(rows)):
        others = np.delete(votes_pmf, np.flatnonzero(which == i)[0], axis=0)
        # With fewer than k/answers votes nobody has the most.
        for j in range(-(-k // len(votes_pmf)), k + 1):
            if rows[i, j]:
                ways = _ways(others, j, k - j)
                wins[i] += rows[i, j] * np.sum(ways / np.arange(1, len(ways) + 1))
    wins = wins[which]
    return wins / wins.sum()  # someone wins: the sum is the probability of k votes


def _ways(votes_pmf, most, total):
    """P(the answers share `total` votes, none more than `most`, t of them exactly `most`), by t.

    state[t, v] is the probability that the answers so far have v votes among them, t of them the most. Each further
    answer either stays below (a convolution in v) or reaches the most itself (a shift in both).
    """
    state = np.zeros((total // most + 1, total + 1))
    state[0, 0] = 1.0
    for pmf in votes_pmf:
        # All terms are positive, and this convolution is the plain sum of products: nothing cancels.
        new = np.stack([np.convolve(row, pmf[: min(most, total + 1)])[: total + 1] for row in state])
        if most <= total and pmf[most]:
            new[1:, most:] += pmf[most] * state[:-1, : total + 1 - most]
        state = new
    return state[:, total]


def _binomial(count, share):
    """The binomial distribution over 0 .. count, coin by coin: all terms are positive, so nothing cancels."""
    pmf = np.ones(1)
    for _ in range(count):
        pmf = np.convolve(pmf, [1 - share, share])
    return pmf


def _check_k(k, n):
    checked_whole(k, "k")
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the {n} samples, got {k}")


def _check_accuracy(accuracy, name):
    if np.any(~((np.asarray(accuracy) >= 0) & (np.asarray(accuracy) <= 1))):
        raise ValueError(f"{name} must be between 0 and 1, got {np.asarray(accuracy).tolist()}")
