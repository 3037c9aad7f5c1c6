"""What runs with a task reward reach at a given KL from the base model: the yardstick for every other run.    [T5]"""

from collections.abc import Sequence

import numpy as np

from figures.study.ends import End, Estimate


def reward_at(kl: Estimate, base: End, rewarded: Sequence[End]) -> Estimate:
    """Accuracy on the chords through the held-out ends (KL, accuracy) of the base model and the reward arms.

    The chord from run 1 to run 2 can be had by anyone who has both: picking run 2 with probability λ has accuracy
    (1-λ)A₁ + λA₂, and at most the KL (1-λ)KL₁ + λKL₂, for KL is convex. So it is no more than a task reward can do at
    that KL; the best, q_{1,b}, is concave in KL and lies above its chords. Beyond the last run the largest accuracy
    stands: more KL is allowed, not needed.

    The ends are sounder than the moving mean along a reward run: the same prompts as those of the run that is compared
    (paired), not the training prompts; a policy that has settled, not one that moves within the window; and no best of
    many noisy points. nan: there is no reward arm.
    """
    if not rewarded:
        return Estimate(np.nan, np.full_like(kl.draws, np.nan))
    points = [base, *rewarded]
    value = _on_chords(kl.value, *([getattr(p, q).value for p in points] for q in ("kl", "accuracy")))
    at = np.stack([p.kl.draws for p in points], axis=1), np.stack([p.accuracy.draws for p in points], axis=1)
    return Estimate(value, np.array([_on_chords(*draw) for draw in zip(kl.draws, *at, strict=True)]))


def _on_chords(kl, kls, accuracies) -> float:
    order = np.argsort(kls)
    return float(np.interp(kl, np.take(kls, order), np.take(accuracies, order), right=np.max(accuracies)))
