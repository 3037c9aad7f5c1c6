"""Which forecast belongs to a study: the one made from its own base rollouts, however the path was typed."""

import json
from pathlib import Path

import pytest

from figures.gallery import drawings
from figures.study.forecasts import forecast_of, read_forecast
from figures.study.runs import read_study
from harness.run_kind import folders


@pytest.fixture
def made_of(study, forecast):
    """made_of(PATH): the study, and the forecast of another model that was made from PATH."""

    def read(rollouts, **config):
        (forecast / "config.json").write_text(json.dumps({"model": "another", "rollouts": str(rollouts)} | config))
        given = folders([study, forecast])
        return read_study(given[0]), read_forecast(given[1])

    return read


OWN = ("study/base", "study/base/rollouts.parquet")
INSIDE = "study/runs/task/seed0/base.parquet"  # found where it is, not by how the path ends


@pytest.mark.parametrize(
    ("typed", "how"),
    [(typed, how) for how in ("as typed", "from elsewhere", "absolute") for typed in OWN]
    + [(INSIDE, "as typed"), (INSIDE, "absolute")],
)
def test_a_forecast_of_the_studys_own_rollouts_is_found(made_of, study, monkeypatch, typed, how):
    """The commands of the README are typed with relative paths, which a run folder keeps as they are."""
    monkeypatch.chdir(study.parent if how == "as typed" else study.parent.parent)
    found, forecast = made_of(study.parent / typed if how == "absolute" else typed)
    assert forecast_of(found, [forecast]) is forecast


def test_the_page_and_the_figures_then_have_the_lines_of_the_forecast(made_of, study, forecast, monkeypatch):
    monkeypatch.chdir(study.parent)
    made_of("study/base")
    assert "along-alpha" in {drawing.name for drawing in drawings(folders([Path("study"), Path("forecast")]))}


def test_a_run_that_was_given_rollouts_has_the_forecast_made_from_them(made_of, study, monkeypatch, tmp_path):
    """llm.train --base runs/base, llm.forecast runs/base: the run folder lies elsewhere."""
    run = study / "runs" / "tilted-1" / "seed0"
    (run / "config.json").write_text(json.dumps({"model": "small", "base": "runs/base"}))
    monkeypatch.chdir(tmp_path)
    _, forecast = made_of("runs/base")
    assert forecast_of(read_study(folders([run])[0]), [forecast]) is forecast


@pytest.mark.parametrize("typed", ["elsewhere/base", "base", "/nowhere/base", "study2/base", ""])
def test_a_forecast_of_other_rollouts_and_another_model_is_not_the_studys(made_of, typed):
    found, forecast = made_of(typed)
    assert forecast_of(found, [forecast]) is None


def test_own_rollouts_go_before_the_same_model(made_of, study):
    found, forecast = made_of(study / "base")
    same_model = forecast._replace(model="small", rollouts=Path("elsewhere"))
    assert forecast_of(found, [same_model, forecast]) is forecast and forecast_of(found, [same_model]) is same_model


def test_each_target_has_the_record_of_its_best_method_alone(forecast):
    path = forecast / "forecast.json"
    content = json.loads(path.read_text())
    counted = [own | {"method": "counts", "accuracy": 0.123} for own in content["forecasts"] if own["line"] == "b"]
    expanded = [own | {"method": "cumulant", "accuracy": 0.9} for own in content["forecasts"]]
    path.write_text(json.dumps(content | {"forecasts": [*expanded, *content["forecasts"], *counted]}))
    lines = read_forecast(folders([forecast])[0]).lines
    assert [own["accuracy"] for own in lines["b"]] == [0.123] * 3
    assert {own["method"] for own in lines["alpha"]} == {"psis"} and len(lines["alpha"]) == 4
