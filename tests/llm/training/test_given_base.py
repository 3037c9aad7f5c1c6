"""--base is checked against the run before anything is trained or written."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from llm.problems import BUNDLED, hold_out, load_problems
from llm.rollout_table import COLUMNS
from llm.sample import main as sample
from llm.train import main as train
from llm.training.given_base import given_base

PROMPTS = 4


@pytest.fixture(scope="module")
def sampled(tiny_model, tmp_path_factory):
    """The folder of llm.sample on the prompts that a run of four evaluation prompts is judged by."""
    folder = tmp_path_factory.mktemp("base") / "rollouts"
    arguments = ["--model", tiny_model, "--dataset", BUNDLED, "--prompts", PROMPTS, "--samples", 4]
    sample([*map(str, arguments), "--max-new-tokens", "8", "--output-dir", str(folder)])
    return folder


@pytest.fixture(scope="module")
def table(sampled):
    return pd.read_parquet(sampled / "rollouts.parquet")


@pytest.fixture(scope="module")
def problems():
    return hold_out(load_problems(BUNDLED, "heldout"), PROMPTS)[1]


def another_problem(table):
    return table.replace({"prompt_id": {table["prompt_id"].iloc[0]: "1+1+1+1="}})


def another_text(table):
    return table.replace({"prompt": {table["prompt"].iloc[0]: "1+1+1+1="}})


REFUSED = {
    "fewer prompts": (lambda t: t[t["prompt_id"] != t["prompt_id"].iloc[0]], "rollouts of 3 prompts, and this run is"),
    "other prompts": (another_problem, "has no rollouts of prompt"),
    "other problems under the same ids": (another_text, "the prompt of"),
    "other answers": (lambda t: t.assign(answer="7").drop(columns="prompt"), "the answer of"),
    "missing columns": (lambda t: t.drop(columns=["log_p", "reward"]), "log_p"),
    "a power sampler": (lambda t: t.assign(log_pi=np.nan), "row 1: log_pi is not known"),
    "a power sampler of known density": (lambda t: t.assign(log_pi=2 * t["log_p"]), "log_pi and log_p differ by"),
    "a trained model": (lambda t: t.assign(log_pi=t["log_p"] + 0.3), "log_pi and log_p differ by 0.30 nats"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rollouts_that_are_not_the_run_s_own_are_refused_before_anything_is_written(
    name, table, tiny_model, tmp_path, monkeypatch, capsys
):
    change, said = REFUSED[name]
    change(table).to_parquet(tmp_path / "base.parquet")
    small = ["--dataset", BUNDLED, "--steps", 1, "--eval-prompts", PROMPTS, "--output-dir", tmp_path / "run"]
    arguments = ["--model", tiny_model, *small, "--base", tmp_path / "base.parquet"]
    monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments)])
    monkeypatch.setattr("llm.training.run.train", lambda *_: pytest.fail("trained"))
    with pytest.raises(SystemExit) as stop:
        train()
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and error.startswith("error: --base") and said in error and "\n" not in error
    assert not (tmp_path / "run").exists()


def test_the_folder_s_own_words_are_believed(sampled, table, problems, tmp_path, tiny_model):
    """The model and the method that config.json beside the table names; a copy of the model of the same name passes."""
    config = json.loads((sampled / "config.json").read_text())
    for change, said in (
        ({"model": "aligned"}, "was sampled from --model aligned"),
        ({"method": "power-smc"}, "was sampled with --method power-smc"),
        ({"model": f"elsewhere/{tiny_model.name}"}, None),
    ):
        table.to_parquet(tmp_path / "rollouts.parquet")
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        for path in (tmp_path, tmp_path / "rollouts.parquet"):
            if said is None:
                assert len(given_base(path, str(tiny_model), problems)) == len(table)
            else:
                with pytest.raises(ValueError, match=said):
                    given_base(path, str(tiny_model), problems)


def test_the_columns_of_another_tool_are_enough(table, problems, tiny_model, tmp_path):
    """The eight columns of docs/forecast.md; log_pi is log_p by definition, and -log_p has the entropy as its mean."""
    table[list(COLUMNS)].to_json(tmp_path / "own.jsonl", orient="records", lines=True)
    base = given_base(tmp_path / "own.jsonl", str(tiny_model), problems)
    assert (base["log_pi"] == base["log_p"]).all() and (base["entropy"] == -base["log_p"]).all()
    assert base["prompt_id"].map(type).eq(str).all()


def test_a_run_goes_from_given_rollouts_to_its_summary(sampled, table, tiny_model, tmp_path, monkeypatch):
    own = tmp_path / "own.parquet"
    table[list(COLUMNS)].to_parquet(own)
    small = ["--steps", 1, "--eval-prompts", PROMPTS, "--eval-samples", 2, "--per_device_train_batch_size", 16]
    for base in (sampled, own):
        folder = tmp_path / base.stem
        arguments = ["--model", tiny_model, "--dataset", BUNDLED, *small, "--max_completion_length", 8]
        monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments), "--base", str(base)])
        sys.argv += ["--output-dir", str(folder)]
        train()
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["base"]["accuracy"] == pytest.approx(table["reward"].mean())
