"""What an optimum costs without RL, in draws of the base model: by rejection, and by training on what is kept [T28]"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm.forecasting.page import named
from llm.wording import interval, number
from theory.estimation.at_distance import CurvePoint
from theory.estimation.counts import after_filtering
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.records import Estimate, Forecast
from theory.estimation.samples import Rollouts

FILTERED = (4, 16, 64)  # samples a prompt that supervised training filters
LINE = 16  # the one that is printed
MOST = 1e6  # draws; more are as good as never


def prices(
    rollouts: Rollouts, shown: Mapping[str, Sequence[Forecast]], sharpening: Sequence[CurvePoint]
) -> dict[str, Any]:
    """As forecast.json holds them: draws for one sample of an optimum, and where filtered supervised training ends.

    draws is a typical prompt's (e to the mean of their logs). sharpening: the ways of settle, for the likeliest of k.
    """
    records = [record for name in ("alpha", "b", "point") for record in shown[name] if "log_draws" in record]
    binary = rollouts.binary
    filtered = after_filtering(PromptAccuracies.of_rollouts(rollouts), FILTERED) if binary else []
    likeliest = [point for point in sharpening if point.k is not None]
    accuracy = float(rollouts.mean(rollouts.reward).mean())
    found: dict[str, Any] = {
        "rejection": [
            {"alpha": r.target.alpha, "b": r.target.b, "kappa": r.target.kappa} | _draws(r["log_draws"])
            for r in records
            if _sharpens(r) or r.target.b > 0
        ],
        "right_of": [{"samples": n} | _accuracy(own) for n, own in zip(FILTERED, filtered, strict=False)],
        "likeliest_of": [{"samples": p.k, "accuracy": accuracy + p.gain.value, "kl": p.kl} for p in likeliest],
    }
    return found | {"sentence": sentence(found, shown)}


def sentence(price: Mapping[str, Any], shown: Mapping[str, Sequence[Forecast]]) -> str:
    """An exact sample of the strongest optima that can be told, and training on the right ones of some draws."""
    said = []
    if sharpened := [r for r in shown["alpha"] if _sharpens(r) and "log_draws" in r]:
        told = [r for r in sharpened if r["log_draws"].reliable]
        said.append(_of(told[-1] if told else sharpened[0]))
    if rewarded := [r for r in shown["b"] if r.target.b > 0 and "log_draws" in r]:
        said.append(_of(rewarded[-1]))
    right = [own for own in price["right_of"] if own["samples"] == LINE]
    trained = [
        f"Supervised training on the right ones of {LINE} draws a prompt reaches {100 * own['accuracy']:.0f} % "
        f"{interval(100 * own['accuracy_low'], 100 * own['accuracy_high'], 0)} of these prompts"
        for own in right
    ]
    first = f"Without RL, one sample by rejection costs {'; '.join(said)}." if said else ""
    return " ".join([*([first] if first else []), *(f"{one}." for one in trained)])


def _of(record: Forecast) -> str:
    own = record["log_draws"]
    least = "at least " if own.at_least or not own.reliable else ""
    shown = f"{least}{draws(own.value)}"
    ends = "" if least else f" [{draws(own.low)}, {draws(own.high)}]"
    return f"{shown}{ends} draws for {named(record).removeprefix('sharpen ')}"


def draws(log_draws: float) -> str:
    """As a number of draws."""
    if log_draws > np.log(MOST):
        return f"10^{log_draws / np.log(10):.0f}"
    return number(float(np.exp(log_draws)), 0 if log_draws > np.log(20) else 1)


def _sharpens(record: Forecast) -> bool:
    return 1 < record.target.alpha < np.inf and record.target.b == 0


def _draws(own: Estimate) -> dict[str, Any]:
    low, high = (float(np.exp(min(x, 700.0))) if x < np.inf else None for x in (own.low, own.high))
    value = float(np.exp(min(own.value, 700.0)))
    return {"draws": value, "draws_low": low, "draws_high": high, "reliable": own.reliable, "at_least": own.at_least}


def _accuracy(own: Estimate) -> dict[str, Any]:
    return {
        "accuracy": own.value,
        "accuracy_low": own.low,
        "accuracy_high": own.high,
        "reliable": own.reliable,
    }
