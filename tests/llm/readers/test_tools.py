"""The same rollouts, as each of seven tools would have written them, are the same table; what a file lacks is said."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from llm.evaluate import main as evaluate
from llm.rollout_file import read_file
from llm.rollout_table import from_table
from tests.llm.readers import written
from tests.llm.readers.written import RESPONSES, WITH_LOG_P, WITHOUT_LOG_P

EVERY = (*WITH_LOG_P, *WITHOUT_LOG_P)


def names(writers):
    return [writer.__name__ for writer in writers]


@pytest.mark.parametrize("writer", EVERY, ids=names(EVERY))
def test_the_responses_of_every_tool_are_read_with_their_rewards_and_prompts(writer, tmp_path):
    table = read_file(writer(tmp_path)).table
    assert list(table["response"]) == [r["text"] for r in RESPONSES]
    cut = {r["sample"] for r in RESPONSES if not r["finished"]} if writer is written.openai else set()
    right = [r["reward"] if r["sample"] not in cut else 0.0 for r in RESPONSES]  # what was cut off is graded wrong
    assert list(table["reward"].astype(float)) == right
    prompt, _ = pd.factorize(table["prompt_id"])
    assert list(prompt) == [r["number"] for r in RESPONSES]
    assert not table.duplicated(["prompt_id", "sample"]).any()


@pytest.mark.parametrize("writer", WITH_LOG_P, ids=names(WITH_LOG_P))
def test_log_p_is_the_sum_over_the_tokens_of_the_response(writer, tmp_path):
    found = read_file(writer(tmp_path))
    assert "log_p" not in found.unknown and "length" not in found.unknown
    assert list(found.table["log_p"]) == pytest.approx([sum(r["tokens"]) for r in RESPONSES])
    assert list(found.table["length"]) == [len(r["tokens"]) for r in RESPONSES]
    if writer is not written.nemo_rl:
        assert list(found.table["finished"]) == [r["finished"] for r in RESPONSES]


@pytest.mark.parametrize("writer", WITHOUT_LOG_P, ids=names(WITHOUT_LOG_P))
def test_a_file_without_log_p_is_evaluated_and_what_it_cannot_tell_is_blank(writer, tmp_path, capsys):
    path = writer(tmp_path)
    evaluate([str(path), "--output-dir", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert said.startswith(f"note: {path} is a file of ") and "it does not tell log_p, length, finished" in said
    table = json.loads((tmp_path / "out" / "evaluation.json").read_text())["tables"][str(path)]
    # of three responses one, two, one and two are right
    by_prompt = [2 / 3, 1 / 3, 2 / 3, 1 / 3]
    assert table["pass@1"]["value"] == pytest.approx(np.mean(by_prompt))
    assert table["maj@1"]["value"] == pytest.approx(np.mean(by_prompt))
    for quantity in ("log_p", "kl", "best-of-2", "length", "truncated"):
        assert table[quantity] == {"value": None, "low": None, "high": None}


def test_without_boxes_or_answers_a_vote_is_not_told(tmp_path):
    rows = [{"input": f"q{i % 5}", "output": "so 4", "score": float(i < 5), "step": 1} for i in range(10)]
    path = written.lines(tmp_path / "1.jsonl", rows)
    evaluate([str(path), "--output-dir", str(tmp_path / "out")])
    table = json.loads((tmp_path / "out" / "evaluation.json").read_text())["tables"][str(path)]
    assert table["maj@2"]["value"] is None and table["pass@2"]["value"] == 1


def test_votes_are_for_the_answers_that_the_file_says_were_given(tmp_path):
    found = read_file(written.verl(tmp_path))
    rollouts = from_table(found.table.assign(response="no box here"), unknown=found.unknown)
    first = rollouts.vote[:3]
    assert first[0] == rollouts.correct_vote[0] == first[2] and first[1] >= 0 and first[1] != first[0]


def test_a_completion_reads_like_a_chat(tmp_path):
    (tmp_path / "text").mkdir()
    one, other = (
        read_file(written.openai(folder, chat)).table for folder, chat in ((tmp_path, True), (tmp_path / "text", False))
    )
    pd.testing.assert_frame_equal(one, other)


def test_two_filters_are_two_gradings_of_the_same_responses_and_the_first_is_read(tmp_path):
    found = read_file(written.lm_eval(tmp_path))
    assert len(found.table) == len(RESPONSES)
    assert any("of its filters (keep-all, keep-none) keep-all is read" in note for note in found.notes)
    assert set(found.table["temperature"]) == {1.0}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"step": 1, "prompt": "a", "completion": "b", "format": 1.0, "right": 0.0, "advantage": 0.1}],
            "several columns that could be the reward (format, right); name one with --column reward=NAME",
        ),
        (
            [{"doc_id": 0, "doc": {}, "resps": [[["-1.5", "True"]]], "filtered_resps": [["-1.5", "True"]], "acc": 1}],
            "log-likelihoods of given choices, and nothing that a model sampled",
        ),
        (
            [{"doc_id": 0, "doc": {}, "resps": [["a", "b"]], "filtered_resps": ["a"], "exact_match": 1}],
            "2 responses and one metric for all of them",
        ),
        ([{"custom_id": "a", "response": {"body": {"choices": [{"text": "b"}]}}}], "hold no rewards"),
        (
            [{"custom_id": "a", "response": {"body": {"choices": [{"mess": "b"}]}}}],
            "row 1 is not as that tool writes it",
        ),
        ([{"custom_id": "a", "response": None, "error": "x"}], "without a single response"),
        ([{"version": 2, "status": "error", "eval": {}, "samples": None}], "it holds no samples (status error"),
        ([{"task": {"data": {}}, "nodes": 3, "rewards": {}}], "row 1 is not as that tool writes it"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(rows, said, tmp_path, capsys):
    path = written.lines(tmp_path / "file.jsonl", rows)
    with pytest.raises(SystemExit) as stop:
        evaluate([str(path), "--output-dir", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert said in error and not (tmp_path / "out").exists()


def test_a_reward_is_chosen_among_several(tmp_path):
    rows = [{"step": 1, "prompt": "a", "completion": "b", "format": 1.0, "right": 0.5, "advantage": 0.1}]
    assert read_file(written.lines(tmp_path / "a.jsonl", rows), ["reward=right"]).table["reward"][0] == 0.5
    log = tmp_path / "log.json"
    log.write_text(json.dumps(written.inspect_log(("match", "model_graded"))))
    with pytest.raises(ValueError, match="several scorers"):
        read_file(log)
    assert read_file(log, ["reward=match"]).table["reward"].sum() == sum(r["reward"] for r in RESPONSES)
    with pytest.raises(ValueError, match="no such score"):
        read_file(log, ["reward=other"])


def test_a_log_that_was_not_finished_is_read_as_far_as_it_goes(tmp_path):
    """A .eval has no header.json before its evaluation ends."""
    whole = read_file(written.inspect_eval(tmp_path)).table
    with zipfile.ZipFile(tmp_path / "log.eval") as archive, zipfile.ZipFile(tmp_path / "half.eval", "w") as half:
        for name in [name for name in archive.namelist() if name != "header.json"][:4]:
            half.writestr(name, archive.read(name))
    found = read_file(tmp_path / "half.eval").table
    pd.testing.assert_frame_equal(found, whole.iloc[:3])


def test_a_file_is_known_by_what_stands_in_it_not_by_its_name(tmp_path):
    parquet, log = written.trl(tmp_path), written.inspect_eval(tmp_path)
    for path in (parquet, log):
        renamed = path.rename(tmp_path / f"{path.stem}.jsonl")
        assert list(read_file(renamed).table["response"]) == [r["text"] for r in RESPONSES]


OF_JSON = [writer for writer in EVERY if writer not in (written.trl, written.inspect_eval)]
NASTY = [None, 1, float("nan"), "x", "", [], [None], {}, {"choices": 3}, [[]], True]


@pytest.mark.parametrize("writer", OF_JSON, ids=names(OF_JSON))
def test_a_damaged_row_is_refused_in_words_or_read_never_a_traceback(writer, tmp_path):
    """Every value of every key of the second row, one after the other, is something else."""
    path = writer(tmp_path)
    text = path.read_text()
    rows = [json.loads(text)] if text.startswith("{\n") else [json.loads(line) for line in text.splitlines()]
    for place in _places(rows[-1] if len(rows) == 1 else rows[1]):
        for value in NASTY:
            broken = json.loads(json.dumps(rows))
            inner = broken[min(1, len(rows) - 1)]
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = value
            try:
                found = read_file(written.lines(tmp_path / "broken.jsonl", broken))
                from_table(found.table, "broken", found.unknown)
            except ValueError as error:
                assert str(error).startswith("ROLLOUTS ")


def _places(value, before=()):
    """The way to each value in nested lists (their first item) and objects, but the keys by which a file is known."""
    for key in value if isinstance(value, dict) else range(min(1, len(value))):
        yield (*before, key)
        if isinstance(value[key], dict | list):
            yield from _places(value[key], (*before, key))


def test_damaged_archives_are_refused(tmp_path):
    path = written.inspect_eval(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="ZIP is damaged"):
        read_file(path)


def test_columns_of_anybody_are_named_by_the_user(tmp_path):
    rows = [
        {"problem": r["number"], "text": r["text"], "gold": r["answer"], "ok": r["reward"], "sum_logprob": -1.5, "n": 4}
        for r in RESPONSES
    ]
    path = written.lines(tmp_path / "own.jsonl", [row | {"finished": True} for row in rows])
    pairs = ("prompt_id=problem", "response=text", "answer=gold", "reward=ok", "log_p=sum_logprob", "length=n")
    table = read_file(path, pairs).table
    assert list(table["sample"]) == [r["sample"] for r in RESPONSES]
    assert set(from_table(table).log_p) == {-1.5}
    with pytest.raises(ValueError, match="--column log_p=other: there is no such column, but problem, text"):
        read_file(path, ["log_p=other"])
    with pytest.raises(ValueError, match="--column log_p must be OURS=THEIRS"):
        read_file(path, ["log_p"])


def test_answers_of_a_table_of_their_own_are_graded(tmp_path):
    path = written.openai(tmp_path, graded=False)
    asked = [{"custom_id": f"q{i}", "prompt_id": f"p{i // 2}", "answer": written.ANSWERS[i]} for i in range(4)]
    found = read_file(path, answers=written.lines(tmp_path / "answers.jsonl", asked))
    right = [r["reward"] if r["finished"] else 0.0 for r in RESPONSES]
    assert list(found.table["reward"]) == right and "answer" not in found.unknown
    assert list(found.table["prompt_id"]) == ["p0"] * 6 + ["p1"] * 6
    assert list(found.table["sample"]) == [*range(6), *range(6)]
    with pytest.raises(ValueError, match="--answers has no custom_id q3"):
        read_file(path, answers=written.lines(tmp_path / "fewer.jsonl", asked[:3]))
    with pytest.raises(ValueError, match="--answers has custom_id q0 twice"):
        read_file(path, answers=written.lines(tmp_path / "more.jsonl", [*asked, asked[0]]))
    with pytest.raises(ValueError, match="--answers needs the columns"):
        read_file(path, answers=written.lines(tmp_path / "other.jsonl", [{"id": 1}]))
