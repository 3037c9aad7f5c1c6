"""The verdict is counted from the tables; on the small study every count can be made by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from figures.study.answers import answers
from figures.study.arrival import on_the_way
from figures.study.forecasts import read_forecast
from figures.study.runs import read_run, read_study
from figures.study.verdict import cells, verdict
from harness.run_kind import folders


@pytest.fixture
def read(study, forecast):
    given = folders([study, forecast])
    return read_study(given[0]), read_forecast(given[1])


def test_a_cell_is_inside_where_the_mean_over_seeds_lies_in_the_interval(read):
    table = cells(read[0].results).set_index(["arm", "quantity"])
    assert table.loc[("tempered-2", "accuracy"), "run"] == pytest.approx(0.405)
    assert table.loc[("tempered-2", "accuracy"), "inside"]  # 0.405 in [0.38, 0.42]
    assert not table.loc[("tilted-1", "accuracy"), "inside"]  # 0.61 in [0.68, 0.72]
    assert not table.loc[("tilted-1", "kl"), "inside"]  # 0.2 in [0.09, 0.11]


def test_the_error_of_a_mean_over_seeds_keeps_the_error_over_prompts():
    """sqrt(mean se² + var/seeds): two seeds at 0.2 and 0.4, se 0.03 and 0.04, share their prompts."""
    rows = {"arm": "a", "quantity": "kl", "base": 0.0, "forecast": 0.5, "low": 0.45, "high": 0.6, "reliable": True}
    table = cells(pd.DataFrame([rows | {"run": 0.2, "run_se": 0.03}, rows | {"run": 0.4, "run_se": 0.04}]))
    expected = np.sqrt((0.03**2 + 0.04**2) / 2 + np.var([0.2, 0.4], ddof=1) / 2)
    assert table["run_se"].item() == pytest.approx(expected)
    assert not table["inside"].item() and table["compatible"].item()  # hypot(0.05, 1.96 · 0.106) = 0.21


@pytest.mark.parametrize(("run", "compatible"), [(0.445, True), (0.44, False), (0.603, True), (0.61, False)])
def test_the_error_of_the_run_reaches_as_far_on_either_side(run, compatible):
    row = {"arm": "a", "quantity": "kl", "base": 0.0, "forecast": 0.5, "low": 0.45, "high": 0.6, "reliable": True}
    # 1.96 se = 0.029, and hypot(0.05, 0.029) = 0.058 below, hypot(0.1, 0.029) = 0.104 above
    table = cells(pd.DataFrame([row | {"run": run, "run_se": 0.015}]))
    assert not table["inside"].item() and bool(table["compatible"].item()) == compatible


def test_every_sentence_counts_what_the_tables_hold(read):
    study, _ = read
    found = " ".join(verdict(study))
    # Inside: log_p, entropy, accuracy and KL of tempered-2; its length (forecast 8, run 12) is not.
    assert "of 5 cells (arm × quantity) that it marked as reliable, 4 (80%) end inside" in found
    assert "4 (80%) once the run's own error is allowed for. It declined to tell 0." in found
    assert "of 1 arms whose accuracy the forecast said would move, 1 moved that way" in found
    assert "Missed beyond both errors: tempered-2 (length)." in found
    assert "2 of 4 runs that have a single optimum end within 0.1 nats" in found
    assert "farther away, in nats: tilted-1 0.30 ± 0.02, tilted-1 0.30 ± 0.02." in found
    assert "Not arrived, and not judged here: tilted-1 (0.30 ± 0.02 nats from its optimum)." in found
    assert "not judged here: task" in found


def test_runs_that_have_all_arrived_are_all_judged(read):
    study = arrived(read[0])
    found = " ".join(verdict(study))
    # And of tilted-1 log_p and entropy; its accuracy, length and KL are missed.
    assert "of 10 cells (arm × quantity) that it marked as reliable, 6 (60%) end inside" in found
    assert "Missed beyond both errors: tempered-2 (length); tilted-1 (accuracy, length, kl)." in found
    assert "of 2 arms whose accuracy the forecast said would move, 2 moved that way" in found
    assert "4 of 4 runs that have a single optimum" in found and "Not arrived" not in found


def test_a_forecast_that_could_not_tell_is_not_judged(read):
    study, _ = read
    unsure = arrived(study)._replace(results=study.results.assign(reliable=False))
    found = verdict(unsure)
    assert "The forecast declined to tell any of the 10 cells (arm × quantity)." in found
    assert not any("Missed" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quick": True}, "tempered-2 (--quick, 30 steps); tilted-1 (--quick, 30 steps)"),
        ({"steps": 10}, "tempered-2 (10 steps); tilted-1 (10 steps)"),
        ({"kl_to_optimum": 0.4}, "tempered-2 (0.40 ± 0.02 nats from its optimum); tilted-1 (0.40 ± 0.02 nats from its"),
    ],
)
def test_runs_that_have_not_arrived_give_no_verdict(read, change, why):
    study = arrived(read[0])
    settings = {name: value for name, value in change.items() if name != "quick"}
    waiting = study._replace(runs=[own(run, **settings) for run in study.runs], quick=change.get("quick", False))
    first, *rest = verdict(waiting)
    assert first.startswith("These runs have not arrived, and give no verdict on the forecast: ") and why in first
    assert rest == ["Not finished, and not judged here: task."]
    told = [" ".join(answer.sentences) for answer in answers(waiting)]
    assert told[0].startswith("These runs have not arrived, and give no verdict: tempered-2 (")
    assert "end above" not in told[0] and "%" not in told[0]


@pytest.mark.parametrize(("last", "why"), [(0.5, None), (0.9, "accuracy still rises at its end")])
def test_without_a_single_optimum_a_run_has_arrived_when_it_no_longer_moves(study, last, why):
    """60 steps at 0.5, with noise of batches; then twenty more."""
    folder = study / "runs" / "tilted-1" / "seed0"
    noise = 0.01 * np.random.default_rng(0).normal(size=80)
    levels = np.r_[np.full(60, 0.5), np.full(20, last)] + noise
    lines = ({"step": step, "accuracy": level, "log_p": -5.0} for step, level in enumerate(levels, 1))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = own(read_run(folder, "task"), kl_to_optimum=None, steps=80)
    assert on_the_way(run) == why
    assert on_the_way(run._replace(regime="sharpening")) is None  # that raises log p, which stands still


def test_a_large_error_of_the_distance_is_not_held_against_a_run(read):
    run = read[0].runs[0]
    assert on_the_way(own(run, kl_to_optimum=0.3, kl_to_optimum_se=0.2)) is None
    assert on_the_way(own(run, kl_to_optimum=0.3, kl_to_optimum_se=0.1)) == "0.30 ± 0.10 nats from its optimum"
    assert on_the_way(own(run, kl_to_optimum=0.3, kl_to_optimum_se=None)) == "0.30 nats from its optimum"


def own(run, **settings):
    return run._replace(summary=run.summary | settings)


def arrived(study):
    """The same study, each run at its optimum."""
    return study._replace(runs=[own(run, kl_to_optimum=0.01) for run in study.runs])
