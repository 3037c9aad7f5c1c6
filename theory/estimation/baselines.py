"""What a forecast of sharpening has to beat: the correlation of reward and log p times what a reward would gain.

A forecast is worth its trouble where it is nearer to what a run does than this, scored on the same runs. Close to the
base model the correlation says all that there is to say, in one line; what it does not ask is how far the curve bends.
"""

import numpy as np

from theory.budget import gain_ratio
from theory.estimation.counts import gain_at_budget
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.samples import Rollouts


def correlation_times_reward(rollouts: Rollouts, kl: float) -> float:
    """Corr(r, log p) · gain of the task reward at that KL: what sharpening gains there, to first order in √KL.    [T5]

    Both curves start as √KL, and the correlation is the ratio of their starts. It holds as long as both are still
    square roots: too much is promised where the reward's curve bends less than that of sharpening.
    nan where r or log p is constant within prompts. ValueError: rewards that are not 0 and 1.
    """
    (reward,) = gain_at_budget(PromptAccuracies.of_rollouts(rollouts), [kl])
    return float(correlation(rollouts) * reward.gain.value)


def correlation(rollouts: Rollouts) -> float:
    """Corr(r, log p) within prompts, from covariances pooled over prompts with n - 1 in each; nan as above.    [T5]

    A quotient of means, not a mean of quotients: a prompt that is always right has no correlation of its own, and one
    of few samples a wild one. Pooled, each prompt adds to all three moments what it knows of them.
    """
    r, log_p = (x - rollouts.each(rollouts.mean(x)) for x in (rollouts.reward, rollouts.log_p))

    def covariance(x, y):  # a single sample adds nothing to any of the three, whose scale does not count
        return np.mean(rollouts.sum(x * y) / np.maximum(rollouts.count - 1, 1))

    return float(gain_ratio(covariance(r, log_p), covariance(log_p, log_p), covariance(r, r)))
