"""The numbers that a model is judged by, prompt by prompt: pass@k, maj@k, best of k by log p, length, truncation, KL.

All are unbiased in the n samples of a prompt (k <= n): averages over every choice of k of them, not over one. Averaged
over prompts they are the table's numbers; their spread over prompts gives its intervals (theory.estimation.intervals).
"""

import functools

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.special import gammaln
from scipy.stats import hypergeom

from llm.rollout_table import from_table
from theory.estimation.samples import Rollouts
from theory.passk import majority_at_k, pass_at_k

KL_ESTIMATOR = "k1: mean of log pi - log p over the policy's own samples, nats a response"


def prompt_statistics(table: pd.DataFrame, ks: tuple[int, ...], name: str = "table") -> pd.DataFrame:
    """One row a prompt, indexed by prompt_id; a k beyond a prompt's samples is an error, an unknown KL is nan."""
    rollouts = from_table(table, name)
    if not rollouts.binary:
        raise ValueError(f"ROLLOUTS {name} has rewards between 0 and 1; pass@k counts right answers, so use 0 and 1")
    too_few = rollouts.count.min()
    if max(ks) > too_few:
        raise ValueError(f"--ks {max(ks)} is more than the {too_few} samples that ROLLOUTS {name} has of a prompt")
    columns: dict[str, np.ndarray] = {}
    for k in ks:
        columns[f"pass@{k}"] = pass_at_k(rollouts.count, rollouts.sum(rollouts.reward).astype(int), k)
    for k in ks:
        columns[f"maj@{k}"] = _by_prompt(rollouts, lambda rows, right, k=k: _maj_at_k(rollouts.vote[rows], right, k))
    for k in ks:
        columns[f"best-of-{k}"] = _by_prompt(
            rollouts, lambda rows, _, k=k: best_of_k(rollouts.log_p[rows], rollouts.reward[rows], k)
        )
    columns["length"] = rollouts.mean(rollouts.length)
    columns["truncated"] = rollouts.mean(1.0 - rollouts.finished)
    columns["log_p"] = rollouts.mean(rollouts.log_p)
    log_pi = table["log_pi"] if "log_pi" in table else np.nan
    ratio = (log_pi - table["log_p"]).groupby(table["prompt_id"], sort=False).mean()
    columns["kl"] = ratio.reindex(rollouts.prompt_id).to_numpy(float)
    return pd.DataFrame(columns, index=pd.Index(rollouts.prompt_id, name="prompt_id"))


def maj_at_k(counts: Int[np.ndarray, " answers"], right: Bool[np.ndarray, " answers"], blank: int, k: int) -> float:
    """P(a vote among k of a prompt's n = Σ counts + blank samples elects a right answer).    [T22]

    Σ_j P(j of the k gave an answer) · P(right wins among j): blanks are no votes, tied answers share the win, and with
    no vote at all nothing is elected. ValueError: not 1 <= k <= n.
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
    """
    n = len(log_p)
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the {n} samples, got {k}")
    _, level = np.unique(log_p, return_inverse=True)
    mean_reward = np.bincount(level, reward) / np.bincount(level)
    rank = np.arange(k, n + 1)  # the k - 1 least likely are never the best
    log_share = (gammaln(rank) - gammaln(rank - k + 1) - gammaln(k)) - (
        gammaln(n + 1) - gammaln(n - k + 1) - gammaln(k + 1)
    )
    return float(np.exp(log_share) @ mean_reward[np.sort(level)][k - 1 :])


def _maj_at_k(vote: Int[np.ndarray, " samples"], right_vote: int, k: int) -> float:
    answers, counts = np.unique(vote[vote >= 0], return_counts=True)
    return maj_at_k(counts, answers == right_vote, int(np.sum(vote < 0)), k)


def _by_prompt(rollouts: Rollouts, statistic) -> np.ndarray:
    """statistic(rows of a prompt, number of its right answer), for every prompt."""
    ends = rollouts.start + rollouts.count
    rows = (slice(start, end) for start, end in zip(rollouts.start, ends, strict=True))
    return np.array([statistic(row, int(right)) for row, right in zip(rows, rollouts.right_vote, strict=True)])


def summarise(rollouts) -> dict[str, float]:
    """accuracy, length, log_p, kl, entropy, finished of a table; each with NAME_se, the standard error over prompts.

    kl is E_pi[log pi - log p] and entropy the token entropies summed along a response (chain rule), both in nats a
    response and both estimated from the policy's own samples.
    """
    columns = pd.DataFrame(
        {
            "prompt_id": rollouts["prompt_id"],
            "accuracy": rollouts["reward"],
            "length": rollouts["length"],
            "log_p": rollouts["log_p"],
            "kl": rollouts["log_pi"] - rollouts["log_p"],
            "entropy": rollouts["entropy"],
            "finished": rollouts["finished"],
        }
    ).astype({"finished": float})
    by_prompt = columns.groupby("prompt_id").mean()
    spread = by_prompt.std(ddof=1) / np.sqrt(len(by_prompt))
    return {
        **{name: float(by_prompt[name].mean()) for name in by_prompt},
        **{f"{name}_se": float(spread[name]) for name in by_prompt},
    }
