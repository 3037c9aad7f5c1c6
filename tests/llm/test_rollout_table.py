"""Anybody's rollouts: what is read from them, and the one line that a wrong file gets."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.rollout_table import from_table, read


@pytest.fixture
def table():
    """Two prompts out of order, one response cut off, one given twice."""
    return pd.DataFrame(
        {
            "prompt_id": ["b", "a", "b", "a", "b"],
            "sample": [0, 0, 1, 1, 2],
            "response": [r"\boxed{1}", r"\boxed{2}", r"it is \boxed{1}", r"\boxed{2", r"\boxed{1}"],
            "answer": ["1", "3", "1", "3", "1"],
            "reward": [1.0, 0.0, 1.0, 1.0, 1.0],
            "log_p": [-1.0, -2.0, -3.0, -4.0, -1.2],
            "length": [3, 4, 9, 8, 3],
            "finished": [True, True, True, False, True],
        }
    )


def test_the_samples_of_a_prompt_stand_side_by_side(table):
    found = from_table(table)
    assert list(found.prompt_id) == ["b", "a"] and list(found.start) == [0, 3] and list(found.count) == [3, 2]
    assert list(found.length) == [3, 9, 3, 4, 8]


def test_the_same_response_has_one_log_probability(table):
    assert from_table(table).log_p == pytest.approx([-1.1, -3.0, -1.1, -2.0, -4.0])


def test_an_unfinished_response_has_no_reward_and_no_vote(table):
    found = from_table(table)
    assert list(found.reward) == [1, 1, 1, 0, 0]
    assert found.vote[4] == -1 and found.vote[3] >= 0


def test_votes_are_for_answers_not_for_responses(table):
    found = from_table(table)
    assert found.vote[0] == found.vote[1] == found.vote[2] == found.correct_vote[0]
    assert found.correct_vote[1] != found.vote[3]


def test_parquet_jsonl_and_a_folder_read_the_same(table, tmp_path):
    table.to_parquet(tmp_path / "rollouts.parquet")
    table.to_json(tmp_path / "rollouts.jsonl", orient="records", lines=True)
    for path in (tmp_path, tmp_path / "rollouts.jsonl"):
        found, expected = read(path), from_table(table)
        assert list(found.prompt_id) == list(expected.prompt_id)
        np.testing.assert_array_equal(found.vote, expected.vote)
        np.testing.assert_allclose(found.log_p, expected.log_p)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="log_p"), "no column 'log_p'; its columns are prompt_id, sample"),
        (lambda t: t.assign(log_p=[-1.0, float("nan"), -1, -1, -1]), "row 2: log_p is nan, must be finite and <= 0"),
        (lambda t: t.assign(log_p=[-1.0, -1, -1, 0.5, -1]), "row 4: log_p is 0.5, must be finite and <= 0"),
        (lambda t: t.assign(log_p=["-1", "x", "-1", "-1", "-1"]), "row 2: log_p is x"),
        (lambda t: t.assign(reward=[0.0, 1, 1.5, 0, 0]), "row 3: reward is 1.5, must be between 0 and 1"),
        (lambda t: t.assign(length=[1, 0, 1, 1, 1]), "row 2: length is 0, must be at least 1 token"),
        (lambda t: t.assign(finished=[True, 2, True, True, True]), "row 2: finished is 2, must be true or false"),
        (lambda t: t.assign(sample=[0, 0, 1, 1, 1]), "row 5: prompt_id b, sample 1 stands there a second time"),
        (lambda t: t.assign(prompt_id=["b", None, "b", "a", "b"]), "row 2: prompt_id is missing"),
        (lambda t: t.iloc[:0], "has no rows"),
    ],
)
def test_a_wrong_table_is_refused_by_row_and_column(table, change, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        from_table(change(table))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "does not exist; make it with python -m llm.sample"),
        (lambda path: path.mkdir(), "is a folder without rollouts.parquet or base.parquet"),
        (lambda path: path.write_text("not json"), "could not be read"),
        (lambda path: path.write_text(json.dumps({"prompt_id": 1})), "has no column 'sample'"),
    ],
)
def test_a_wrong_path_is_refused(tmp_path, write, said):
    path = tmp_path / "rollouts.jsonl"
    write(path)
    with pytest.raises(ValueError, match=said):
        read(path)
