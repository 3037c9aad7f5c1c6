"""What a comparison prints: which forecasts held, base first, and nothing cut."""

import numpy as np
import pandas as pd
import pytest

from llm.comparison.table import mark, page
from theory.vocabulary import COMPARED

BASE = {"accuracy": 0.5, "accuracy_se": 0.02, "length": 16.0}
VERDICT = {"word": "REWARD", "sentence": "Train on the task reward."}


def results(arms):
    """arm -> (forecast, low, high, reliable, run, why it has not arrived) of the accuracy; other quantities agree."""
    rows = []
    for arm, (forecast, low, high, reliable, run, waits) in arms.items():
        for quantity in COMPARED:
            own = (forecast, low, high, reliable, run) if quantity == "accuracy" else (2.0, 1.9, 2.1, True, 2.0)
            row = dict(zip(("forecast", "low", "high", "reliable", "run"), own, strict=True))
            row |= {"arm": arm, "seed": 0, "quantity": quantity, "base": 0.5, "run_se": 0.01, "not_arrived": waits}
            row |= {"miss": run - forecast, "miss_low": run - forecast - 0.05, "miss_high": run - forecast + 0.05}
            rows.append(row | {"accuracy_of_tilting_at_its_kl": 0.9, "kl_to_optimum": 0.1})
    return pd.DataFrame(rows)


ARMS = {
    "tempered-2-trajectory-balance": (0.7, 0.68, 0.72, True, 0.69, None),
    "tempered-2": (0.4, 0.38, 0.42, True, 0.6, None),
    "tempered-4": (0.9, 0.88, 0.92, True, 0.6, "0.40 nats from its optimum"),
    "task": (1.0, 0.9, 1.0, False, 0.95, None),
    "best-of-8": (np.nan, np.nan, np.nan, False, 0.8, None),
}


def test_runs_are_rows_with_a_mark_and_the_base_model_comes_first():
    text = page(results(ARMS), VERDICT, BASE, 80)
    lines = text.splitlines()
    assert lines[0] == " REWARD   Train on the task reward."
    rows = {line.split("  ")[0]: line for line in lines}
    assert list(rows).index("base model") < list(rows).index("tempered-2") and "50.0 ± 2.0" in rows["base model"]
    for arm, shown in (
        ("tempered-2-trajectory-balance", "70.0 ✓"),
        ("tempered-2", "40.0 ✗"),
        ("tempered-4", "90.0 …"),
        ("task", "100.0 ?"),
        ("best-of-8", "80.0 ± 1.0       –  "),
    ):
        assert shown in rows[arm], rows[arm]
    assert "tempered-4 (0.40 nats from its optimum)" in " ".join(text.split()) and "nan" not in text


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_no_number_is_cut_and_no_line_is_wider_than_a_narrow_terminal(columns):
    text = page(results(ARMS), VERDICT, BASE, columns)
    assert max(map(len, text.splitlines())) <= 80 and "…" not in text.replace(" …", "")


def test_the_sentence_counts_what_arrived_and_was_told():
    said = " ".join(page(results(ARMS), None, BASE, 80).split())
    assert said.startswith("1 of 2 runs that arrived have the accuracy that the forecast told")
    assert "Prompt by prompt, where what prompts differ in cancels, no gap can be seen in 1 of 2 runs." in said
    assert "Prompt by prompt" not in page(results(ARMS).drop(columns=["miss_low"]), None, BASE, 80)
    assert "the farthest is 20.0 points off (tempered-2)" in said
    nobody = page(results({"task": ARMS["task"]}), None, BASE, 80)
    assert nobody.startswith("No run can be held against its forecast")


def test_a_mark_needs_a_forecast_and_a_run():
    cell = {"forecast": 0.5, "run": np.nan, "reliable": True, "compatible": False}
    assert mark(pd.Series(cell), False) == " " and mark(pd.Series(cell | {"run": 0.4}), False) == "✗"


@pytest.mark.parametrize(
    ("drift", "error", "forecast", "named"),
    [
        (0.065, 0.018, 0.016, True),
        (0.065, 0.018, 0.070, False),  # farther than the control got
        (0.065, 0.018, 0.030, False),  # 0.065 - 2 × 0.018 = 0.029: it may be
        (0.065, 0.018, 0.028, True),
        (0.000, 0.001, 0.016, False),
    ],
)
def test_an_optimum_nearer_than_the_control_drifted_has_no_verdict(drift, error, forecast, named):
    told = (0.5, 0.4, 0.6, True, 0.5, None)
    table = results({"control": told, "tilted-2": told, "best-of-8": told, "power-smc-2": told})
    kl = table["quantity"] == "kl"
    table.loc[kl & (table["arm"] == "control"), ["forecast", "run", "run_se"]] = 0.0, drift, error
    table.loc[kl & (table["arm"] == "tilted-2"), "forecast"] = forecast
    table.loc[kl & (table["arm"] == "best-of-8"), ["forecast", "run"]] = np.nan
    table.loc[kl & (table["arm"] == "power-smc-2"), ["forecast", "run"]] = 0.001  # not trained: it does not drift
    said = " ".join(page(table, None, BASE, 80).split())
    sentence = f"ended {drift:.2g} ± {error:.1g} nats from the base model"
    assert (sentence in said) == named
    assert (f"the optimum of tilted-2 ({forecast:.2g}): no verdict" in said) == named
    assert not any(f"{other} (" in said for other in ("best-of-8", "power-smc-2", "control"))
    assert "by chance" not in page(table[table["arm"] != "control"], None, BASE, 80)
