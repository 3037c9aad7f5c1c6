"""What could be said of an arm without a forecast, from the same base rollouts: the marks that a forecast has to beat.

    no_change      the base model itself
    best_of_8      the likeliest of 8 base responses (of all, where there are fewer): sharpening by choice
    pass_at_n      is any of a prompt's n base responses correct: where a reward could lead
    correlation    Corr(r, log p) within prompts times what a reward gains at the KL that the forecast says of p^alpha
    straight_line  the base model, and on by the forecast's own first step away from it, of 1/20 in alpha and b
    low_temperature  samples at temperature 1/2; of the arm low-temperature-2, once it has been sampled

Of accuracy and length; None where a baseline has no value. A straight line to a limit (alpha or b infinite) ends at the
end of the range that it points to, of a length there is none.
"""

import numpy as np

from theory.estimation.baselines import correlation_times_reward
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts
from theory.estimation.statistics import best_of_k

CANDIDATES = 8
STEP = 0.05
Values = dict[str, float | None]


def baselines(base: Rollouts, targets: dict[str, Target]) -> dict[str, dict[str, Values]]:
    """{arm: {baseline: {quantity: value}}}, without low_temperature, which has to be sampled."""
    common: dict[str, Values] = {
        "no_change": {"accuracy": _mean(base, base.reward), "length": _mean(base, base.length)},
        f"best_of_{CANDIDATES}": {
            "accuracy": _best_of(base, base.reward),
            "length": _best_of(base, base.length),
        },
        "pass_at_n": {"accuracy": float(np.mean(base.max(base.reward))), "length": None},
    }
    return {
        arm: {**common, "correlation": by_correlation(base, target), "straight_line": straight_line(base, target)}
        for arm, target in targets.items()
    }


def by_correlation(base: Rollouts, target: Target) -> Values:
    """Of sharpening alone, and of rewards of 0 and 1: exact near the base model, where both gain as √KL.    [T5]"""
    nothing: Values = {"accuracy": None, "length": None}
    if target.alpha <= 1 or target.b or not base.binary:
        return nothing
    kl = float(np.mean(reweight(base, target).value["kl"]))
    gain = correlation_times_reward(base, kl) if kl > 0 else 0.0
    if np.isnan(gain):  # r or log p is the same on every sample of a prompt
        return nothing
    return nothing | {"accuracy": float(np.clip(_mean(base, base.reward) + gain, 0, 1))}


def straight_line(base: Rollouts, target: Target) -> Values:
    """Accuracy (within 0 and 1) and length (1 at least) at the target, were they linear in how far it is."""
    far = np.array([target.alpha - 1, target.b])
    length = float(np.max(np.abs(far)))
    if length == 0:
        return {"accuracy": _mean(base, base.reward), "length": _mean(base, base.length)}
    direction = np.where(np.isinf(far), np.sign(far), 0.0) if np.isinf(length) else far / length
    near = target._replace(alpha=float(1 + STEP * direction[0]), b=float(STEP * direction[1]))
    found = reweight(base, near).value
    start = {"accuracy": _mean(base, base.reward), "length": _mean(base, base.length)}
    slope = {name: (float(np.mean(found[name])) - start[name]) / STEP for name in start}
    if np.isinf(length):
        return {"accuracy": float(slope["accuracy"] > 0) if slope["accuracy"] else start["accuracy"], "length": None}
    return {
        "accuracy": float(np.clip(start["accuracy"] + slope["accuracy"] * length, 0, 1)),
        "length": max(start["length"] + slope["length"] * length, 1.0),
    }


def _mean(base: Rollouts, values: np.ndarray) -> float:
    return float(np.mean(base.mean(values)))


def _best_of(base: Rollouts, values: np.ndarray) -> float:
    ends = [*base.start[1:], len(base.log_p)]
    rows = [slice(first, end) for first, end in zip(base.start, ends, strict=True)]
    return float(
        np.mean([best_of_k(base.log_p[part], values[part], min(CANDIDATES, len(base.log_p[part]))) for part in rows])
    )
