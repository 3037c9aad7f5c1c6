"""What runs with a task reward reach at a given KL from the base model: the yardstick for every other run.    [T5]"""

from collections.abc import Sequence

import numpy as np

from figures.study.ends import ArmEnd
from theory.budget import accuracy_by_mixing
from theory.estimation.intervals import Resampled, function_of


def reward_at(kl: Resampled, base: ArmEnd, rewarded: Sequence[ArmEnd]) -> Resampled:
    """Accuracy at this KL on the chords through the ends of the base model and the reward arms, on held-out prompts.

    The ends are sounder than the moving mean along a reward run: the same prompts as those of the run that is compared
    (paired), not the training prompts; a policy that has settled, not one that moves within the window; and no best of
    many noisy points. nan: there is no reward arm.
    """
    if not rewarded:
        return function_of(lambda value: np.full_like(value, np.nan), kl)
    points = [base, *rewarded]
    return function_of(_by_mixing, kl, *(point.kl for point in points), *(point.accuracy for point in points))


def _by_mixing(kl, *points):
    """Once for the value, and for each draw."""
    kls, accuracies = np.split(np.array(points), 2)
    if np.ndim(kl) == 0:
        return accuracy_by_mixing(float(kl), kls, accuracies)
    return np.array([accuracy_by_mixing(*draw) for draw in zip(kl, kls.T, accuracies.T, strict=True)])
