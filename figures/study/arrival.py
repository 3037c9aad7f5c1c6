"""Whether a run has arrived where its objective ends. One that has not is no evidence for or against a forecast."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from figures.study.course import WINDOW, course
from figures.study.runs import Study, TrainedRun, by_arm
from figures.study.words import known, with_error

NEAR = 0.1  # nats from the optimum
LEAST_WAY = 0.02  # nats: a share of less than this would be noise


def not_arrived(study: Study) -> dict[str, str]:
    """arm -> why, for each trained arm of which a seed has not arrived."""
    if study.quick:
        return {arm: f"--quick, {_steps(runs[0])} steps" for arm, runs in by_arm(study.runs).items()}
    found = {arm: [why for run in runs if (why := on_the_way(run))] for arm, runs in by_arm(study.runs).items()}
    return {arm: reasons[0] for arm, reasons in found.items() if reasons}


def on_the_way(run: TrainedRun) -> str | None:
    """Why a run has not arrived; None: it has, as far as can be told.

    With a single optimum: KL(pi||q) to it is no more than NEAR, or two of its standard errors. Without one: the last
    two windows of training batches agree, within chance, in what the objective raises, which is accuracy with a task
    reward and mean log p without. Fewer steps than a window tell nothing, however near the base model is to its
    optimum.
    """
    if _steps(run) < WINDOW:
        return f"{_steps(run)} steps"
    distance, error = run.summary.get("kl_to_optimum"), run.summary.get("kl_to_optimum_se")
    if distance is not None:
        return f"{with_error(distance, error, '.2f')} nats from its optimum" if far(distance, error) else None
    raised = "accuracy" if run.is_rewarded else "log_p"
    metrics = run.metrics()
    if raised not in metrics or metrics[raised].isna().all():
        return None
    found = course([metrics.set_index("step")[raised].astype(float)])
    if len(found.step) < 2:
        return f"{_steps(run)} steps"
    moved = found.accuracy[-1] - found.accuracy[-2]
    still = abs(moved) > found.doubt * np.hypot(found.se[-1], found.se[-2])
    return f"{raised.replace('_', ' ')} still {'rises' if moved > 0 else 'falls'} at its end" if still else None


def far(distance: float, error: float | None) -> bool:
    """Farther from the optimum than chance and NEAR explain; a distance that nobody knows is not."""
    return bool(distance > max(NEAR, 2 * (error or 0.0)))


def share_of_way(run: TrainedRun) -> float:
    """The run's KL from the base model over that of the forecast of its optimum; nan where that cannot be told."""
    forecast, final = run.forecast["kl"], run.final["kl"]
    told = run.forecast.get("kl_reliable") and known(forecast, final) and forecast > LEAST_WAY
    return final / forecast if told else np.nan


def listed(waiting: dict[str, str], arms: Sequence[str] | pd.Index | None = None) -> str:
    """The arms with their reasons, for a sentence."""
    return "; ".join(f"{arm} ({why})" for arm, why in waiting.items() if arms is None or arm in arms)


def _steps(run: TrainedRun) -> int:
    return int(run.summary.get("steps") or 0) or len(run.metrics())
