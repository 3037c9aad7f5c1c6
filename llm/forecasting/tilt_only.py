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
from harness.text_table import table
from llm import suspicions
from llm.base_rollouts import Base
from llm.forecasting import labels
from llm.forecasting.all_powers import with_interval
from llm.forecasting.config import ForecastConfig
from llm.forecasting.page import WIDTH, first_line, indented, named
from llm.forecasting.settled import settle_reward, to_json
from llm.forecasting.verdict import advice, sentence, told
from llm.wording import UNKNOWN
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
    verifier = None if config.labels is None else labels.described(labels.errors_of_reward(config))
    records = along_b(known, config, base.unknown)
    settled = settle_reward(known, _why(base), config.seed)
    said = to_json(settled, sentence(settled), advice(settled, config.rollouts), [f"No log p: {_why(base)}."])
    result = {
        "rollouts": {"prompts": len(known.count), "rows": len(known.log_p), "unknown": dict(base.unknown)},
        **said,
        "suspicions": suspicions.described(base.suspicions),
        "forecasts": [
            {"line": "b" if np.isfinite(record.target.b) else "limit"} | record.to_json() for record in records
        ],
    }
    if verifier is not None:
        result["verifier"] = verifier
        said["verdict"]["sentences"].append(verifier["sentence"])
    verdict = said["verdict"]
    first = first_line(verdict["word"], verdict["sentence"])
    text = "\n".join(
        [first, *indented(verdict["advice"]), "", told(settled), *verdict["sentences"], "", _table(records)]
    )
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


def _table(records: list[Forecast]) -> str:
    names = ["accuracy", "kl", *(name for name in records[0].quantities if name.startswith(("pass@", "maj@")))]
    header = ("reward", *("KL" if name == "kl" else name for name in names))
    rows = [(named(record), *(_cell(record[name]) for name in names)) for record in records]
    title = "95 % intervals over prompts; ? = these rollouts cannot tell"
    return f"{title}\n\n{table(header, rows, WIDTH)}\n"


def _cell(estimate: Estimate) -> str:
    return UNKNOWN if np.isnan(estimate.value) else with_interval(estimate, 3)
