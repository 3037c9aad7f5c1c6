"""The command llm.evaluate: what it is given reaches the evaluation, and what it cannot use is one line."""

import json

import pytest

from llm.evaluate import main
from tests.theory.estimation.test_statistics import table


def test_the_command_prints_what_it_writes(tmp_path, capsys):
    table().to_parquet(tmp_path / "one.parquet")
    main([str(tmp_path / "one.parquet"), "--ks", "2", "3", "--level", "0.5", "--output-dir", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    printed = capsys.readouterr().out
    assert result["level"] == 0.5 and "50% intervals over prompts" in printed
    assert "pass@3" in printed and printed.endswith(f"wrote {tmp_path / 'out'}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "rollouts"),
        (["nowhere.parquet"], "nowhere.parquet does not exist"),
        (["one.parquet", "--ks", "8"], "one.parquet has 4 samples of a prompt, fewer than k = 8"),
        (["one.parquet", "--ks", "0"], "--ks must be at least 1, got 0"),
        (["one.parquet", "strangers.parquet"], "strangers.parquet and one.parquet have no prompt_id in common"),
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
        main(arguments)
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and said in error and "\n" not in error
    assert not (tmp_path / "runs").exists()
