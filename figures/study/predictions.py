"""What theory foretold of a study from samples of its base model alone, and whether the runs bore it out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.course import Course, first_move
from figures.study.ends import BASE, End, combine
from figures.study.equal_kl import reward_at
from figures.study.runs import Run

UP_DOWN = {1: "rise", -1: "fall"}


class Prediction(NamedTuple):
    """held: None where prediction or runs cannot tell."""

    statement: str
    sentence: str
    held: bool | None


class Finding(NamedTuple):
    """One of theory.estimation.diagnosis, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        return int(self.low > 0) - int(self.high < 0)

    def __str__(self) -> str:
        if not np.isfinite([self.low, self.high]).all():
            return f"{self.value:+.2f}" if np.isfinite(self.value) else "an unknown number"
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def finding(diagnosis: Sequence[Mapping[str, Any]], name: str) -> Finding | None:
    """null in the file is nan; None: there is no such finding."""
    own = next((record for record in diagnosis if record["name"] == name and "low" in record), None)
    return own and Finding(*(np.nan if own[part] is None else float(own[part]) for part in Finding._fields))


def direction_at_first(slope: Finding, courses: Mapping[str, Course], base: float) -> Prediction:
    """T3: the log-odds of being right start along α with the slope E[log p | right] - E[log p | wrong]."""
    moves = [move for found in courses.values() if (move := first_move(found, base))]
    agree = sum(move == slope.sign for move in moves)
    seen = f"of {len(moves)} arms that left it beyond chance {agree} moved that way first"
    text = f"slope of the log-odds along α at the base model {slope}"
    if not slope.sign:
        return Prediction("T3", f"T3: {text}: the direction at first could not be told.", None)
    held = agree == len(moves) if moves else None
    return Prediction(
        "T3", _judged(f"T3: {text}, so accuracy was to {UP_DOWN[slope.sign]} at first; {seen}", held), held
    )


def ratio_of_gains(corr: Finding, ended: Mapping[str, End], sharpened: Sequence[str], rewarded: Sequence[str]):
    """T5: as KL vanishes, gain of sharpening/gain of a task reward tends to Corr(r, log p). None: no such runs."""
    near = min(sharpened, key=lambda arm: ended[arm].kl.value, default=None)
    if near is None or not rewarded:
        return None
    base, own = ended[BASE], ended[near]
    task = reward_at(own.kl, base, [ended[arm] for arm in rewarded])
    ratio = combine(_ratio, own.accuracy - base.accuracy, task - base.accuracy)
    low, high = ratio.interval
    known = np.isfinite([low, high, corr.low, corr.high]).all()
    held = bool(low <= corr.high and corr.low <= high) if known else None
    text = (
        f"T5: within the same small KL sharpening was to gain {corr} times what a task reward gains; {near}, the arm "
        f"nearest to the base model ({own.kl.value:.2f} nats), gained {Finding(ratio.value, low, high)} times as much"
    )
    return Prediction("T5", _judged(text, held, "the intervals meet", "the intervals do not meet"), held)


def _ratio(gain, of):
    """nan where there is nothing to compare with, so that the interval is unknown."""
    return np.divide(gain, of, out=np.full(np.shape(of), np.nan), where=np.asarray(of) > 0)


def length_covariance(base: Path) -> Finding:
    """Mean over prompts of Cov(length, log p) among the base samples, ± 1.96 standard errors.    [T17]"""
    table = pd.read_parquet(base, columns=["prompt_id", "length", "log_p"])
    centred = table[["length", "log_p"]] - table.groupby("prompt_id")[["length", "log_p"]].transform("mean")
    product = (centred["length"] * centred["log_p"]).groupby(table["prompt_id"])
    covariance = (product.sum() / (product.size() - 1)).replace([np.inf, -np.inf], np.nan).dropna()
    reach = 1.96 * covariance.std(ddof=1) / np.sqrt(len(covariance))
    return Finding(float(covariance.mean()), float(covariance.mean() - reach), float(covariance.mean() + reach))


def direction_of_length(slope: Finding, ended: Mapping[str, End], sharpened: Sequence[str]) -> Prediction:
    """T17: mean length starts along α with the slope Cov(length, log p)."""
    moves = [sign for arm in sharpened if (sign := (ended[arm].length - ended[BASE].length).sign)]
    text = f"T17: Cov(length, log p) = {slope} tokens per unit of α at the base model"
    if not slope.sign:
        return Prediction("T17", f"{text}: the direction of length could not be told.", None)
    agree = sum(move == slope.sign for move in moves)
    held = agree == len(moves) if moves else None
    seen = f"so length was to {UP_DOWN[slope.sign]} under plain sharpening; in {agree} of {len(moves)} arms it did"
    return Prediction("T17", _judged(f"{text}, {seen}", held), held)


def content_alone(slope: Finding, ended: Mapping[str, End], runs: Mapping[str, Sequence[Run]]) -> Prediction | None:
    """T18: accuracy starts along α, at fixed length, with the slope E[Cov(r, log p | length)]. None: no such run."""
    arm = next((arm for arm, own in runs.items() if own[0].summary.get("length_control") == "content"), None)
    if arm is None:
        return None
    gain = ended[arm].accuracy - ended[BASE].accuracy
    text = f"T18: Cov(r, log p) at equal length = {slope} per unit of α"
    seen = f"{arm} moved it by {points(gain.value, *gain.interval)} points"
    if not slope.sign:
        return Prediction("T18", f"{text}: whether sharpening content alone helps could not be told; {seen}.", None)
    held = gain.sign == slope.sign if gain.sign else None
    text += f", so sharpening content alone was to make accuracy {UP_DOWN[slope.sign]} at first; {seen}"
    return Prediction("T18", _judged(text, held), held)


def points(value: float, low: float, high: float) -> str:
    """A difference of shares in points with its interval; an unknown interval is left out."""
    interval = f" [{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite([low, high]).all() else ""
    return f"{100 * value:+.1f}{interval}"


def _judged(text: str, held: bool | None, yes: str = "held", no: str = "did not hold") -> str:
    return f"{text}: {'the runs cannot tell' if held is None else yes if held else no}."
