"""How numbers that may be unknown are printed, and what is said of rewards that contradict the answers."""

import numpy as np

from theory.estimation.samples import Rollouts

UNKNOWN = "–"


def number(value: float, digits: int, sign: str = "") -> str:
    """The number to so many digits, without a minus before a zero, or – for one that is not known."""
    return UNKNOWN if np.isnan(value) else f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def interval(low: float, high: float, digits: int, sign: str = "") -> str:
    """[low, high], or [–] for an interval that is not known."""
    if np.isnan(low) or np.isnan(high):
        return f"[{UNKNOWN}]"
    return f"[{number(low, digits, sign)}, {number(high, digits, sign)}]"


def disagreement(rollouts: Rollouts) -> str | None:
    """A sentence where responses with the correct answer have no full reward, None where there are none."""
    correct = rollouts.each(rollouts.correct_vote)
    odd = int(np.sum((rollouts.vote >= 0) & (rollouts.vote == correct) & (rollouts.reward < 1)))
    if not odd:
        return None
    return (
        f"Reward and answer disagree: {odd} of {len(rollouts.log_p)} responses box the answer of the column 'answer' "
        "and have a reward below 1; accuracy and pass@k follow the reward, maj@k the answers."
    )
