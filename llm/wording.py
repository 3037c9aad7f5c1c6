"""How numbers that may be unknown are printed, and what is said of a file beside its numbers."""

import sys
from collections.abc import Iterable

import numpy as np

from theory.estimation.samples import Rollouts

UNKNOWN = "–"


def number(value: float | None, digits: int, sign: str = "") -> str:
    """The number to so many digits, without a minus before a zero, or – for one that is not known: nan, or null."""
    return UNKNOWN if value is None or np.isnan(value) else f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def with_error(value: float | None, error: float | None, digits: int = 3) -> str:
    """value ± error; an error that is not known, as that of a single prompt, is left out."""
    known = number(error, digits)
    return number(value, digits) + ("" if known == UNKNOWN else f" ± {known}")


def interval(low: float | None, high: float | None, digits: int, sign: str = "") -> str:
    """[low, high], or [–] for an interval that is not known."""
    ends = number(low, digits, sign), number(high, digits, sign)
    return f"[{UNKNOWN}]" if UNKNOWN in ends else f"[{ends[0]}, {ends[1]}]"


def say(lines: Iterable[str]) -> None:
    """Notes for a person, one a line, apart from what a command prints as its result."""
    for line in lines:
        print("note: " + " ".join(line.split()), file=sys.stderr)


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
