"""A real model's responses as a tiny problem: what is read, and what is refused, in one sentence."""

import json

import numpy as np
import pytest

from toysims import policy_file

ROLLOUTS = [
    {"prompt_id": "a", "response": "4", "reward": 1.0, "log_p": -1.0},
    {"prompt_id": "a", "response": "5", "reward": 0.0, "log_p": -2.5},
    {"prompt_id": "a", "response": "4", "reward": 1.0, "log_p": -1.0},
    {"prompt_id": "b", "response": "7", "reward": 0.0, "log_p": -0.5},
]


def write(tmp_path, rows, name="rollouts.jsonl"):
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_equal_responses_count_once_and_the_rest_is_renormalised(tmp_path):
    problem, mass, prompt = policy_file.read(write(tmp_path, ROLLOUTS), "a")
    assert mass == pytest.approx(np.exp(-1.0) + np.exp(-2.5))
    assert prompt == "a"
    np.testing.assert_allclose(np.exp(problem.log_p), np.exp([-1.0, -2.5]) / mass)
    np.testing.assert_array_equal(problem.reward, [1, 0])


def test_json_and_parquet_say_the_same(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    rows = ROLLOUTS[:2]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    columns = {name: [row[name] for row in rows] for name in ("log_p", "reward")}
    (tmp_path / "columns.json").write_text(json.dumps(columns))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    for name in ("r.parquet", "columns.json", "rows.json"):
        problem = policy_file.read(tmp_path / name).problem
        np.testing.assert_allclose(problem.log_p[1] - problem.log_p[0], -1.5)
        np.testing.assert_array_equal(problem.reward, [1, 0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROLLOUTS, "2 prompts; choose one with --prompt-id"),
        ([{"log_p": -1.0}], "row 1 has no reward"),
        ([{"reward": 1.0}], "row 1 has no log_p"),
        ([{"log_p": 0.3, "reward": 1}, {"log_p": -1.0, "reward": 0}], "probability above 1"),
        ([{"log_p": -0.1, "reward": 1}, {"log_p": -0.1, "reward": 0}], "sum to 1.80967"),
        ([{"log_p": -1.0, "reward": 1}, {"log_p": -2.0, "reward": 1}], "every response has reward 1"),
        ([{"log_p": -1.0, "reward": 1}], "1 distinct response"),
        ([{"log_p": None, "reward": 1}, {"log_p": -1.0, "reward": 0}], "log_p of response 1 is None"),
        ([{"log_p": float("nan"), "reward": 1}, {"log_p": -1.0, "reward": 0}], "log_p of response 1 is nan"),
        ([ROLLOUTS[0], {**ROLLOUTS[2], "log_p": -3.0}], "one response has log_p -1 and -3"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        policy_file.read(write(tmp_path, rows))


def test_a_line_that_is_not_json_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"log_p": -1, "reward": 1}\n{"log_p": -1,\n')
    with pytest.raises(ValueError, match="invalid JSON on line 2"):
        policy_file.read(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        policy_file.read(tmp_path / "none.json")
    for name, content in (("x.csv", "a"), ("x.parquet", "a"), ("x.json", "[1, 2]"), ("y.json", '{"log_p": 3}')):
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=name):
            policy_file.read(tmp_path / name)
    with pytest.raises(ValueError, match="--prompt-id c is not in"):
        policy_file.read(write(tmp_path, ROLLOUTS), "c")
