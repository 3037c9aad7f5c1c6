"""What a model is judged by, prompt by prompt: pass@k, maj@k, best of k by log p, length, truncation, KL.

All are unbiased in the n samples of a prompt (k <= n): averages over every choice of k of them, not over one. Averaged
over prompts they are the table's numbers; their spread over prompts gives its intervals (theory.estimation.intervals).

pass@k wants variety, maj@k agreement, best of k a log p that knows what is right: three different virtues of the same
samples. k = 1 is accuracy for pass@k and best of k alike, and for maj@k where every sample has an answer.
"""

import functools
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import hypergeom

from theory.estimation.best_of_k import share_of_rank
from theory.estimation.samples import Rollouts
from theory.passk import majority_at_k, pass_at_k

KL_ESTIMATOR = "k1: mean of log pi - log p over the policy's own samples, nats a response"


def prompt_statistics(rollouts: Rollouts, ks: tuple[int, ...]) -> dict[str, Float[np.ndarray, " prompts"]]:
    """One number a prompt and quantity; an unknown KL is nan. ValueError: a k beyond a prompt's samples.

    Where rewards are not 0 and 1, pass@k and maj@k, which count correct answers, are nan, and the mean reward is added.
    Where answers are not known, maj@k is nan.
    """
    fewest = int(rollouts.count.min())
    if max(ks) > fewest:
        raise ValueError(f"{fewest} samples of a prompt, fewer than k = {max(ks)}; sample more, or ask for a smaller k")
    correct = rollouts.sum(rollouts.reward).astype(int)
    columns = {} if rollouts.binary else {"reward": rollouts.mean(rollouts.reward)}
    columns |= {f"pass@{k}": pass_at_k(rollouts.count, correct, k) for k in ks}
    columns |= {f"maj@{k}": _by_prompt(rollouts, functools.partial(_maj_at_k, rollouts, k=k)) for k in ks}
    if not rollouts.binary:
        columns |= {name: np.full(len(rollouts.start), np.nan) for name in columns if name.startswith(("pass", "maj"))}
    if not rollouts.answers_known:
        columns |= {f"maj@{k}": np.full(len(rollouts.start), np.nan) for k in ks}
    columns |= {f"best-of-{k}": _by_prompt(rollouts, functools.partial(_best_of_k, rollouts, k=k)) for k in ks}
    columns["length"] = rollouts.mean(rollouts.length)
    columns["truncated"] = rollouts.mean(1.0 - rollouts.finished)
    columns["log_p"] = rollouts.mean(rollouts.log_p)
    known = rollouts.log_pi is not None
    columns["kl"] = rollouts.mean(rollouts.log_pi - rollouts.log_p) if known else np.full(len(rollouts.start), np.nan)
    return columns


def maj_at_k(counts: Int[np.ndarray, " answers"], right: Bool[np.ndarray, " answers"], blank: int, k: int) -> float:
    """P(a vote among k of a prompt's n = Σ counts + blank samples elects a right answer).    [T22]

    Σ_j P(j of the k gave an answer) · P(right wins among j): blanks are no votes, tied answers share the win, and with
    no vote at all nothing is elected. ValueError: not 1 <= k <= n.

    Of k drawn without replacement the number of answers is hypergeometric, and given it they are a draw from the
    answers alone. So more blanks mean fewer voters, not votes for a wrong answer.

    >>> counts, right = np.array([3, 2, 1]), np.array([True, False, False])
    >>> [round(maj_at_k(counts, right, blank, k=3), 3) for blank in (0, 2)]
    [0.6, 0.536]
    """
    answered = int(np.sum(counts))
    if not 1 <= k <= answered + blank:
        raise ValueError(f"k must be between 1 and the {answered + blank} samples, got {k}")
    order = np.argsort(counts)
    total = 0.0
    for votes in range(max(1, k - blank), min(k, answered) + 1):
        chance = hypergeom.pmf(votes, answered + blank, answered, k)
        total += chance * _wins(tuple(int(c) for c in counts[order]), votes)[right[order]].sum()
    return float(total)


@functools.lru_cache(maxsize=20_000)
def _wins(counts: tuple[int, ...], votes: int) -> np.ndarray:
    # Prompts share few patterns of counts, and the exact vote is not cheap.
    return majority_at_k(np.array(counts), votes)


def best_of_k(log_p: Float[np.ndarray, " samples"], reward: Float[np.ndarray, " samples"], k: int) -> float:
    """E[reward of the likeliest of k samples drawn without replacement from n].

    The i-th in ascending log p is the likeliest of C(i-1, k-1) of the C(n, k) choices. Equal log p share their places.
    k = 1 is the mean reward; k = n that of the likeliest sample. It is a way of sharpening without training.

    >>> best_of_k(np.array([-1.0, -2.0, -3.0, -4.0]), np.array([0.0, 1.0, 1.0, 0.0]), k=2)  # wrong in 3 of 6 choices
    0.5
    """
    n = len(log_p)
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the {n} samples, got {k}")
    _, level = np.unique(log_p, return_inverse=True)
    mean_reward = np.bincount(level, reward) / np.bincount(level)
    return float(share_of_rank(n, k) @ mean_reward[np.sort(level)])


def _maj_at_k(rollouts: Rollouts, rows: slice, correct_vote: int, k: int) -> float:
    vote = rollouts.vote[rows]
    answers, counts = np.unique(vote[vote >= 0], return_counts=True)
    return maj_at_k(counts, answers == correct_vote, int(np.sum(vote < 0)), k)


def _best_of_k(rollouts: Rollouts, rows: slice, correct_vote: int, k: int) -> float:
    return best_of_k(rollouts.log_p[rows], rollouts.reward[rows], k)


def _by_prompt(rollouts: Rollouts, statistic: Callable[[slice, int], float]) -> Float[np.ndarray, " prompts"]:
    """statistic(rows of a prompt, number of its correct answer), for every prompt.

    One prompt at a time, because votes are a search over patterns of counts and not one sum over rows.
    """
    prompts = zip(rollouts.prompt_rows(), rollouts.correct_vote, strict=True)
    return np.array([statistic(rows, int(correct)) for rows, correct in prompts])
