"""The numbers that the study's two questions are answered with (figures.study.answers).

1. What does sharpening gain against a task reward at equal KL, and does it stay there?
2. Does removing the length bias rescue sharpening?

Gains and differences are those of held-out accuracy, paired by prompt and averaged over seeds, with 95 % intervals
(figures.study.ends); the reward at an equal KL is that of the reward runs (figures.study.equal_kl). What happens on
the way is told by training batches (figures.study.course).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.arrival import not_arrived
from figures.study.course import Course, at_step, course, stay
from figures.study.ends import BASE, ArmEnd, ends
from figures.study.equal_kl import reward_at
from figures.study.runs import LENGTH_CONTROLLED, Study, TrainedRun, by_arm
from theory.estimation.intervals import Resampled, function_of


class Evidence(NamedTuple):
    """What both answers are drawn from; arms -> their runs. waiting: arm -> why it has not arrived."""

    ended: dict[str, ArmEnd]
    courses: dict[str, Course]
    sharpened: dict[str, list[TrainedRun]]
    controlled: dict[str, list[TrainedRun]]
    rewarded: dict[str, list[TrainedRun]]
    waiting: dict[str, str]

    @property
    def base(self) -> ArmEnd:
        return self.ended[BASE]

    def reward_at(self, kl: Resampled) -> Resampled:
        return reward_at(kl, self.base, [self.ended[arm] for arm in self.rewarded])

    def spent_more(self, kl: Resampled) -> bool:
        """Beyond the KL of every reward run."""
        return all(kl.value > self.ended[arm].kl.value for arm in self.rewarded)

    @property
    def arrived(self) -> "Evidence":
        """Without the arms that sharpen and have not arrived; what a reward reached on its way it can have."""
        sharpened, controlled = (
            {arm: runs for arm, runs in own.items() if arm not in self.waiting}
            for own in (self.sharpened, self.controlled)
        )
        return self._replace(sharpened=sharpened, controlled=controlled)


def gather(study: Study) -> Evidence:
    runs = by_arm(study.runs)

    def chosen(belongs: Callable[[TrainedRun], bool]) -> dict[str, list[TrainedRun]]:
        return {arm: own for arm, own in runs.items() if belongs(own[0])}

    sharpened, rewarded = chosen(lambda run: run.is_sharpening), chosen(lambda run: run.is_rewarded)
    controlled = chosen(lambda run: run.family == LENGTH_CONTROLLED)
    needed = [*sharpened, *controlled, *rewarded]
    courses = {arm: course(accuracies(runs[arm])) for arm in needed}
    ended = ends(study.base, {arm: study.rollouts[arm] for arm in needed})
    waiting = {arm: why for arm, why in not_arrived(study).items() if arm in needed}
    return Evidence(ended, courses, sharpened, controlled, rewarded, waiting)


def gains(evidence: Evidence, results: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm that sharpens without a reward: what it gained, what stayed, what a reward has for its KL.

    bound: the most that any policy could gain at that KL [T5], told from base samples by llm.compare; it is a forecast
    where reward_gain was measured, and no less than it but for chance.
    """
    step = _common_step(evidence)
    rows: dict[str, dict[str, Any]] = {}
    for arm, runs in evidence.sharpened.items():
        end, base = evidence.ended[arm], evidence.base.accuracy
        reward = evidence.reward_at(end.kl)
        accuracy, error = at_step(accuracies(runs), step)
        rows[arm] = {
            "arrived": arm not in evidence.waiting,
            "kl": end.kl.value,
            **_named("gain", end.accuracy - base),
            **_named("reward_gain", reward - base),
            **_named("lead", end.accuracy - reward),
            "beyond": evidence.spent_more(end.kl),
            "bound": _bound(results, arm) - base.value,
            **stay(evidence.courses[arm], base.value)._asdict(),
            **{"step": step, "at_step": accuracy, "at_step_se": error},
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def rescues(evidence: Evidence) -> pd.DataFrame:
    """A row for each length-controlled arm: its end less that of plain sharpening, of p, and of a reward at its KL.

    Plain sharpening is the arm with the same alpha; nan where there is none.
    """
    rows: dict[str, dict[str, Any]] = {}
    for arm, runs in evidence.controlled.items():
        end = evidence.ended[arm]
        plain = next((a for a, own in evidence.sharpened.items() if own[0].alpha == runs[0].alpha), None)
        rows[arm] = {
            "arrived": arm not in evidence.waiting,
            "plain": plain,
            "accuracy": end.accuracy.value,
            "kl": end.kl.value,
            "length": end.length.value,
            "base_length": evidence.base.length.value,
            "plain_length": evidence.ended[plain].length.value if plain else np.nan,
            **_named("to_plain", end.accuracy - evidence.ended[plain].accuracy if plain else _unknown(end.accuracy)),
            **_named("to_base", end.accuracy - evidence.base.accuracy),
            **_named("to_reward", end.accuracy - evidence.reward_at(end.kl)),
            "beyond": evidence.spent_more(end.kl),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def accuracies(runs: Sequence[TrainedRun]) -> list[pd.Series]:
    return [run.metrics().set_index("step")["accuracy"].astype(float) for run in runs]


def _common_step(evidence: Evidence) -> int:
    """The last step that every sharpening and every reward arm reached."""
    return min((int(evidence.courses[arm].step[-1]) for arm in (*evidence.sharpened, *evidence.rewarded)), default=0)


def _bound(results: pd.DataFrame, arm: str) -> float:
    name = "accuracy_of_tilting_at_its_kl"
    return float(results.loc[results["arm"] == arm, name].mean()) if name in results else np.nan


def _unknown(like: Resampled) -> Resampled:
    return function_of(lambda value: np.full_like(value, np.nan), like)


def _named(name: str, number: Resampled) -> dict[str, float]:
    low, high = number.interval()
    return {name: number.value, f"{name}_low": low, f"{name}_high": high}
