"""What theory foretold of a study from samples of its base model alone, and whether the runs bore it out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.course import Course, first_move
from figures.study.ends import BASE, ArmEnd
from figures.study.equal_kl import reward_at
from figures.study.runs import TrainedRun
from figures.study.words import known, points, with_interval
from theory.estimation.intervals import function_of, mean_interval

UP_DOWN = {1: "rise", -1: "fall", 0: "move"}


class Foretold(NamedTuple):
    """held: None where prediction or runs cannot tell."""

    statement: str
    sentence: str
    held: bool | None


class Measured(NamedTuple):
    """A number with its 95 % interval; nan where it is not known."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        return with_interval(*self) if known(self.value) else "an unknown number"


def measured(diagnosis: Sequence[Mapping[str, Any]], name: str) -> Measured | None:
    """The diagnosis of that name in a forecast.json, where null is nan; None: there is none."""
    own = next((record for record in diagnosis if record["name"] == name and "low" in record), None)
    if own is None:
        return None
    return Measured(*(np.nan if own[part] is None else float(own[part]) for part in Measured._fields))


def direction_at_first(slope: Measured, courses: Mapping[str, Course], base: float) -> Foretold:
    """T3: the log-odds of being correct start along α with the slope E[log p | correct] - E[log p | wrong]."""
    moves = [move for found in courses.values() if (move := first_move(found, base))]
    agree = sum(move == slope.sign for move in moves)
    return _direction(
        "T3",
        f"T3: slope of the log-odds along α at the base model {slope}",
        "the direction at first",
        f"so accuracy was to {UP_DOWN[slope.sign]} at first; of {len(moves)} arms that left it beyond chance {agree} "
        "moved that way first",
        slope,
        moves,
    )


def ratio_of_gains(
    corr: Measured, ended: Mapping[str, ArmEnd], sharpened: Sequence[str], rewarded: Sequence[str]
) -> Foretold | None:
    """T5: as KL vanishes, gain of sharpening/gain of a task reward tends to Corr(r, log p). None: no such runs."""
    near = min(sharpened, key=lambda arm: ended[arm].kl.value, default=None)
    if near is None or not rewarded:
        return None
    base, own = ended[BASE], ended[near]
    task = reward_at(own.kl, base, [ended[arm] for arm in rewarded])
    ratio = function_of(_ratio, own.accuracy - base.accuracy, task - base.accuracy)
    gained = Measured(ratio.value, *ratio.interval())
    held = bool(gained.low <= corr.high and corr.low <= gained.high) if known(*gained[1:], *corr[1:]) else None
    text = (
        f"T5: within the same small KL sharpening was to gain {corr} times what a task reward gains; {near}, the arm "
        f"nearest to the base model ({own.kl.value:.2f} nats), gained {gained} times as much"
    )
    return Foretold("T5", _judged(text, held, "the intervals meet", "the intervals do not meet"), held)


def _ratio(gain, of):
    """nan where there is nothing to compare with, so that the interval is unknown."""
    return np.divide(gain, of, out=np.full(np.shape(of), np.nan), where=np.asarray(of) > 0)


def length_covariance(base: Path, seed: int = 0) -> Measured:
    """Mean over prompts of Cov(length, log p) among the base samples, n - 1 in each prompt.    [T17]"""
    table = pd.read_parquet(base, columns=["prompt_id", "length", "log_p"])
    prompts = table.groupby("prompt_id")[["length", "log_p"]]
    centred = table[["length", "log_p"]] - prompts.transform("mean")
    product = (centred["length"] * centred["log_p"]).groupby(table["prompt_id"])
    several = product.size() > 1
    covariance = product.sum()[several] / (product.size()[several] - 1)
    return Measured(*mean_interval(covariance.to_numpy(float), np.random.default_rng(seed)))


def direction_of_length(slope: Measured, ended: Mapping[str, ArmEnd], sharpened: Sequence[str]) -> Foretold:
    """T17: mean length starts along α with the slope Cov(length, log p)."""
    moves = [sign for arm in sharpened if (sign := (ended[arm].length - ended[BASE].length).sign)]
    agree = sum(move == slope.sign for move in moves)
    return _direction(
        "T17",
        f"T17: Cov(length, log p) = {slope} tokens per unit of α at the base model",
        "the direction of length",
        f"so length was to {UP_DOWN[slope.sign]} under plain sharpening; in {agree} of {len(moves)} arms it did",
        slope,
        moves,
    )


def content_alone(
    slope: Measured, ended: Mapping[str, ArmEnd], runs: Mapping[str, Sequence[TrainedRun]]
) -> Foretold | None:
    """T18: accuracy starts along α, at fixed length, with the slope E[Cov(r, log p | length)]. None: no such run."""
    arm = next((arm for arm, own in runs.items() if own[0].summary.get("length_control") == "content"), None)
    if arm is None:
        return None
    gain = ended[arm].accuracy - ended[BASE].accuracy
    text = f"T18: Cov(r, log p) at equal length = {slope} per unit of α"
    seen = f"{arm} moved it by {points(gain.value, *gain.interval())} points"
    if not slope.sign:
        return Foretold("T18", f"{text}: whether sharpening content alone helps could not be told; {seen}.", None)
    held = gain.sign == slope.sign if gain.sign else None
    text += f", so sharpening content alone was to make accuracy {UP_DOWN[slope.sign]} at first; {seen}"
    return Foretold("T18", _judged(text, held), held)


def _direction(statement: str, text: str, what: str, seen: str, slope: Measured, moves: Sequence[int]) -> Foretold:
    """Whether all that moved beyond chance moved the way of the slope; None: nothing did, or it had no sign."""
    if not slope.sign:
        return Foretold(statement, f"{text}: {what} could not be told.", None)
    held = all(move == slope.sign for move in moves) if moves else None
    return Foretold(statement, _judged(f"{text}, {seen}", held), held)


def _judged(text: str, held: bool | None, yes: str = "held", no: str = "did not hold") -> str:
    return f"{text}: {'the runs cannot tell' if held is None else yes if held else no}."
