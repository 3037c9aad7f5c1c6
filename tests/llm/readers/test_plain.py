"""Rows of one's own under common names are read without a word of ours, and what they lack is said."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.forecast import main as forecast
from llm.forecasting.words import sentence
from llm.rollout_file import read_file
from llm.rollout_table import from_table
from theory.estimation.diagnosis import Silent, diagnose

ROWS = [
    {"prompt": "1+1", "response": "\\boxed{2}", "logprob": -0.5, "reward": 1},
    {"prompt": "1+1", "response": "\\boxed{3}", "logprob": -1.5, "reward": 0},
    {"prompt": "2+2", "response": "\\boxed{4}", "logprob": -0.25, "reward": 1},
    {"prompt": "2+2", "response": "\\boxed{4}", "logprob": -0.25, "reward": 1},
]


def written(folder, rows):
    path = folder / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_prompt_response_logprob_and_reward_are_enough(tmp_path):
    found = read_file(written(tmp_path, ROWS))
    assert list(found.unknown) == ["length", "finished", "answer"]
    assert found.lines("mine.jsonl")[0].endswith("it does not tell length, finished, answer")
    rollouts = from_table(found.table, "mine.jsonl", found.unknown)
    assert rollouts.log_p.tolist() == [-0.5, -1.5, -0.25, -0.25] and rollouts.reward.tolist() == [1, 0, 1, 1]
    assert found.table["prompt_id"].nunique() == 2 and found.table["sample"].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "names",
    [
        {"prompt": "question", "response": "completion", "logprob": "sum_logprob", "reward": "score"},
        {"prompt": "problem", "response": "output", "logprob": "log_p", "reward": "correct"},
    ],
)
def test_other_names_are_the_same_table(names, tmp_path):
    mine = read_file(written(tmp_path, ROWS)).table
    theirs = read_file(written(tmp_path, [{names[own]: value for own, value in row.items()} for row in ROWS])).table
    pd.testing.assert_frame_equal(theirs, mine)


def test_a_list_of_tokens_tells_log_p_and_length(tmp_path):
    rows = [row | {"logprob": [row["logprob"], -1.0]} for row in ROWS]
    found = read_file(written(tmp_path, rows))
    assert found.table["log_p"].tolist() == [-1.5, -2.5, -1.25, -1.25] and found.table["length"].tolist() == [2] * 4


def test_without_log_p_the_line_says_which_names_are_known_and_one_can_be_named(tmp_path):
    rows = [{"lp" if own == "logprob" else own: value for own, value in row.items()} for row in ROWS]
    path = written(tmp_path, rows)
    assert "--column log_p=NAME" in read_file(path).unknown["log_p"]
    assert read_file(path, ["log_p=lp"]).table["log_p"].tolist() == [-0.5, -1.5, -0.25, -0.25]


def test_without_a_reward_it_is_graded_by_the_answer_or_refused(tmp_path):
    rows = [{own: value for own, value in row.items() if own != "reward"} for row in ROWS]
    with pytest.raises(ValueError, match="--column reward=NAME"):
        read_file(written(tmp_path, rows))
    graded = read_file(written(tmp_path, [row | {"answer": 2} for row in rows]))
    assert graded.table["reward"].tolist() == [1, 0, 0, 0] and graded.table["answer"].tolist() == ["2"] * 4


def test_null_in_parquet_is_nothing(tmp_path):
    table = pd.DataFrame(ROWS).assign(answer=["2", "2", None, None], finished=[True, True, False, True])
    table.to_parquet(tmp_path / "mine.parquet")
    found = read_file(tmp_path / "mine.parquet")
    assert "2 of 4 responses have none" in found.unknown["answer"] and "finished" not in found.unknown


def test_our_own_table_is_left_as_it_is(tmp_path):
    with pytest.raises(ValueError, match="say which one it is with --column prompt_id=NAME"):
        from_table(read_file(written(tmp_path, [row | {"sample": 0} for row in ROWS])).table)


def test_without_lengths_copies_are_copies_and_content_at_equal_length_is_not_told(tmp_path):
    """nan differs from itself: each copy would be a response of its own, and the probabilities would add up to > 1."""
    found = read_file(written(tmp_path, ROWS))
    rollouts = from_table(found.table, "mine.jsonl", found.unknown)
    assert rollouts.different.first.tolist() == [True, True, True, False]
    (content,) = (own for own in diagnose(rollouts, [], np.random.default_rng(0)) if own.name == "content_covariance")
    assert content.silent == Silent.NO_LENGTHS and np.isnan(content.value)
    assert sentence(content).endswith("cannot be told: the rollouts have no lengths.")


def test_what_hangs_on_lengths_is_refused_in_one_line(tmp_path, capsys):
    path = written(tmp_path, ROWS)
    with pytest.raises(SystemExit) as stop:
        forecast(["--points", "2,0,1", "--output-dir", str(tmp_path / "out"), str(path)])
    assert stop.value.code == 2 and "need lengths in tokens" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
