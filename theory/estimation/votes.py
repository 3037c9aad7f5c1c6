"""maj@k of a reweighted base model: k draws of a prompt's samples vote; no answer is no vote, ties are shared.

The samples with their weights stand for the target, so k voters are k draws from them with replacement. That is a vote
of the target only as long as several samples carry weight: with one effective sample all voters say the same. By
simulation, because the exact vote (`theory.voting.vote_reward`) takes long where there are many answers, and the noise
of 256 votes is small beside that of prompts.
"""

import numpy as np
from jaxtyping import Float, Int

from theory.estimation.samples import Rollouts

VOTES = 256  # simulated votes a prompt


def majority_accuracy(
    rollouts: Rollouts,
    weight: Float[np.ndarray, " rows"],
    k: int,
    prompts: Int[np.ndarray, " chosen"],
    generator: np.random.Generator,
) -> Float[np.ndarray, " chosen"]:
    """P(the right answer wins a vote among k draws) on the chosen prompts, by simulation.    [T22]

    0 where no sample gave the right answer: it cannot be elected, whatever the weights. weight need not add up to one
    within a prompt. Only counts of answers matter, so a vote is one multinomial draw and not k.
    The standard error of 256 votes is at most .03 a prompt, and .001 in the mean over 500 of them.
    """
    result = np.zeros(len(prompts))
    end = rollouts.start + rollouts.count
    for i, prompt in enumerate(prompts):
        rows = slice(rollouts.start[prompt], end[prompt])
        answers, which = np.unique(rollouts.vote[rows], return_inverse=True)
        share = np.bincount(which, weight[rows])
        votes = generator.multinomial(k, share / share.sum(), size=VOTES)[:, answers >= 0]
        right = answers[answers >= 0] == rollouts.correct_vote[prompt]
        if right.any():
            most = votes.max(axis=1)
            winners = (votes == most[:, None]) & (most[:, None] > 0)
            result[i] = np.mean(winners[:, right].ravel() / np.maximum(winners.sum(axis=1), 1))
    return result
