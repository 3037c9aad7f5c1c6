"""llm.forecast from a table to its run folder."""

import json
from pathlib import Path

import pytest

from llm.forecast import DEMO, demo_rollouts, main
from tests.rollout_tables import PROMPTS, sampled


def refuse(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
    return error


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    sampled().to_parquet(folder / "mine.parquet")
    arguments = [folder / "mine.parquet", "--points", "2,1", "--alphas", "1", "1.5", "3", "--bs", "0", "1"]
    main([*map(str, arguments), "--output-dir", str(folder / "out")])
    return folder


def test_the_folder_holds_the_forecast_a_page_of_text_and_two_figures(written):
    result = json.loads((written / "out" / "forecast.json").read_text())
    assert result["rollouts"]["prompts"] == PROMPTS and result["rollouts"]["unfinished"] == 0
    lines = {(record["line"], record["method"]) for record in result["forecasts"]}
    assert {("alpha", "psis"), ("alpha", "cumulant"), ("b", "psis"), ("point", "psis"), ("limit", "psis")} <= lines
    for record in result["forecasts"]:
        assert {"accuracy", "accuracy_low", "accuracy_high", "length", "ess", "pareto_k", "reliable"} <= record.keys()
    names = [finding["name"] for finding in result["diagnosis"]]
    assert names[:5] == ["covariance", "content_covariance", "diversity_gap", "efficiency", "turning_point"]
    report = (written / "out" / "report.txt").read_text()
    assert report.startswith(f" {result['verdict']['word']}   ") and len(report.splitlines()) < 120
    for figure in ("curves.png", "plane.png"):
        assert (written / "out" / figure).is_file()


def test_a_finished_forecast_is_not_overwritten(written, capsys):
    assert "already holds a run" in refuse(capsys, written / "mine.parquet", "--output-dir", written / "out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--points", "2"], "--points 2 must be alpha,b"),
        (["--points", "x,1"], "--points x,1 must be alpha,b"),
        (["--alphas", "-1"], "--alphas must be finite numbers >= 0, got [-1.0]"),
        (["--bs", "inf"], "--bs must be finite numbers >= 0, got [inf]"),
        (["--run", "nowhere"], "--run nowhere is not a run folder"),
        (["--smc", "8"], "--smc 8 asks the model itself; give the one that made the rollouts with --model"),
        (["--smc", "4"], "--smc must be at least 8 particles, or 0 for none, got 4"),
        (["--gradient-cosine"], "--gradient-cosine asks the model itself"),
        (["--labels", "nowhere.csv"], "--labels nowhere.csv is no file"),
        (["--model", "nowhere"], "--model nowhere does not exist"),
    ],
)
def test_bad_arguments_end_in_one_line_and_leave_nothing(written, tmp_path, capsys, arguments, said):
    assert said in refuse(capsys, written / "mine.parquet", *arguments, "--output-dir", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_demo_is_what_lies_here_under_that_name_and_else_the_bundled_rollouts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert demo_rollouts(Path("demo")) == DEMO and (DEMO / "rollouts.parquet").exists()
    assert "bundled model aligned" in capsys.readouterr().out
    (tmp_path / "demo").mkdir()
    assert demo_rollouts(Path("demo")) == Path("demo")
    said = capsys.readouterr().err
    assert str(tmp_path / "demo") in said and str(DEMO) in said and said.count("\n") == 1
