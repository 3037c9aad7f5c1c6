"""llm.compare: every arm forecast first and then run, arm by arm."""

import json
import shutil

import pandas as pd
import pytest

from harness.reservation import locked
from llm.compare import main
from llm.comparison.comparison import _asks_for_more, _is_missing
from llm.comparison.config import ARMS as ARMS_BY_NAME
from llm.comparison.config import CompareConfig, TrainedArm
from llm.training.config import TrainConfig

ARMS = ["tempered-2", "task"]
OPTIONS = ["--dataset", "addition", "--per_device_train_batch_size", "16", "--max_completion_length", "8"]


@pytest.fixture(scope="module")
def comparison(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "out"
    arguments = ["--model", str(tiny_model), *OPTIONS, "--quick", "--output-dir", str(folder), "--processes", "1"]
    main([*arguments, "--arms", *ARMS])
    return folder, arguments


def test_one_table_holds_forecast_and_run_of_every_arm(comparison):
    folder, _ = comparison
    table = pd.read_parquet(folder / "results.parquet")
    assert set(table["arm"]) == set(ARMS)
    assert set(table["quantity"]) == {"accuracy", "length", "log_p", "entropy", "kl"}
    predicted = json.loads((folder / "forecast.json").read_text())["arms"]
    row = table[(table["arm"] == "tempered-2") & (table["quantity"] == "length")].iloc[0]
    summary = json.loads((folder / "runs" / "tempered-2" / "seed0" / "summary.json").read_text())
    assert (row["forecast"], row["run"]) == (predicted["tempered-2"]["length"], summary["final"]["length"])


def test_the_base_model_is_sampled_under_the_limit_of_the_runs(comparison):
    folder, _ = comparison
    assert pd.read_parquet(folder / "base" / "rollouts.parquet")["length"].max() <= 8


def test_what_was_said_of_the_base_model_is_there_before_the_runs(comparison):
    folder, _ = comparison
    content = json.loads((folder / "forecast.json").read_text())
    assert {"covariance", "content_covariance", "diversity_gap", "efficiency"} <= {
        f["name"] for f in content["diagnosis"]
    }


def test_a_run_by_itself_takes_at_least_the_steps_of_the_study():
    """docs/study.md is of these numbers; a model of one's own has 100."""
    for name, arm in ARMS_BY_NAME.items():
        if isinstance(arm, TrainedArm):
            options = {"regime": arm.regime.value, "alpha": arm.alpha, "beta": arm.beta, "kappa": arm.kappa}
            alone = TrainConfig(**options, length_control=arm.length_control)
            assert alone.steps >= 240 * arm.longer, name
            assert TrainConfig(**options, dataset="addition", model="x/y").steps == alone.steps
            assert TrainConfig(**options, dataset="sums.jsonl", model="x/y").steps == 100
    assert TrainConfig(regime="tilted", beta=2.0).steps == 240 < TrainConfig(regime="tilted", beta=0.5).steps
    assert TrainConfig(regime="tempered", alpha=4.0, steps=7).steps == 7


def test_every_run_keeps_what_it_said_in_a_log(comparison):
    folder, _ = comparison
    said = (folder / "logs" / "tempered-2-seed0.txt").read_text()
    assert "KL from the run to the optimum" in said
    assert "Not there yet (" in said


def test_the_forecast_is_older_than_every_run(comparison):
    folder, _ = comparison
    runs = list(folder.glob("runs/*/*/config.json"))
    assert len(runs) == 2
    assert all((folder / "forecast.json").stat().st_mtime <= run.stat().st_mtime for run in runs)


def test_the_same_command_passes_over_what_is_finished_and_adds_arms(comparison, one_by_one):
    folder, arguments = comparison
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*/summary.json")}
    forecast = json.loads((folder / "forecast.json").read_text())["arms"]["task"]
    main([*arguments, "--arms", *ARMS, "tilted-1"])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (folder / "runs" / "tilted-1" / "seed0" / "summary.json").exists()
    assert json.loads((folder / "forecast.json").read_text())["arms"]["task"] == forecast


def test_more_steps_are_for_runs_that_have_not_arrived(tmp_path):
    arm, run = ARMS_BY_NAME["tilted-1"], tmp_path / "run"  # twice as many steps as are asked for
    config = CompareConfig(steps=20, output_dir=tmp_path)
    assert _is_missing(config, arm, run)
    run.mkdir()
    (run / "config.json").write_text('{"steps": 20}')
    for why_not, steps, missing in ((None, 20, False), ("0.4 nats", 20, True), ("0.4 nats", 10, False)):
        (run / "summary.json").write_text(json.dumps({"not_arrived": why_not}))
        assert _is_missing(CompareConfig(steps=steps, output_dir=tmp_path), arm, run) == missing
    (tmp_path / "config.json").write_text('{"steps": 10}')
    assert _asks_for_more(config) and not _asks_for_more(CompareConfig(steps=10, output_dir=tmp_path))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--model", "aligned"], "was begun with another --model"),
        (["--learning_rate", "1"], "was begun with another --trl"),
        (["--arms", "none"], "--arms none is not an arm; choose from control"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--processes", "-1"], "--processes must be at least 0, got -1"),
        (["--lora-rank", "-1"], "--lora-rank must be at least 0, got -1"),
        (["--lora-rank", "4"], "was begun with another --lora-rank (0, now 4)"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(comparison, capsys, changed, said):
    _, arguments = comparison
    with pytest.raises(SystemExit) as stop:
        main([*arguments, *changed])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1


def test_forecasts_alone_come_first_and_how_to_train_may_still_be_chosen(tiny_model, tmp_path, capsys, one_by_one):
    folder = tmp_path / "out"
    arguments = ["--model", str(tiny_model), *OPTIONS, "--quick", "--output-dir", str(folder), "--arms", "task"]
    main([*arguments, "--forecast-only"])
    assert not (folder / "runs").exists()
    said = {name: (folder / name).read_bytes() for name in ("forecast.json", "baselines.json")}
    assert set(json.loads(said["baselines.json"])["task"]) == {
        "no_change",
        "best_of_8",
        "pass_at_n",
        "correlation",
        "straight_line",
    }
    main([*arguments, "--learning_rate", "1e-4", "--lora-rank", "2"])
    assert {name: (folder / name).read_bytes() for name in said} == said
    config = json.loads((folder / "runs" / "task" / "seed0" / "config.json").read_text())
    assert config["trl"]["learning_rate"] == 1e-4 and config["lora_rank"] == 2
    with pytest.raises(SystemExit):
        main([*arguments, "--learning_rate", "2e-4", "--lora-rank", "2"])
    assert "was begun with another --trl" in capsys.readouterr().err


def test_an_arm_that_was_cut_off_goes_on_and_ends_with_the_same_tables(tiny_model, tmp_path, one_by_one):
    """Killed behind step 5 of 10: what it leaves is the checkpoint, its base rollouts and the lines of its metrics."""
    folder = tmp_path / "out"
    arguments = ["--model", str(tiny_model), *OPTIONS, "--quick", "--output-dir", str(folder), "--arms", "task"]
    arguments += ["--save_steps", "5", "--share-prefixes"]
    main(arguments)
    run = folder / "runs" / "task" / "seed0"
    before = {name: pd.read_parquet(run / name) for name in ("base.parquet", "final.parquet")}
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for name in ("summary.json", "final.parquet"):
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints" / "checkpoint-10")
    shutil.rmtree(run / "model")
    main(arguments)
    for name, table in before.items():
        pd.testing.assert_frame_equal(pd.read_parquet(run / name), table)
    again = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert again[:5] == metrics[:5] and len(again) == 10  # gone on with, not begun again
    assert [row["log_p"] for row in again] == [row["log_p"] for row in metrics]


def test_the_runs_are_scored_beside_the_baselines(comparison):
    folder, _ = comparison
    table = pd.read_parquet(folder / "scores.parquet")
    assert set(table["arm"]) >= set(ARMS) and set(table["quantity"]) == {"accuracy", "length"}
    row = table[(table["arm"] == "tempered-2") & (table["guess"] == "forecast") & (table["quantity"] == "length")].iloc[
        0
    ]
    assert row["error"] == abs(row["value"] - row["run"]) > 0


def test_a_folder_that_another_command_works_in_is_refused(comparison, capsys):
    folder, arguments = comparison
    with locked(folder), pytest.raises(SystemExit) as stop:
        main([*arguments, "--arms", *ARMS])
    assert stop.value.code == 2 and "is in use by another process" in capsys.readouterr().err


def test_samplers_stand_beside_the_runs_and_runs_that_have_not_arrived_are_marked(comparison, capsys, one_by_one):
    """p^2 by particles has the forecast of tempered-2; low temperature is at no point of the plane (T16)."""
    folder, arguments = comparison
    capsys.readouterr()
    main([*arguments, "--arms", *ARMS, "low-temperature-2", "best-of-8", "power-smc-2"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Not arrived, no verdict on its forecast (go on with more --steps): tempered-2 (" in said
    assert "nan" not in said and "low-temperature-2" in said
    word = json.loads((folder / "forecast.json").read_text())["verdict"]["word"]
    assert said.count(f"{word} ") >= 2  # before the runs, and above the table
    table = pd.read_parquet(folder / "results.parquet").set_index(["arm", "quantity"])
    columns = ["forecast", "low", "high", "reliable"]
    assert (table.loc[("power-smc-2", "length"), columns] == table.loc[("tempered-2", "length"), columns]).all()
    assert table.loc[("low-temperature-2", "length"), ["forecast", "low", "high"]].isna().all()
    assert not table.loc[("low-temperature-2", "length"), "reliable"]
    assert table.loc[["low-temperature-2", "best-of-8", "power-smc-2"], "tokens"].gt(0).all()
    assert table.loc["low-temperature-2", "not_arrived"].isna().all()
    assert (table.loc["task", "not_arrived"] == "10 steps").all()
    assert table.loc["tempered-2", "not_arrived"].notna().all()
    # The likeliest of eight is likelier than one.
    assert table.loc[("best-of-8", "log_p"), "run"] > table.loc[("best-of-8", "log_p"), "base"]
