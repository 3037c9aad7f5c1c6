"""When to stop sharpening: a batch sees whether its right responses are still likelier than its wrong ones (T29).

On its way along alpha a policy's accuracy changes at the rate E_x Cov(r, log p | x), taken under the policy of the
moment: A(1-A) times the mean log p of right responses less that of wrong ones. It is 0 at the alpha where accuracy is
highest. The groups of a step estimate it without bias, whatever their size, and noisily.
"""

from collections.abc import Sequence

import numpy as np

from theory.estimation.length_term import Rows

WINDOW = 10  # steps whose mean is looked at
ERRORS = 2.0  # standard errors of it that count as a sign


def within_prompts(prompts: Sequence, reward: Rows, log_p: Rows) -> dict[str, float]:
    """accuracy_slope = mean over prompts of the sample covariance of r and log p; reward_variance likewise.    [T29]

    Divisor n - 1, so that the mean over groups is that of all samples; prompts with one sample say nothing and are left
    out. Their ratio, over any number of steps or processes, is `log_p_right_minus_wrong`. Empty if nothing is left.
    """
    group = np.unique([str(prompt) for prompt in prompts], return_inverse=True)[1]
    size = np.bincount(group)
    several = size > 1
    if not several.any():
        return {}

    def covariance(f: Rows, g: Rows) -> float:
        """Of the samples of a prompt, the mean over prompts."""
        centred = f - (np.bincount(group, f) / size)[group]
        return float(np.mean(np.bincount(group, centred * g)[several] / (size[several] - 1)))

    return {"accuracy_slope": covariance(reward, log_p), "reward_variance": covariance(reward, reward)}


def log_p_right_minus_wrong(means: dict[str, float]) -> dict[str, float]:
    """Mean log p of right responses less that of wrong ones, prompts weighted by A(1-A), in nats.    [T29]

    For a reward of 0 or 1 Cov(r, log p) is A(1-A) times that difference and Var r is A(1-A). Its sign is the sign of
    accuracy's slope along alpha. Left out of a step in which every prompt has only right or only wrong responses.
    """
    if not means.get("reward_variance", 0.0) > 0:
        return {}
    return {"log_p_right_minus_wrong": means["accuracy_slope"] / means["reward_variance"]}


def turning_step(metrics: Sequence[dict[str, float]]) -> dict[str, float | int | None]:
    """What the steps of a run say of its turning point: early and late slope, and the step where it turned negative.

    Means of WINDOW steps count as positive or negative beyond ERRORS standard errors. turned_at is the last step of the
    first negative window after a positive one, None if there is no such; a run that begins beyond its best alpha has a
    negative first slope and no turn. An empty dict if fewer than WINDOW steps have a slope.
    """
    known = [(int(row["step"]), row["accuracy_slope"]) for row in metrics if "accuracy_slope" in row]
    if len(known) < WINDOW:
        return {}
    slopes = np.lib.stride_tricks.sliding_window_view(np.array([slope for _, slope in known]), WINDOW)
    mean = slopes.mean(axis=1)
    error = slopes.std(axis=1, ddof=1) / WINDOW**0.5
    sign = np.where(mean > ERRORS * error, 1, np.where(mean < -ERRORS * error, -1, 0))
    risen = np.maximum.accumulate(sign) > 0
    turned = np.flatnonzero(risen & (sign < 0))
    return {
        "first": float(mean[0]),
        "last": float(mean[-1]),
        "turned_at": known[int(turned[0]) + WINDOW - 1][0] if len(turned) else None,
    }
