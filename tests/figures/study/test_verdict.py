"""The verdict is counted from the tables; on the small study every count can be made by hand."""

import numpy as np
import pandas as pd
import pytest

from figures.gallery import forecast_of, read_forecast
from figures.study.runs import read_study
from figures.study.verdict import cells, sentences
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
    assert not table["inside"].item() and table["compatible"].item()  # 0.3 + 1.96 · 0.106 = 0.508 reaches 0.45


@pytest.mark.parametrize(("run", "compatible"), [(0.43, True), (0.41, False), (0.62, True), (0.64, False)])
def test_the_error_of_the_run_reaches_as_far_on_either_side(run, compatible):
    row = {"arm": "a", "quantity": "kl", "base": 0.0, "forecast": 0.5, "low": 0.45, "high": 0.6, "reliable": True}
    table = cells(pd.DataFrame([row | {"run": run, "run_se": 0.015}]))  # 1.96 se = 0.029
    assert not table["inside"].item() and bool(table["compatible"].item()) == compatible


def test_every_sentence_counts_what_the_tables_hold(read):
    study, _ = read
    found = " ".join(sentences(study))
    # Inside: length (forecast 8 or 10, run 12) nowhere, log_p and entropy everywhere, accuracy and KL of tempered-2.
    assert "of 10 cells (arm × quantity) that it marked as reliable, 6 (60%) end inside" in found
    assert "6 (60%) once the run's own error is allowed for. It declined to tell 0." in found
    assert "of 2 arms whose accuracy the forecast said would move, 2 moved that way" in found
    assert "Missed beyond both errors: tempered-2 (length); tilted-1 (accuracy, length, kl)." in found
    assert "2 of 4 runs that have a single optimum end within 0.1 nats" in found and "tilted-1 0.30 ± 0.02" in found
    assert "not judged here: task" in found


def test_a_forecast_that_could_not_tell_is_not_judged(read):
    study, _ = read
    unsure = study._replace(results=study.results.assign(reliable=False))
    found = sentences(unsure)
    assert "The forecast declined to tell any of the 10 cells (arm × quantity)." in found
    assert not any("Missed" in sentence for sentence in found)


def test_a_forecast_belongs_to_the_runs_of_its_own_rollouts_before_those_of_its_model(read):
    study, forecast = read
    own = forecast._replace(rollouts=str(study.runs[0].folder.parents[2] / "base"), model=None)
    assert forecast_of(study, [forecast, own]) is own and forecast_of(study, [forecast]) is forecast
    assert forecast_of(study, [forecast._replace(model="another")]) is None
