"""What a finished run says about itself: summary.json, and the table on the screen."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llm.evaluation.averages import summarise
from llm.rollout_table import from_table
from llm.training.config import TrainConfig
from llm.training.recorder import pace
from llm.wording import interval, number, with_error
from theory.estimation.distance import distance_to_optimum, forecast_optimum
from theory.estimation.forecast import target_of
from theory.vocabulary import LengthControl


def run_summary(
    config: TrainConfig,
    tables: dict[str, pd.DataFrame],
    metrics: list[dict],
    steps: int,
    collapse: dict | None,
    best_checkpoint: Path | None,
) -> dict:
    """tables: the rollouts of base, final and, where one was chosen, best; metrics: the lines of metrics.jsonl."""
    target = target_of(config.objective, config.kappa, config.length_control)
    base, final = (from_table(tables[name], name) for name in ("base", "final"))
    summary = {
        "regime": config.regime,
        "alpha": config.alpha,
        "beta": config.beta,
        "kappa": config.kappa,
        "length_control": config.length_control,
        "steps": steps,
        "forecast": forecast_optimum(base, target).to_json(),
        **{name: summarise(table) for name, table in tables.items()},
        **pace(metrics),
        "collapse": collapse,
    }
    if best_checkpoint:
        summary["best_step"] = int(best_checkpoint.name.removeprefix("checkpoint-"))
    if not target.is_face and config.length_control != LengthControl.IGNORE_EOS:
        distance = distance_to_optimum(base, final, target)
        summary["kl_to_optimum"], summary["kl_to_optimum_se"] = distance
    return summary


def print_summary(summary: dict) -> None:
    table = Table(title=f"{summary['regime']}: held-out prompts, ± standard error or [95 % interval] over prompts")
    on_the_way = summary.get("not_arrived")
    for column in ("", "base", "forecast of the optimum", "run, not arrived" if on_the_way else "run"):
        table.add_column(column)
    for name in ("accuracy", "length", "log_p", "kl", "entropy"):
        base, final = (with_error(summary[part][name], summary[part][f"{name}_se"]) for part in ("base", "final"))
        value, low, high, reliable = (summary["forecast"][f"{name}{end}"] for end in ("", "_low", "_high", "_reliable"))
        forecast = f"{number(value, 3)} {interval(low, high, 3)}{'' if reliable else ' not reliable'}"
        table.add_row(name, base, escape(forecast), final)
    Console().print(table)
    if "kl_to_optimum" in summary:
        distance = with_error(summary["kl_to_optimum"], summary["kl_to_optimum_se"])
        Console().print(f"KL from the run to the optimum: {distance} nats")
    if on_the_way:
        Console().print(f"The run has not arrived ({on_the_way}): it says nothing yet for or against the forecast.")
