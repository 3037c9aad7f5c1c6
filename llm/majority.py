"""maj@k of a reweighted base model: k draws of a prompt's samples vote; no answer is no vote, ties are shared."""

import numpy as np
from jaxtyping import Float

from llm.rollout_file import Rollouts

VOTES = 256  # simulated votes a prompt
MOST_PROMPTS = 500


def majority_accuracy(
    rollouts: Rollouts, weight: Float[np.ndarray, " rows"], k: int, generator: np.random.Generator
) -> Float[np.ndarray, " prompts"]:
    """P(the right answer wins a vote among k draws), prompt by prompt, by simulation.    [T22]

    Beyond 500 prompts the rest are nan: the interval over 500 prompts is wider than what more would teach.
    """
    result = np.full(len(rollouts.start), np.nan)
    chosen = range(len(result))
    if len(result) > MOST_PROMPTS:
        chosen = generator.choice(len(result), MOST_PROMPTS, replace=False)
    end = rollouts.start + rollouts.count
    for prompt in chosen:
        rows = slice(rollouts.start[prompt], end[prompt])
        answers, which = np.unique(rollouts.vote[rows], return_inverse=True)
        share = np.bincount(which, weight[rows])
        votes = generator.multinomial(k, share / share.sum(), size=VOTES)[:, answers >= 0]
        right = answers[answers >= 0] == rollouts.right_vote[prompt]
        if right.any():
            most = votes.max(axis=1)
            winners = (votes == most[:, None]) & (most[:, None] > 0)
            result[prompt] = np.mean(winners[:, right].ravel() / np.maximum(winners.sum(axis=1), 1))
        else:
            result[prompt] = 0.0
    return result
