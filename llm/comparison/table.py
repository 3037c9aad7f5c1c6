"""What a comparison prints: the verdict, how many forecasts held, and a row a run in a table that 80 columns hold."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from figures.study.verdict import cells
from harness.text_table import table
from llm.comparison.config import ARMS, TrainedArm
from llm.forecasting.page import WIDTH, first_line
from llm.wording import UNKNOWN, number

HELD, MISSED, WAITING, DOUBTED = "✓", "✗", "…", "?"
CONTROL = "control"
KEY = "✓ ✗ forecast held or not, by both errors   … not arrived   ? not told"


def page(results: pd.DataFrame, verdict: Mapping[str, Any] | None, base: Mapping[str, float], columns: int) -> str:
    """results: results.parquet; verdict: of forecast.json; base: summary.json of the base rollouts."""
    found = cells(results).set_index(["arm", "quantity"])
    waiting = {arm: own["not_arrived"].dropna() for arm, own in results.groupby("arm", sort=False)}
    why = {arm: reasons.iloc[0] for arm, reasons in waiting.items() if len(reasons)}
    arms = list(dict.fromkeys(results["arm"]))
    header = ("", "accuracy %", "forecast", "reward*", "length", "KL")
    rows: list[tuple[str, ...]] = [
        ("base model", _with_error(base, "accuracy", 100), "", "", number(base["length"], 1), "0")
    ]
    rows += [_row(arm, found, results, arm in why) for arm in arms]
    lines = [] if verdict is None else [first_line(verdict["word"], verdict["sentence"])]
    lines += [_fill(f"{counted(found, why)} {paired(results, why)}".strip()), "", table(header, rows, columns), "", KEY]
    lines.append(
        _fill("± standard error over prompts and seeds; * the most that a task reward can have at the run's KL")
    )
    if why:
        listed = "; ".join(f"{arm} ({reason})" for arm, reason in why.items())
        lines.append(_fill(f"Not arrived, no verdict on its forecast (go on with more --steps): {listed}."))
    if said := chance(found):
        lines.append(_fill(said))
    return "\n".join(lines) + "\n"


def counted(found: pd.DataFrame, waiting: Mapping[str, str]) -> str:
    """How many forecasts of accuracy held, in a sentence."""
    accuracy = found.xs("accuracy", level="quantity")
    told = accuracy[accuracy["reliable"].astype(bool) & accuracy["run"].notna() & ~accuracy.index.isin(list(waiting))]
    if told.empty:
        return "No run can be held against its forecast: none has arrived whose accuracy the forecast told."
    held = int(told["compatible"].sum())
    gap = (told["run"] - told["forecast"]).abs()
    return (
        f"{held} of {len(told)} runs that arrived have the accuracy that the forecast told, within both errors; the "
        f"farthest is {100 * gap.max():.1f} points off ({gap.idxmax()})."
    )


def paired(results: pd.DataFrame, waiting: Mapping[str, str]) -> str:
    """The stricter count, in a sentence: how prompts differ is in forecast and run, and cancels; "" without a run.

    The tables of studies made before there was this count lack its columns.
    """
    if "miss_low" not in results:
        return ""
    accuracy = results[(results["quantity"] == "accuracy") & ~results["arm"].isin(list(waiting))]
    told = accuracy[accuracy["reliable"].astype(bool) & accuracy["miss_low"].notna()]
    if told.empty:
        return ""
    held = int(((told["miss_low"] <= 0) & (told["miss_high"] >= 0)).sum())
    return f"Prompt by prompt, where what prompts differ in cancels, no gap can be seen in {held} of {len(told)} runs."


def chance(found: pd.DataFrame) -> str:
    """Which optima lie nearer than the control has drifted, in a sentence; "" without a control, or where none does.

    The control (alpha = 1) has its optimum at the base model: nothing pulls it, and how far it gets is what the
    optimiser does by chance. An optimum is named where even the control less twice its error is beyond it.
    """
    if CONTROL not in found.index:
        return ""
    kl = found.xs("kl", level="quantity")
    drift, error = kl.loc[CONTROL, "run"], kl.loc[CONTROL, "run_se"]
    trained = [arm for arm in kl.index if arm != CONTROL and isinstance(ARMS.get(arm), TrainedArm)]
    near = kl.loc[trained]
    near = near[near["run"].notna() & (near["forecast"] < drift - 2 * error)]
    if near.empty:
        return ""
    named = ", ".join(f"{arm} ({kl_there:.2g})" for arm, kl_there in near["forecast"].items())
    return (
        f"The control, which nothing pulls, ended {drift:.2g} ± {error:.1g} nats from the base model: so far the "
        f"optimiser gets by chance. Nearer than that, in nats, is the optimum of {named}: no verdict; more --steps at "
        "a smaller --learning_rate can give one."
    )


def _row(arm: str, found: pd.DataFrame, results: pd.DataFrame, waits: bool) -> tuple[str, ...]:
    accuracy, length, kl = (found.loc[(arm, quantity)] for quantity in ("accuracy", "length", "kl"))
    there = results.loc[results["arm"] == arm, "accuracy_of_tilting_at_its_kl"].mean()
    predicted = number(100 * accuracy["forecast"], 1)
    return (
        arm,
        _with_error({"accuracy": accuracy["run"], "accuracy_se": accuracy["run_se"]}, "accuracy", 100),
        f"{predicted} {mark(accuracy, waits)}" if predicted != UNKNOWN else f"{UNKNOWN}  ",
        number(100 * there, 1),
        f"{number(length['run'], 1)} {mark(length, waits)}",
        f"{number(kl['run'], 2)} {mark(kl, waits)}",
    )


def mark(cell: pd.Series, waits: bool) -> str:
    """Whether a forecast held; a space where there was none."""
    if not np.isfinite([cell["forecast"], cell["run"]]).all():
        return " "
    if not cell["reliable"]:
        return DOUBTED
    return WAITING if waits else HELD if cell["compatible"] else MISSED


def _with_error(values: Mapping[str, Any], name: str, times: float) -> str:
    error = values.get(f"{name}_se")
    known = "" if error is None or np.isnan(error) else f" ± {times * error:.1f}"
    return f"{number(times * values[name], 1)}{known}"


def _fill(text: str) -> str:
    return textwrap.fill(text, WIDTH)
