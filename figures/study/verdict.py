"""Was the forecast right? What the table of a study says, in sentences.

What the runs themselves answer is in figures.study.questions.
"""

import numpy as np
import pandas as pd

from figures.study.arrival import NEAR, listed, not_arrived, on_the_way
from figures.study.runs import SAMPLER, Study
from figures.study.words import with_error

Z = 1.96  # 95 %


def cells(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm × quantity: the forecast, the mean of the runs over seeds, and whether they agree.

    run_se = sqrt(mean se² + variance over seeds / seeds): seeds share their prompts, so that the error over prompts
    does not shrink with more of them. inside: the mean lies in the forecast's 95 % interval; compatible: it does once
    the run's own 95 % interval is allowed for, both errors in quadrature: they are independent, so that two
    intervals that merely overlap may still be too far apart.
    """
    grouped = results.groupby(["arm", "quantity"], sort=False)
    table = grouped[["base", "forecast", "low", "high", "reliable", "run"]].first()
    table["run"] = grouped["run"].mean()
    between = grouped["run"].var(ddof=1).fillna(0.0) / grouped["run"].size()
    within = grouped["run_se"].agg(lambda errors: np.mean(np.square(errors)))
    table["run_se"] = np.sqrt(within + between)
    table["inside"] = (table["low"] <= table["run"]) & (table["run"] <= table["high"])
    below = table["run"] < table["forecast"]
    half = np.where(below, table["forecast"] - table["low"], table["high"] - table["forecast"])
    table["compatible"] = (table["run"] - table["forecast"]).abs() <= np.hypot(half, Z * table["run_se"])
    return table.reset_index()


def verdict(study: Study) -> list[str]:
    """The verdict on one study; every number is counted from its tables, over the arms that have arrived."""
    waiting = not_arrived(study)
    table = cells(study.results)
    table = table[~table["arm"].isin(waiting)]
    arrived = [arm for arm, family in study.families.items() if family != SAMPLER and arm not in waiting]
    if not arrived:
        found = [f"These runs have not arrived, and give no verdict on the forecast: {listed(waiting)}."]
    else:
        found = [_agreement(table), *_direction(table), *_misses(table), *_distance(study)]
        if waiting:
            found.append(f"Not arrived, and not judged here: {listed(waiting)}.")
    if study.unfinished:
        found.append(f"Not finished, and not judged here: {', '.join(study.unfinished)}.")
    return found


def _agreement(table: pd.DataFrame) -> str:
    told = table[table["reliable"] & table["run"].notna()]
    declined = int((~table["reliable"]).sum())
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
    told = told[((told["low"] > told["base"]) | (told["high"] < told["base"])) & told["run"].notna()]
    if told.empty:
        return []
    foreseen = np.sign(told["run"] - told["base"]) == np.sign(told["forecast"] - told["base"])
    return [
        f"Direction: of {len(told)} arms whose accuracy the forecast said would move, {int(foreseen.sum())} moved that "
        "way."
    ]


def _misses(table: pd.DataFrame) -> list[str]:
    missed = table[table["reliable"] & table["run"].notna() & ~table["compatible"]]
    if missed.empty:
        return []
    arms = [f"{arm} ({', '.join(rows['quantity'])})" for arm, rows in missed.groupby("arm", sort=False)]
    return [f"Missed beyond both errors: {'; '.join(arms)}."]


def _distance(study: Study) -> list[str]:
    known = [run for run in study.runs if run.summary.get("kl_to_optimum") is not None]
    far = [run for run in known if on_the_way(run)]
    if not known:
        return []
    found = (
        f"Optimum: {len(known) - len(far)} of {len(known)} runs that have a single optimum end within {NEAR:g} nats or "
        "two standard errors of it"
    )
    away = (
        f"{run.arm} {with_error(run.summary['kl_to_optimum'], run.summary['kl_to_optimum_se'], '.2f')}"
        for run in sorted(far, key=lambda run: -run.summary["kl_to_optimum"])
    )
    return [found + (f"; farther away, in nats: {', '.join(away)}." if far else ".")]
