"""What is said before the first step: the verdict on the base model, and where this run should end."""

import pandas as pd

from llm.forecasting.page import first_line
from llm.forecasting.settled import settle
from llm.forecasting.verdict import sentence
from llm.rollout_table import from_table
from llm.training.config import TrainConfig
from llm.wording import interval, number
from theory.estimation.distance import forecast_optimum
from theory.estimation.forecast import target_of
from theory.estimation.records import Estimate
from theory.estimation.samples import Rollouts


def announcement(config: TrainConfig, base: pd.DataFrame) -> str:
    """base: rollouts of the base model on the held-out prompts."""
    rollouts = from_table(base, str(config.base or "of the base model"))
    settled = settle(rollouts)
    return f"{first_line(settled.verdict.word, sentence(settled))}\n{where_it_ends(config, rollouts)}\n"


def where_it_ends(config: TrainConfig, rollouts: Rollouts) -> str:
    """The optimum of this run's objective, which a run may stop short of."""
    found = forecast_optimum(rollouts, target_of(config.objective, config.kappa, config.length_control))
    told = {name: found[name] for name in ("accuracy", "length", "kl")}
    base = 100 * float(rollouts.mean(rollouts.reward).mean())
    parts = [
        f"accuracy {_shown(told['accuracy'], 100, 1, ' %')} (base model {base:.1f} %)",
        f"length {_shown(told['length'], 1, 1)}",
        f"KL {_shown(told['kl'], 1, 2, ' nats')}",
    ]
    return f"The optimum of this run ({config.regime}): {', '.join(parts)}."


def _shown(estimate: Estimate, times: float, digits: int, unit: str = "") -> str:
    if not estimate.reliable:
        return "not told"
    low, high = times * estimate.low, times * estimate.high
    return f"{number(times * estimate.value, digits)}{unit} {interval(low, high, digits)}"
