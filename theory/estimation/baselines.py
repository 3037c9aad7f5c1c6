"""What a forecast has to beat: predictions of a gain in accuracy that take a line each.

A forecast is worth its trouble where it is nearer to what a run does than all of these, scored on the same runs. Each
is a gain over the base model, mean over prompts; rewards are 0 and 1.
"""

import numpy as np
from scipy.special import xlogy

from theory.budget import gain_ratio
from theory.estimation.best_of_k import accuracy_of_likeliest
from theory.estimation.counts import gain_at_budget
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.samples import Rollouts
from theory.passk import pass_at_k


def no_change(rollouts: Rollouts) -> float:
    """0: training does nothing. Hard to beat where steps are few or the learning rate is small."""
    return 0.0


def pass_at_large_k(rollouts: Rollouts, k: int) -> float:
    """pass@k - accuracy: a task reward makes always right what k samples of the base model hold once.    [T22, T24]

    Within the samples it is counted; beyond those of any prompt, taken at the likeliest distribution of accuracies.
    ValueError: rewards that are not 0 and 1, k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    known = PromptAccuracies.of_rollouts(rollouts)
    if k > rollouts.count.min():
        return float(known.mean(1 - np.exp(xlogy(k, 1 - known.accuracy[None])) - known.accuracy)[0])
    right = np.rint(rollouts.sum(rollouts.reward)).astype(int)
    return float(np.mean(pass_at_k(rollouts.count, right, k) - right / rollouts.count))


def best_of_n(rollouts: Rollouts) -> float:
    """Sharpening ends at the likeliest of a prompt's samples; n the smallest number of them.    [T4]"""
    return float(np.mean(accuracy_of_likeliest(rollouts, int(rollouts.count.min())) - rollouts.mean(rollouts.reward)))


def correlation_times_reward(rollouts: Rollouts, kl: float) -> float:
    """Corr(r, log p) · gain of the task reward at that KL: what sharpening gains there, to first order in √KL.    [T5]

    nan where r or log p is constant within prompts. ValueError: rewards that are not 0 and 1.
    """
    (reward,) = gain_at_budget(PromptAccuracies.of_rollouts(rollouts), [kl])
    return float(correlation(rollouts) * reward.gain.value)


def correlation(rollouts: Rollouts) -> float:
    """Corr(r, log p) within prompts, from covariances pooled over prompts with n - 1 in each; nan as above.    [T5]"""
    r, log_p = (x - rollouts.each(rollouts.mean(x)) for x in (rollouts.reward, rollouts.log_p))
    several = rollouts.count > 1

    def covariance(x, y):
        return np.mean((rollouts.sum(x * y) / np.maximum(rollouts.count - 1, 1))[several]) if several.any() else np.nan

    return float(gain_ratio(covariance(r, log_p), covariance(log_p, log_p), covariance(r, r)))
