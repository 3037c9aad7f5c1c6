"""llm.evaluate from tables to its folder."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from llm.evaluate import main
from tests.theory.estimation.test_statistics import table


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["llm.evaluate", *map(str, arguments)])
    main()


def test_the_command_compares_tables_prompt_by_prompt(tmp_path, monkeypatch):
    one, other = table(prompts=30, samples=4), table(prompts=30, samples=4)
    # Right where the other is, and at every fifth sample besides; lengths are two more; KL is not known.
    other["reward"] = np.where(np.arange(len(other)) % 5 == 0, 1.0, other["reward"]) * other["finished"]
    other["length"] += 2
    other["log_pi"] = np.nan
    one.to_parquet(tmp_path / "one.parquet")
    other.to_parquet(tmp_path / "other.parquet")
    run(monkeypatch, tmp_path / "one.parquet", tmp_path / "other.parquet", "--output-dir", tmp_path / "out")
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    (difference,) = result["differences"].values()
    np.testing.assert_allclose(list(difference["length"].values()), 2.0, err_msg="paired: no noise of prompts is left")
    np.testing.assert_allclose(difference["pass@1"]["value"], (other["reward"] - one["reward"]).mean())
    assert difference["pass@1"]["low"] < difference["pass@1"]["value"] < difference["pass@1"]["high"]
    values = result["tables"][str(tmp_path / "one.parquet")]
    assert {"pass@1", "pass@4", "maj@4", "best-of-4", "length", "truncated", "kl"} <= values.keys()
    assert result["tables"][str(tmp_path / "other.parquet")]["kl"]["value"] is None
    assert "k1" in result["kl_estimator"]
    assert len(pd.read_csv(tmp_path / "out" / "evaluation.csv")) == 3 * len(values)


def test_what_is_always_so_is_not_certain(tmp_path, monkeypatch):
    """Of 20 prompts that are all solved one in six may yet not be; two such tables may differ by as much."""
    for name in ("one", "other"):
        table(prompts=20, samples=4).assign(reward=1.0, finished=True).to_parquet(tmp_path / f"{name}.parquet")
    run(monkeypatch, tmp_path / "one.parquet", tmp_path / "other.parquet", "--output-dir", tmp_path / "out")
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    for values in result["tables"].values():
        assert values["pass@4"]["high"] == 1.0 and values["pass@4"]["low"] == pytest.approx(0.025 ** (1 / 20))
        assert values["truncated"]["low"] == 0.0 and values["truncated"]["high"] > 0.1
    (difference,) = result["differences"].values()
    assert difference["pass@4"]["low"] < -0.1 and difference["pass@4"]["high"] > 0.1


def test_a_run_folder_stands_for_base_last_and_best(tmp_path, monkeypatch):
    for run_name in ("a", "b"):
        (tmp_path / run_name).mkdir()
        table(prompts=6).to_parquet(tmp_path / run_name / "base.parquet")
        table(prompts=6, seed=1).to_parquet(tmp_path / run_name / "final.parquet")
    table(prompts=6, seed=2).to_parquet(tmp_path / "b" / "best.parquet")
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "a", "b", "--output-dir", "out")
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert list(result["tables"]) == ["a:base", "a:last", "b:last", "b:best"]
    assert list(result["differences"]) == ["a:last", "b:last", "b:best"] and result["differences_to"] == "a:base"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "rollouts"),
        (["nowhere.parquet"], "nowhere.parquet does not exist"),
        (["one.parquet", "--ks", "8"], "one.parquet has 4 samples of a prompt, fewer than k = 8"),
        (["one.parquet", "--ks", "0"], "--ks must be at least 1, got 0"),
        (["one.parquet", "--level", "95"], "--level must be between 0 and 1, got 95"),
        (["one.parquet", "strangers.parquet"], "have no prompt_id in common"),
        (["columns.parquet"], "has no column 'reward'; its columns are prompt_id"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one = table()
    one.to_parquet("one.parquet")
    one.assign(prompt_id="q" + one["prompt_id"]).to_parquet("strangers.parquet")
    one.drop(columns="reward").to_parquet("columns.parquet")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, *arguments)
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and said in error and "\n" not in error
    assert not (tmp_path / "runs").exists()


def test_a_table_has_the_same_intervals_wherever_it_stands(tmp_path, monkeypatch):
    """The draws of the first table once decided those of the second, so that one accuracy had several intervals."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("one", "other")):
        table(prompts=12, samples=4, seed=seed).to_parquet(f"{name}.parquet")
    told = {}
    for order in (("one", "other"), ("other", "one")):
        out = f"out-{order[0]}"
        run(monkeypatch, *(f"{name}.parquet" for name in order), "--output-dir", out)
        told[order] = json.loads((tmp_path / out / "evaluation.json").read_text())["tables"]
    first, second = told.values()
    assert first == second


def test_the_level_of_the_intervals_is_the_one_asked_for(tmp_path, monkeypatch, capsys):
    """Half of a normal distribution lies within .674 standard deviations, 95 % of it within 1.96."""
    table(prompts=60, samples=4).to_parquet(tmp_path / "one.parquet")
    width = {}
    for level in (0.5, 0.95):
        run(monkeypatch, tmp_path / "one.parquet", "--level", level, "--output-dir", tmp_path / str(level))
        result = json.loads((tmp_path / str(level) / "evaluation.json").read_text())
        (values,) = result["tables"].values()
        width[level] = {name: values[name]["high"] - values[name]["low"] for name in ("length", "log_p", "pass@1")}
        assert result["level"] == level and f"{level:.0%} intervals over prompts" in capsys.readouterr().out
    for name in width[0.5]:
        assert width[0.5][name] / width[0.95][name] == pytest.approx(0.674 / 1.96, rel=0.15), name
