"""What rollouts without log p still tell: where a task reward leads, p(y) e^{b r(y)}, which counts right answers alone.

Accuracy, gain, KL, pass@k and maj@k follow from the rewards [T24]; entropy, log p and everything about sharpening do
not. There are no figures: both are drawn over alpha.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import run_folder
from harness.reservation import Place
from llm import suspicions
from llm.base_rollouts import Base
from llm.forecasting.config import ForecastConfig
from llm.forecasting.verdict import task_reward
from llm.wording import interval, number
from theory.estimation.forecast import forecast
from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts

UNTOLD = {"log_p": ("log_p", "entropy"), "length": ("length",), "finished": ("finished",), "given": ("maj@",)}


def write_tilt_only(config: ForecastConfig, base: Base, place: Place) -> Path:
    """forecast.json and report.txt along b. ValueError where the command asks for something that needs log p."""
    for name in ("points", "run", "model"):
        if getattr(config, name):
            raise ValueError(f"--{name} needs log p, and in ROLLOUTS {config.rollouts} there is none: {_why(base)}")
    known = replace(base.rollouts, log_p=np.zeros_like(base.rollouts.log_p), length=_lengths(base.rollouts))
    records = along_b(known, config, base.unknown)
    sentences = [
        f"Sharpening: cannot be told without log p ({_why(base)}).",
        task_reward(known, records[:-1]),
    ]
    result = {
        "rollouts": {"prompts": len(known.count), "rows": len(known.log_p), "unknown": dict(base.unknown)},
        "verdict": sentences,
        "suspicions": suspicions.described(base.suspicions),
        "forecasts": [
            {"line": "b" if np.isfinite(record.target.b) else "limit"} | record.to_json() for record in records
        ],
    }
    text = "\n".join([*sentences, "", *_rows(records)]) + "\n"
    folder = place.begin(config)
    run_folder.write(folder / "report.txt", lambda part: part.write_text(text))
    run_folder.write_json(folder / "forecast.json", result)  # last: its presence says that the forecast is whole
    print(text)
    return folder


def along_b(rollouts: Rollouts, config: ForecastConfig, unknown: Mapping[str, str]) -> list[Forecast]:
    """A record each of --bs, and the limit; what follows from something unknown is nan there, and in doubt."""
    targets = [Target(1.0, b) for b in [*sorted({0.0, *config.bs}), np.inf]]
    generator = np.random.default_rng(config.seed)
    starts = tuple(start for name in unknown for start in UNTOLD.get(name, ()))
    return [
        replace(record, quantities={name: _told(name, e, starts) for name, e in record.quantities.items()})
        for record in forecast(rollouts, targets, generator, methods=(Method.PSIS,))
    ]


def _told(name: str, estimate: Estimate, untold: tuple[str, ...]) -> Estimate:
    return Estimate(np.nan, np.nan, np.nan, ("the file does not tell it",)) if name.startswith(untold) else estimate


def _lengths(rollouts: Rollouts) -> np.ndarray:
    """A length that nothing of a tilt depends on, where it is not known."""
    return np.where(np.isnan(rollouts.length), 1.0, rollouts.length)


def _why(base: Base) -> str:
    return base.unknown["log_p"]


def _rows(records: list[Forecast]) -> list[str]:
    names = ["accuracy", "kl", *(name for name in records[0].quantities if name.startswith(("pass@", "maj@")))]
    rows = ["Forecast along b, 95 % intervals over prompts; ? = these rollouts cannot tell"]
    for record in records:
        cells = (f"{name} {_cell(record[name])}" for name in names if name in record)
        rows.append(f"b = {record.target.b:g}: {', '.join(cells)}")
    return rows


def _cell(estimate: Estimate) -> str:
    doubt = "" if estimate.reliable else "?"
    return f"{number(estimate.value, 3)}{doubt} {interval(estimate.low, estimate.high, 3)}"
