"""What a finished run says about itself: summary.json, and the table on the screen."""

import math
import textwrap
from pathlib import Path

import pandas as pd

from harness import text_table
from harness.text_table import table
from llm.evaluation.averages import summarise
from llm.rollout_table import from_table
from llm.training.config import TrainConfig
from llm.training.recorder import pace
from llm.training.stopping import turning_step
from llm.wording import interval, number, with_error
from theory.estimation.distance import distance_to_optimum, forecast_optimum
from theory.estimation.forecast import target_of
from theory.vocabulary import LengthControl

WIDTH = 80
SHOWN = (("accuracy", 100, 1), ("length", 1, 1), ("log_p", 1, 2), ("kl", 1, 2), ("entropy", 1, 2))


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
        "same_prompts": config.same_prompts,
        "steps": steps,
        "forecast": forecast_optimum(base, target).to_json(),
        **{name: summarise(table) for name, table in tables.items()},
        **pace(metrics),
        "collapse": collapse,
        "accuracy_slope": turning_step(metrics),
    }
    if best_checkpoint:
        summary["best_step"] = int(best_checkpoint.name.removeprefix("checkpoint-"))
    if not target.is_face and config.length_control != LengthControl.IGNORE_EOS:
        distance = distance_to_optimum(base, final, target)
        summary["kl_to_optimum"], summary["kl_to_optimum_se"] = distance
    return summary


def print_summary(summary: dict) -> None:
    """What was learnt, and the numbers that it was learnt from."""
    header = ("", "base", "run", "optimum, forecast", "told?")
    rows = [_row(summary, name, times, digits) for name, times, digits in SHOWN]
    lines = [textwrap.fill(learnt(summary), WIDTH), "", table(header, rows, text_table.width()), ""]
    judged = "The prompts it was trained on" if summary.get("same_prompts") else "Held-out prompts"
    lines.append(f"{judged}; ± standard error, [95 % interval] over prompts.")
    if "kl_to_optimum" in summary:
        distance = with_error(summary["kl_to_optimum"], summary["kl_to_optimum_se"], 2)
        lines.append(f"KL from the run to the optimum: {distance} nats")
    turned_at = (summary.get("accuracy_slope") or {}).get("turned_at")
    if turned_at is not None:
        lines.append(f"From step {turned_at} on, right responses were less likely under the base than wrong ones:")
        lines.append("more sharpening lowers accuracy from there.")
    lines.append(textwrap.fill(arrival(summary), WIDTH))
    print("\n".join(lines))


def learnt(summary: dict) -> str:
    """One sentence: what the run made of accuracy, and whether that was foretold."""
    base, final, told = summary["base"], summary["final"], summary["forecast"]
    moved = f"{summary['regime']}: accuracy {100 * base['accuracy']:.1f} % → {100 * final['accuracy']:.1f} %"
    if not told["accuracy_reliable"]:
        return f"{moved}; the forecast could not tell."
    foretold = f"; forecast of the optimum {100 * told['accuracy']:.1f} %"
    if summary.get("not_arrived"):
        return f"{moved}{foretold}, not there yet."
    return f"{moved}{foretold}."


def arrival(summary: dict) -> str:
    """Is the run where its objective ends? One that is not is no evidence for or against the forecast."""
    why_not, steps = summary.get("not_arrived"), summary["steps"]
    if not why_not:
        return "Arrived: the run is where its objective ends, as far as can be told."
    said = f"Not there yet ({why_not}): no evidence for or against the forecast."
    if summary.get("collapse"):
        return f"{said} It lost responses on the way; a smaller --learning_rate may keep them."
    return f"{said} To go on: the same command with --resume --steps {2 * steps}."


def _row(summary: dict, name: str, times: float, digits: int) -> tuple[str, ...]:
    ends = (
        (summary[part][name] for part in ("base", "final")),
        (summary[part][f"{name}_se"] for part in ("base", "final")),
    )
    shown = (with_error(_times(value, times), _times(error, times), digits) for value, error in zip(*ends, strict=True))
    value, low, high = (_times(summary["forecast"][f"{name}{end}"], times) for end in ("", "_low", "_high"))
    told = "yes" if summary["forecast"][f"{name}_reliable"] else "no"
    label = "accuracy %" if name == "accuracy" else name.replace("_", " ")
    return label, *shown, f"{number(value, digits)} {interval(low, high, digits)}", told


def _times(value: float | None, times: float) -> float | None:
    """None for what is not known: null in the file, and an end of an interval that goes on for ever."""
    return None if value is None or not math.isfinite(value) else times * value
