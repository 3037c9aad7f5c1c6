"""Sharpening without its pull on length: what is taken off the score t = (alpha - 1) log p + b r of a response.

    trajectory-balance    λ_x |y|, with E_p[e^{t - λ_x |y|}] = 1 on each prompt x                      [T20; 2603.18363]
    content               log E_p[e^t | L, x]: the lengths keep their distribution                               [T18]
    ignore-eos            nothing; in training all responses go on to the length limit          [the paper's "fixed"]

The first two are rewards that depend on length alone, so that T1 holds as it stands: the optimum is p e^t less them.
Of the third base rollouts say nothing: they end where the responses end.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from scipy.special import logsumexp

from theory.estimation.length_term import Rows, length_class

Group = Int[np.ndarray, " rows"]


def balance_return(prompts: Sequence, log_p: Rows, log_pi: Rows, length: Rows, alpha: float) -> Rows:
    """(u - mean u)/|y| with u = (alpha log p - log π)/|y|, the mean over the responses to the same prompt.    [T20]

    The gradient of ½ E_π[(log π - alpha log p + λ|y|)²/|y|²] with respect to π's log-probabilities, less its sign; the
    mean of u is the λ that makes the square smallest. It vanishes where u is the same for all y: at p^alpha e^{-λ|y|}.
    """
    rate = (alpha * log_p - log_pi) / length
    return (rate - _mean_of_group(rate, _groups(prompts))[0]) / length


def content_return(prompts: Sequence, log_p: Rows, log_pi: Rows, length: Rows, alpha: float) -> Rows:
    """u less the mean of u over the other responses to the same prompt that are as long, u = alpha log p - log π;
    plus the log of the mean of p/π over the other responses as long to any prompt.    [T18]

    The first part is 0 on average for every L and prompt, so that it does not pull on length, and within each L it
    vanishes where u is the same for all y: at p^alpha. A replicator flow keeps p(L) by it alone; a network, whose
    prompts share weights, drifts. The second part estimates log p(L)/π(L), pooled over prompts, and takes it back.
    A response that has no equal in length says nothing.
    """
    equally_long = length_class(length)
    value = alpha * log_p - log_pi
    mean, size = _mean_of_group(value, _groups(prompts, equally_long))
    log_ratio = np.zeros(len(value))
    for known in np.unique(equally_long):
        rows = np.flatnonzero(equally_long == known)
        if len(rows) > 1:
            log_ratio[rows] = _log_mean_of_others((log_p - log_pi)[rows])
    return (value - mean) * size / np.maximum(size - 1, 1) + log_ratio


def _log_mean_of_others(values: Rows) -> Rows:
    """log of the mean of e^values over all rows but each one."""
    heaviest = int(np.argmax(values))
    weight = np.exp(values - values[heaviest])
    rest = np.log(np.maximum(weight.sum() - weight, 1.0)) + values[heaviest]
    rest[heaviest] = logsumexp(np.delete(values, heaviest))  # the difference above would lose it to rounding
    return rest - np.log(len(values) - 1)


def _groups(prompts: Sequence, classes: Group | None = None) -> Group:
    """A number for each row, the same for rows of the same prompt (and class)."""
    prompt = np.unique([str(prompt) for prompt in prompts], return_inverse=True)[1]
    if classes is None:
        return prompt
    return np.unique(np.stack([prompt, classes]), axis=1, return_inverse=True)[1].ravel()


def _mean_of_group(values: Rows, group: Group) -> tuple[Rows, Group]:
    """Row by row, the mean of its group and the number of its members."""
    size = np.bincount(group)
    return (np.bincount(group, values) / size)[group], size[group]
