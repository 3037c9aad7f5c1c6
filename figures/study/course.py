"""The course of a run: what its batches say step by step, where accuracy was lowest and highest, what stayed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from figures.study.runs import TrainedRun

WINDOW = 20  # steps
SMOOTH = 15  # steps: a single batch is too noisy to be read
IN_PLANE = 25  # steps; the median, because a batch without a wrong answer has its coordinate on the border
COLUMN = {"accuracy": "accuracy", "length": "length", "log_p": "log_p", "entropy": "sequence_entropy"}
COLUMN |= {"kl": "sequence_kl"}


class Batches(NamedTuple):
    """A quantity of the training batches, and its mean over SMOOTH steps around each with its standard error."""

    step: np.ndarray
    batch: np.ndarray
    mean: np.ndarray
    error: np.ndarray


class Course(NamedTuple):
    """Means of accuracy over windows of steps that do not overlap; step is the last of each window."""

    step: np.ndarray
    accuracy: np.ndarray
    se: np.ndarray

    @property
    def doubt(self) -> float:
        """How many standard errors are chance at most (95 %), whichever of these windows is picked."""
        return float(norm.ppf(1 - 0.025 / len(self.step)))


class Stay(NamedTuple):
    """lowest, highest and end are windows of the course; all three are judged beyond the chance of picking them."""

    lowest: float
    lowest_step: int
    highest: float
    highest_step: int
    end: float
    end_se: float
    back: float  # highest - end
    back_se: float
    dipped: bool  # below the base model first, above that later
    rose: bool  # above the base model
    fell_back: bool  # and then lost of that


def batches(run: TrainedRun, quantity: str) -> Batches:
    metrics = run.metrics()
    values = metrics[COLUMN[quantity]].astype(float)
    window = values.rolling(SMOOTH, center=True, min_periods=1)
    error = (window.std() / np.sqrt(window.count())).fillna(0.0)  # one batch has no spread of its own
    return Batches(metrics["step"].to_numpy(), values.to_numpy(), window.mean().to_numpy(), error.to_numpy())


def way_in_plane(run: TrainedRun) -> np.ndarray:
    """Rows (alpha, b): the moving median of the run's own coordinates; empty for a run that is too short for one."""
    coordinates = run.metrics()[["alpha_t", "b_t"]].astype(float)
    return coordinates.rolling(IN_PLANE, min_periods=1).median().to_numpy()[IN_PLANE - 1 :]


def course(accuracies: Sequence[pd.Series]) -> Course:
    """One series a seed, each indexed by step; over the steps that all seeds have.

    se = s/√n, s² the variance of the steps inside a window, after the mean over seeds, pooled over windows: it covers
    batches, not what another seed would have done.
    """
    by_step = pd.concat(accuracies, axis=1, join="inner").mean(axis=1).dropna()
    if by_step.empty:
        raise ValueError("RUN has a metrics.jsonl without accuracy; run it again")
    parts = np.array_split(np.arange(len(by_step)), max(1, len(by_step) // WINDOW))
    values = [by_step.to_numpy(float)[part] for part in parts]
    freedom = len(by_step) - len(parts)
    variance = sum(float(np.sum((v - v.mean()) ** 2)) for v in values) / freedom if freedom else np.nan
    return Course(
        np.array([int(by_step.index[part[-1]]) for part in parts]),
        np.array([v.mean() for v in values]),
        np.sqrt([variance / len(v) for v in values]),
    )


def stay(found: Course, base: float) -> Stay:
    """base: accuracy of the base model, on the held-out prompts; the windows are those of the training prompts.

    The two agree at the start. Where a run has sharpened each prompt to one response they need not: what a prompt ends
    in is then correct or wrong as a whole.
    """
    low, high = int(np.argmin(found.accuracy)), int(np.argmax(found.accuracy))
    se, after = found.se, low + int(np.argmax(found.accuracy[low:]))

    def beyond(difference, *places):
        return bool(difference > found.doubt * np.sqrt(sum(se[place] ** 2 for place in places)))

    back = found.accuracy[high] - found.accuracy[-1]
    rose = beyond(found.accuracy[high] - base, high)
    return Stay(
        lowest=float(found.accuracy[low]),
        lowest_step=int(found.step[low]),
        highest=float(found.accuracy[high]),
        highest_step=int(found.step[high]),
        end=float(found.accuracy[-1]),
        end_se=float(se[-1]),
        back=float(back),
        back_se=float(np.hypot(se[high], se[-1])) if high != len(se) - 1 else 0.0,
        dipped=beyond(base - found.accuracy[low], low)
        and beyond(found.accuracy[after] - found.accuracy[low], after, low),
        rose=rose,
        fell_back=rose and beyond(back, high, -1),
    )


def first_move(found: Course, base: float) -> int:
    """The sign of accuracy less base in the first window that leaves the base model beyond chance; 0: none does."""
    away = np.abs(found.accuracy - base) > found.doubt * found.se
    return int(np.sign(found.accuracy[np.argmax(away)] - base)) if away.any() else 0


def at_step(accuracies: Sequence[pd.Series], step: int) -> tuple[float, float]:
    """(mean, standard error) over the WINDOW steps up to this one, after the mean over seeds."""
    by_step = pd.concat(accuracies, axis=1, join="inner").mean(axis=1).loc[:step].iloc[-WINDOW:]
    return float(by_step.mean()), float(by_step.std(ddof=1) / np.sqrt(len(by_step)))
