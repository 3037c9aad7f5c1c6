"""What commands do to folders: what is not theirs stays, a refusal leaves nothing, and two never write into one."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.reservation import locked
from llm import compare, evaluate, forecast, lookalike, pretrain, sample, score, train

COMMANDS = {
    "compare": compare.main,
    "evaluate": evaluate.main,
    "forecast": forecast.main,
    "lookalike": lookalike.main,
    "pretrain": pretrain.main,
    "sample": sample.main,
    "score": score.main,
    "train": train.main,
}
SMALL = ["--dataset", "addition", "--steps", "2", "--eval-prompts", "4", "--eval-samples", "2"]
SMALL += ["--forecast-samples", "4", "--per_device_train_batch_size", "16", "--max_completion_length", "8"]
FEW = ["--alphas", "1", "2", "--bs", "0", "1"]


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory) -> Path:
    """Base rollouts of six prompts in a folder of somebody's own."""
    random = np.random.default_rng(0)
    rows = [
        {
            "prompt_id": f"p{prompt}",
            "sample": number,
            "response": f"{prompt} {number}",
            "answer": str(number % 2),
            "reward": float(number % 2),
            "log_p": float(-5 - 3 * random.random()),
            "length": 5,
            "finished": True,
        }
        for prompt in range(6)
        for number in range(8)
    ]
    folder = tmp_path_factory.mktemp("data")
    pd.DataFrame(rows).assign(log_pi=lambda table: table["log_p"]).to_parquet(folder / "rollouts.parquet")
    return folder / "rollouts.parquet"


