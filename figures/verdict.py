"""What the tables of a study say, in sentences: was the forecast right, what did sharpening buy, did it stay."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from figures.runs import Study

Z = 1.96  # 95 %


def cells(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm × quantity: the forecast, the mean of the runs over seeds, and whether they agree.

    run_se = sqrt(mean se² + variance over seeds / seeds): seeds share their prompts, so that the error over prompts
    does not shrink with more of them. inside: the mean lies in the forecast's 95 % interval; compatible: it does once
    the run's own 95 % interval is allowed for.
    """
    grouped = results.groupby(["arm", "quantity"], sort=False)
    table = grouped[["base", "forecast", "low", "high", "reliable", "run"]].first()
    table["run"] = grouped["run"].mean()
    between = grouped["run"].var(ddof=1).fillna(0.0) / grouped["run"].size()
    within = grouped["run_se"].agg(lambda errors: np.mean(np.square(errors)))
    table["run_se"] = np.sqrt(within + between)
    table["inside"] = (table["low"] <= table["run"]) & (table["run"] <= table["high"])
    reach = Z * table["run_se"]
    table["compatible"] = (table["low"] <= table["run"] + reach) & (table["run"] - reach <= table["high"])
    return table.reset_index()


def at_equal_kl(table: pd.DataFrame, regimes: dict[str, str], task_line: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """For each arm that sharpens without a reward: its gain, and what the task reward would gain at its KL.    [T5]

    task_line: the forecast's records along b at alpha = 1, b = null its limit. Between them by straight lines; beyond
    the last one accuracy cannot grow any more. A gain is accuracy less that of the base model.
    """
    told = sorted(
        (r for r in task_line if r["accuracy_reliable"] and r["kl_reliable"]), key=lambda record: record["kl"]
    )
    arms = table[table["arm"].map(regimes).isin(["sharpening", "tempered"])]
    wide = arms.pivot(index="arm", columns="quantity", values=["run", "run_se", "base"])
    wide = wide.loc[[arm for arm in arms["arm"].unique() if wide.loc[arm, ("run", "kl")] > 0]]
    base = wide["base", "accuracy"]
    reward = (
        np.nan if len(told) < 2 else np.interp(wide["run", "kl"], *([r[q] for r in told] for q in ("kl", "accuracy")))
    )
    return pd.DataFrame(
        {
            "kl": wide["run", "kl"],
            "gain": wide["run", "accuracy"] - base,
            "gain_se": wide["run_se", "accuracy"],
            "task_gain": reward - base,
        }
    )


def sentences(study: Study, task_line: Sequence[dict[str, Any]] = ()) -> list[str]:
    """The verdict on one study; every number is counted from its tables."""
    table = cells(study.results)
    found = [*_budget(table, study, task_line), _agreement(table), *_direction(table), *_misses(table), *_stay(study)]
    if study.unfinished:
        found.append(f"Not finished, and not judged here: {', '.join(study.unfinished)}.")
    return found


def _agreement(table: pd.DataFrame) -> str:
    told = table[table["reliable"]]
    declined = len(table) - len(told)
    if told.empty:
        return f"The forecast declined to tell any of the {len(table)} cells (arm × quantity)."
    inside, compatible = int(told["inside"].sum()), int(told["compatible"].sum())
    return (
        f"Forecast: of {len(told)} cells (arm × quantity) that it marked as reliable, {inside} "
        f"({inside / len(told):.0%}) end inside its 95 % interval, {compatible} ({compatible / len(told):.0%}) once "
        f"the run's own error is allowed for. It declined to tell {declined}."
    )


def _direction(table: pd.DataFrame) -> list[str]:
    told = table[(table["quantity"] == "accuracy") & table["reliable"]]
    told = told[(told["low"] > told["base"]) | (told["high"] < told["base"])]
    if told.empty:
        return []
    right = np.sign(told["run"] - told["base"]) == np.sign(told["forecast"] - told["base"])
    return [
        f"Direction: of {len(told)} arms whose accuracy the forecast said would move, {int(right.sum())} moved that "
        "way."
    ]


def _misses(table: pd.DataFrame) -> list[str]:
    missed = table[table["reliable"] & ~table["compatible"]]
    if missed.empty:
        return []
    arms = [f"{arm} ({', '.join(rows['quantity'])})" for arm, rows in missed.groupby("arm", sort=False)]
    return [f"Missed beyond both errors: {'; '.join(arms)}."]


def _budget(table: pd.DataFrame, study: Study, task_line: Sequence[dict[str, Any]]) -> list[str]:
    price = at_equal_kl(table, study.regimes, task_line)
    if price.empty:
        return []
    sure = price["gain"].abs() > Z * price["gain_se"]
    up, down = int((sure & (price["gain"] > 0)).sum()), int((sure & (price["gain"] < 0)).sum())
    found = [
        f"Sharpening: of {len(price)} arms without a reward, {up} end above the base model in accuracy, {down} below, "
        f"{len(price) - up - down} within the error of the run."
    ]
    if price["task_gain"].notna().all():
        ahead = int((price["gain"] > price["task_gain"]).sum())
        best = price["gain"].idxmax()
        gain, error, task_gain = (100 * price.loc[best, name] for name in ("gain", "gain_se", "task_gain"))
        found.append(
            f"At equal KL: {ahead} of these {len(price)} gain more than the task reward is forecast to gain at the "
            f"same KL. The best, {best}, gains {gain:+.1f} ± {error:.1f} points at {price.loc[best, 'kl']:.2f} nats; "
            f"the task reward {task_gain:+.1f}."
        )
    return found


def _stay(study: Study) -> list[str]:
    known = [run for run in study.runs if run.summary.get("kl_to_optimum") is not None]
    far = [run for run in known if run.summary["kl_to_optimum"] > max(0.1, 2 * run.summary["kl_to_optimum_se"])]
    if not known:
        return []
    found = (
        f"Stability: {len(known) - len(far)} of {len(known)} runs that have a single optimum end within 0.1 nats or "
        "two standard errors of it"
    )
    away = (
        f"{run.arm} {run.summary['kl_to_optimum']:.2f} ± {run.summary['kl_to_optimum_se']:.2f}"
        for run in sorted(far, key=lambda run: -run.summary["kl_to_optimum"])
    )
    return [found + (f"; farther away, in nats: {', '.join(away)}." if far else ".")]
