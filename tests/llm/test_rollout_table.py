"""Anybody's rollouts: what is read from them, and the one line that a wrong file gets."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.rollout_table import from_table, read
from theory.estimation.forecast import forecast
from theory.estimation.records import Method
from theory.estimation.reweight import Target
from theory.estimation.statistics import prompt_statistics


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
        (
            lambda t: t[["sample", "answer"]],
            "no column 'prompt_id', 'response', 'reward', 'log_p', 'length', 'finished'",
        ),
        (lambda t: t.assign(response=["a", None, "b", "c", "d"]), "row 2: response is missing; give an empty text"),
        (lambda t: t.assign(answer=["1", "1", float("nan"), "1", "1"]), "row 3: answer is missing"),
        (
            lambda t: t.assign(response=[["a"], "b", "c", "d", "e"]),
            "row 1: response is a list or an object, not a text",
        ),
        (lambda t: t.assign(reward=[{"a": 1}, 1, 1, 1, 1]), "row 1: reward is {'a': 1}, must be between 0 and 1"),
        (lambda t: t.assign(log_p=[-1, -1, -1e308, -1, -1]), "row 3: log_p is -1e[+]308, must be finite and <= 0"),
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
        (lambda path: path.write_text(json.dumps({"prompt_id": 1})), "has no column 'sample', 'response', 'answer'"),
        (
            lambda path: path.write_text('{"prompt_id": 1}\n\n{"prompt_id": 2'),
            r"line 3 is not JSON: .*; is the file cut off",
        ),
        (lambda path: path.write_text('{"prompt_id": 1}\n[2]'), "line 2 is not an object"),
        (lambda path: path.write_text('[{"prompt_id": 1},\n oops]'), "line 2 is not JSON"),
        (lambda path: path.write_text('["a"]'), "line 1 is not an object"),
        (lambda path: path.write_text(""), "has no column 'prompt_id'.*; it has none"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "could not be read .*; it must be Parquet or JSONL"),
    ],
)
def test_a_wrong_path_is_refused(tmp_path, write, said):
    path = tmp_path / "rollouts.jsonl"
    write(path)
    with pytest.raises(ValueError, match=said):
        read(path)


@pytest.mark.parametrize(
    "write",
    [
        lambda lines, path: path.write_text("\n".join(lines) + "\n\n  \n"),
        lambda lines, path: path.write_text("\n" + "\n".join(lines), encoding="utf-8-sig"),
        lambda lines, path: path.write_text("[" + ",\n".join(lines) + "]"),
        lambda lines, path: path.write_text("\r\n".join(lines)),
    ],
    ids=["blank lines", "byte-order mark", "array", "carriage returns"],
)
def test_json_is_read_as_other_tools_write_it(table, tmp_path, write):
    path = tmp_path / "rollouts.jsonl"
    write(table.to_json(orient="records", lines=True).splitlines(), path)
    found, expected = read(path), from_table(table)
    np.testing.assert_allclose(found.log_p, expected.log_p)
    np.testing.assert_array_equal(found.vote, expected.vote)


def test_compressed_json_is_read(table, tmp_path):
    table.to_json(tmp_path / "rollouts.jsonl.gz", orient="records", lines=True)
    np.testing.assert_allclose(read(tmp_path / "rollouts.jsonl.gz").log_p, from_table(table).log_p)


def test_numbers_as_ids_are_texts_and_stay_apart(table, tmp_path):
    rows = [
        row | {"prompt_id": number} for row, number in zip(table.to_dict("records"), [7, "07", 7, "07", 7], strict=True)
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert list(read(tmp_path / "r.jsonl").prompt_id) == ["7", "07"]


@pytest.mark.parametrize("words", [("True", "False"), ("true", "false"), (" TRUE", "False "), (1, 0), ("1", "0")])
def test_finished_may_be_written_in_any_way(table, tmp_path, words):
    told = table.assign(finished=[words[0] if value else words[1] for value in table["finished"]])
    told.to_parquet(tmp_path / "rollouts.parquet")
    told.to_json(tmp_path / "rollouts.jsonl", orient="records", lines=True)
    for path in (tmp_path, tmp_path / "rollouts.jsonl"):
        assert list(read(path).finished) == [True, True, True, True, False]


def test_a_finished_response_is_not_averaged_with_one_that_was_cut_off(table):
    """The same text and length: the finished one has the probability of its end in it."""
    log_p = [-1.0, -1.1, -1.2, -1.25, -1.05]  # as near as rounding may bring copies
    cut = table.assign(response="same", length=3, prompt_id="a", sample=range(5), log_p=log_p)
    found = from_table(cut)
    ended = cut["finished"].to_numpy(bool)
    assert found.log_p[found.finished] == pytest.approx(np.mean(np.array(log_p)[ended]))
    assert found.log_p[~found.finished] == pytest.approx(np.array(log_p)[~ended]) and (~ended).sum() == 1


def test_the_answer_is_compared_in_its_normal_form(table):
    """The gold 0.50 and the box 1/2 are one answer, whatever the reward says."""
    half = table.assign(answer="0.50", response=r"\boxed{1/2}", reward=0.0, finished=True)
    found = from_table(half)
    assert (found.vote == found.each(found.correct_vote)).all()


def test_answers_that_are_not_known_elect_nobody(table):
    """A column given without an answer in any row: its rewards tell none, whatever stands in boxes."""
    found = from_table(table.assign(given=None))
    assert not found.answers_known and from_table(table).answers_known
    statistics = prompt_statistics(found, (1, 2))
    assert np.isnan(statistics["maj@2"]).all() and not np.isnan(statistics["pass@2"]).any()
    (record,) = forecast(found, [Target(1.0, 1.0)], np.random.default_rng(0), methods=(Method.PSIS,))
    assert not [name for name in record.quantities if name.startswith("maj")]


@pytest.mark.parametrize("given", ["}", "1}", r"\{1", "a{b", r"\boxed{1", "1}{"])
def test_an_answer_with_unbalanced_braces_is_an_answer(table, given):
    found = from_table(
        table.assign(given=[given, "2", "7", "3", given], answer=[given, "3", given, "3", given], reward=0)
    )
    assert found.vote[0] == found.vote[2] == found.correct_vote[0] != found.vote[1]
    assert (found.vote[:4] >= 0).all()