def refused(command: str, arguments: list, monkeypatch, capsys) -> str:
    """The one line with which the command ends."""
    monkeypatch.setattr(sys, "argv", [command, *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        COMMANDS[command]()
    error = capsys.readouterr().err.replace("\r", "\n").strip()
    assert stop.value.code == 2 and error.startswith("error: ") and "\n" not in error, error
    return error


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_model_a_data_set_and_somebodys_notes_are_never_replaced(
    command, rollouts, tiny_model, tmp_path, monkeypatch, capsys
):
    """Every model folder has a config.json, which once was all that --overwrite asked for."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "report.txt").write_text("years of work")
    arguments = {
        "forecast": [rollouts],
        "evaluate": [rollouts],
        "sample": ["--model", tiny_model, "--dataset", "addition"],
        "score": [rollouts, "--model", tiny_model],
        "train": ["--model", tiny_model, *SMALL],
        "compare": ["--model", tiny_model, "--dataset", "addition", "--quick"],
        "lookalike": ["--dataset", "nowhere.jsonl"],
        "pretrain": ["--steps", "1"],
    }[command]
    for theirs in (tiny_model, rollouts.parent, tmp_path / "notes"):
        before = tree(theirs)
        for overwrite in ([], ["--overwrite"]):
            said = refused(command, [*arguments, "--output-dir", theirs, *overwrite], monkeypatch, capsys)
            assert "holds files that are no run of this project" in said
        assert tree(theirs) == before


def test_a_forecast_of_a_forecasts_own_folder_keeps_it(rollouts, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "forecast"
    forecast.main([str(rollouts), *FEW, "--output-dir", str(folder)])
    shutil.copy(rollouts, folder / "rollouts.parquet")
    before = tree(folder)
    arguments = [folder / "rollouts.parquet", *FEW, "--output-dir", folder, "--overwrite"]
    assert "other files as well (rollouts.parquet)" in refused("forecast", arguments, monkeypatch, capsys)
    assert tree(folder) == before
    mark = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(mark | {"files": [*mark["files"], "rollouts.parquet"]}))
    assert "an input of this command" in refused("forecast", arguments, monkeypatch, capsys)


def test_forecast_and_evaluate_take_a_fresh_folder_each_time(rollouts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for main, arguments in ((forecast.main, FEW), (evaluate.main, [])):
        for _ in range(2):
            main([str(rollouts), *arguments])
    made = sorted(path.name.split("-")[0] for path in (tmp_path / "runs").iterdir())
    assert made == ["evaluation", "evaluation", "forecast", "forecast"]
    printed = capsys.readouterr().out
    assert all(f"wrote {path.relative_to(tmp_path)}" in printed for path in (tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("train", [*SMALL, "--base", "nowhere.parquet"], "nowhere.parquet does not exist"),
        ("train", [*SMALL, "--report_to", "wandb"], "--report_to wandb"),
        ("train", [*SMALL, "--seed", "-1"], "--seed"),
        ("train", [*SMALL, "--config", "bytes.yaml"], "--config bytes.yaml is not UTF-8 text"),
        ("train", [*SMALL, "--config", "."], "--config .: Is a directory"),
        ("train", [*SMALL, "--config"], "--config"),
        ("compare", ["--quick", "--model", "no/such/model", "--dataset", "addition"], "--model no/such/model"),
        ("compare", ["--quick", "--report_to", "wandb"], "--report_to wandb"),
        ("compare", ["--quick", "--learning_rate", "fast"], "'fast'"),
        ("compare", ["--quick", "--dataset", "nowhere.jsonl"], "--dataset nowhere.jsonl"),
        ("sample", ["--seed", "-1"], "--seed must be at least 0, got -1"),
        ("sample", ["--model", "no/such/model", "--dataset", "addition"], "--model no/such/model"),
        ("sample", ["--samples", "1000000000"], "--samples 1000000000 would need about"),
        ("forecast", ["ROLLOUTS", "--seed", "-1"], "--seed must be at least 0, got -1"),
        ("forecast", ["ROLLOUTS", "--run", "."], "--run . is not a run folder of llm.train"),
        ("forecast", ["ROLLOUTS", "--alpha", "2"], "did you mean --alphas?"),
        ("evaluate", ["ROLLOUTS", "--seed", "-1"], "--seed must be at least 0, got -1"),
        ("evaluate", ["ROLLOUTS", "--ks", "1000000000"], "fewer than k = 1000000000"),
        ("lookalike", ["--dataset", "nowhere.jsonl"], "--dataset nowhere.jsonl"),
        ("lookalike", ["--dataset", "nowhere.jsonl", "--seed", "-1"], "--seed must be at least 0, got -1"),
        ("pretrain", ["--seed", "-1"], "--seed must be at least 0, got -1"),
        ("pretrain", ["--learning-rate", "nan"], "--learning-rate must be finite and above 0, got nan"),
    ],
)
def test_a_refusal_leaves_no_folder(command, arguments, said, rollouts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bytes.yaml").write_bytes(b"alpha: \xff\xfe")
    arguments = [rollouts if argument == "ROLLOUTS" else argument for argument in arguments]
    arguments[1:1] = ["--output-dir", "out"] if command in ("forecast", "evaluate") else []
    arguments[:0] = [] if command in ("forecast", "evaluate") else ["--output-dir", "out"]
    assert said in refused(command, arguments, monkeypatch, capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["bytes.yaml"]


@pytest.fixture(scope="module")
def trained(tiny_model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        arguments = ["--model", tiny_model, *SMALL, "--save_steps", "1", "--output-dir", folder]
        monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments)])
        train.main()
    return folder


@pytest.mark.parametrize("how", ["--resume", "--overwrite"])
def test_a_second_process_in_a_run_folder_is_refused(trained, how, tiny_model, monkeypatch, capsys):
    """As when a cluster queues a run again that still goes on: both would write metrics.jsonl."""
    before = tree(trained)
    with locked(trained):
        arguments = ["--model", tiny_model, *SMALL, "--save_steps", "1", "--output-dir", trained, how]
        assert "is in use by another process" in refused("train", arguments, monkeypatch, capsys)
    assert tree(trained) == before


def test_work_of_an_unfinished_run_is_lost_on_request_only(trained, tiny_model, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    for name in ("summary.json", "final.parquet"):
        (folder / name).unlink()
    mark = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(mark | {"finished": None, "files": None}))
    before = tree(folder)
    arguments = ["--model", tiny_model, *SMALL, "--save_steps", "1", "--output-dir", folder]
    said = refused("train", arguments, monkeypatch, capsys)
    assert "the same command with --resume goes on with it, --overwrite replaces it" in said
    assert tree(folder) == before


def test_a_run_that_got_nowhere_does_not_stand_in_the_way(tiny_model, tmp_path, monkeypatch, capsys):
    """What a crash after the checks leaves: the corrected command runs without --overwrite."""
    folder = tmp_path / "run"
    arguments = ["--model", tiny_model, *SMALL, "--output-dir", folder]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["llm.train", *map(str, arguments)])
        patch.setattr("llm.training.run.train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.main()
    assert (folder / "base.parquet").exists()
    monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments), "--seed", "1"])
    train.main()
    assert json.loads((folder / "config.json").read_text())["seed"] == 1 and (folder / "summary.json").exists()


def test_several_processes_need_one_folder(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "--output-dir is needed with several processes" in refused("train", SMALL, monkeypatch, capsys)
