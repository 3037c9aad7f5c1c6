"""One prompt's responses from a file: what is read, and what is refused, in one sentence that names the argument."""

import json
import subprocess
import sys

import numpy as np
import pytest

from theory.policy_file import read_policy

ROLLOUTS = [
    {"prompt_id": "a", "response": "4", "reward": 1.0, "log_p": -1.0, "length": 2},
    {"prompt_id": "a", "response": "5", "reward": 0.0, "log_p": -2.5, "length": 3},
    {"prompt_id": "a", "response": "4", "reward": 1.0, "log_p": -1.0, "length": 2},
    {"prompt_id": "b", "response": "7", "reward": 0.0, "log_p": -0.5, "length": 1},
]


def write(tmp_path, content, name="rollouts.jsonl"):
    path = tmp_path / name
    if name.endswith(".jsonl"):
        path.write_text("\n".join(json.dumps(row) for row in content))
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_equal_responses_count_once_and_the_rest_is_renormalised(tmp_path):
    path = write(tmp_path, ROLLOUTS)
    listed = read_policy(path, "a")
    mass = np.exp(-1.0) + np.exp(-2.5)
    assert listed.mass == pytest.approx(mass) and listed.prompt_id == "a"
    np.testing.assert_allclose(np.exp(listed.problem.log_p), np.exp([-1.0, -2.5]) / mass)
    np.testing.assert_array_equal(listed.problem.reward, [1, 0])
    np.testing.assert_array_equal(listed.problem.length, [2, 3])
    assert listed.note(path).startswith(f"2 distinct responses of prompt a of {path}: they hold 0.45 of the model's")


def test_a_response_that_was_cut_off_is_another_than_the_same_text_with_its_end(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{**ROLLOUTS[0], "finished": True}, {**ROLLOUTS[0], "finished": False, "log_p": -3.0, "reward": 0.0}]
    assert len(read_policy(write(tmp_path, rows)).problem) == 2
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    assert len(read_policy(tmp_path / "r.parquet").problem) == 2


def test_of_many_prompts_three_are_named(tmp_path):
    rows = [{**ROLLOUTS[0], "prompt_id": name} for name in "abcd"]
    for given, example in ((rows[:2], r"\(a, b\)"), (rows[:3], r"\(a, b, c\)"), (rows, r"\(a, b, c, \.\.\.\)")):
        with pytest.raises(ValueError, match=f"has {len(given)} prompts; choose one with --prompt-id {example}"):
            read_policy(write(tmp_path, given))
    assert read_policy(write(tmp_path, [*rows[:1], {**ROLLOUTS[1], "prompt_id": None}])).prompt_id == "a"


def test_json_jsonl_and_parquet_say_the_same(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    rows = ROLLOUTS[:3]  # the third is a copy of the first
    parquet.write_table(pa.Table.from_pylist([{**row, "more": [1, 2]} for row in rows]), tmp_path / "r.parquet")
    columns = {name: [row[name] for row in rows[:2]] for name in ("log_p", "reward", "length")}
    write(tmp_path, columns, "columns.json")
    write(tmp_path, rows, "rows.json")
    write(tmp_path, rows, "rows.jsonl")
    for name in ("r.parquet", "columns.json", "rows.json", "rows.jsonl"):
        problem = read_policy(tmp_path / name).problem
        np.testing.assert_allclose(problem.log_p[1] - problem.log_p[0], -1.5)
        np.testing.assert_array_equal(problem.reward, [1, 0])
        np.testing.assert_array_equal(problem.length, [2, 3])


def test_probabilities_are_a_whole_distribution_and_zero_is_off_the_support(tmp_path):
    """T24: a response of probability zero keeps its row, and a learner's problem is without it."""
    problem, mass, prompt_id = read_policy(write(tmp_path, {"p": [0.75, 0, 0.25], "reward": [0, 1, 1]}, "p.json"))
    np.testing.assert_array_equal(problem.log_p, [np.log(0.75), -np.inf, np.log(0.25)])
    assert mass == 1 and prompt_id is None and problem.length is None
    np.testing.assert_array_equal(problem.on_support().reward, [0, 1])


def test_log_probabilities_that_add_up_to_one_are_not_touched(tmp_path):
    log_p = np.log([0.3, 0.45, 0.25]).tolist()
    problem = read_policy(write(tmp_path, {"log_p": log_p, "reward": [0, 1, 0]}, "p.json")).problem
    np.testing.assert_array_equal(problem.log_p, log_p)


def test_lengths_that_are_not_all_known_are_left_out(tmp_path):
    rows = [ROLLOUTS[0], {**ROLLOUTS[1], "length": None}]
    assert read_policy(write(tmp_path, rows)).problem.length is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "lists no response"),
        (ROLLOUTS, "2 prompts; choose one with --prompt-id"),
        ([{"log_p": -1.0}], "row 1 has no reward"),
        ([{"reward": 1.0}], "row 1 has no log_p"),
        ([{"response": "4"}], "row 1 has no reward and no log_p"),
        ([{"log_p": 0.3, "reward": 1}, {"log_p": -1.0, "reward": 0}], "probability above 1"),
        ([{"log_p": -0.1, "reward": 1}, {"log_p": -0.1, "reward": 0}], "sum to 1.80967"),
        ([{"log_p": -np.inf, "reward": 1}], "every response has probability zero"),
        ([{"log_p": None, "reward": 1}, {"log_p": -1.0, "reward": 0}], "log_p of response 1 is None"),
        ([{"log_p": -1.0, "reward": "1"}, {"log_p": -1.0, "reward": 0}], "reward of response 1 is '1'"),
        ([{"log_p": np.nan, "reward": 1}, {"log_p": -1.0, "reward": 0}], "log_p of response 1 is nan"),
        ([{"log_p": -1.0, "reward": np.inf}, {"log_p": -1.0, "reward": 0}], "reward holds inf"),
        ([{**ROLLOUTS[0], "length": 0}, ROLLOUTS[1]], "length holds 0.0; count tokens with EOS"),
        ([ROLLOUTS[0], {**ROLLOUTS[2], "log_p": -3.0}], "one response has log_p -1 and -3"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message) as error:
        read_policy(write(tmp_path, rows))
    assert "--policy" in str(error.value) and "rollouts.jsonl" in str(error.value)


def test_a_line_that_is_not_json_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"log_p": -1, "reward": 1}\n{"log_p": -1,\n')
    with pytest.raises(ValueError, match="invalid JSON on line 2"):
        read_policy(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_policy(tmp_path / "none.json")
    for name, content in (("x.csv", "a"), ("x.parquet", "a"), ("x.json", "[1, 2]"), ("y.json", '{"log_p": 3}')):
        with pytest.raises(ValueError, match=name):
            read_policy(write(tmp_path, content, name))
    (tmp_path / "latin.json").write_bytes('{"p": [1], "reward": [1], "note": "é"}'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"--policy .*latin.json is not text in UTF-8"):
        read_policy(tmp_path / "latin.json")
    with pytest.raises(ValueError, match="--prompt-id c is not in"):
        read_policy(write(tmp_path, ROLLOUTS), "c")


def test_the_reader_needs_pyarrow_for_tables_only(tmp_path):
    """theory stays light: no pandas, and pyarrow no sooner than a Parquet file is read."""
    path = write(tmp_path, {"p": [0.5, 0.5], "reward": [0, 1]}, "p.json")
    code = (
        "import sys, pathlib, theory.policy_file as reader\n"
        "reader.read_policy(pathlib.Path(sys.argv[1]))\n"
        "print([m for m in ('pandas', 'pyarrow', 'jax', 'torch') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ({"p": [0.5, 0.4], "reward": [0, 1]}, "p.json", "the probabilities of p sum to 0.9, off by -0.1"),
        ({"p": [1.5, -0.5], "reward": [0, 1]}, "p.json", "p holds -0.5; a probability is a number of at least 0"),
        ({"log_p": [-0.1, float("nan")], "reward": [0, 1]}, "p.json", "log_p of response 2 is nan"),
        ({"p": [0.5, 0.5], "log_p": [-1, -1], "reward": [0, 1]}, "p.json", "p"),
    ],
)
def test_what_is_wrong_with_lists_of_probabilities_is_said(tmp_path, content, name, message):
    with pytest.raises(ValueError, match=message):
        read_policy(write(tmp_path, content, name))


def test_empty_lines_are_none_and_rows_without_a_text_are_all_kept(tmp_path):
    path = tmp_path / "r.jsonl"
    rows = [{"log_p": -1.0, "reward": 1, "response": "ä"}, {"log_p": -1.0, "reward": 0, "response": "ä"}]
    path.write_bytes("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode() + b"\n \n")
    assert len(read_policy(path).problem) == 1
    rows[1].pop("response")
    path.write_text("\n".join(map(json.dumps, rows)))
    assert len(read_policy(path).problem) == 2


@pytest.mark.parametrize(("off", "fine"), [(0.04, True), (0.06, False)])
def test_copies_and_sums_may_differ_by_a_twentieth(tmp_path, off, fine):
    """Rounding of another batch; by more, the copies are of two models and the sum is of something counted twice."""
    copies = write(tmp_path, [ROLLOUTS[0], {**ROLLOUTS[0], "log_p": -1.0 - off}], "copies.jsonl")
    whole = write(
        tmp_path, [{"log_p": float(np.log(0.5 + off)), "reward": 1}, {"log_p": float(np.log(0.5)), "reward": 0}]
    )
    if fine:
        assert len(read_policy(copies).problem) == 1
        assert read_policy(whole).mass == pytest.approx(1 + off)
        np.testing.assert_allclose(np.exp(read_policy(whole).problem.log_p).sum(), 1)
    else:
        for path, message in (
            (copies, "one response has log_p -1 and -1.06"),
            (whole, "the probabilities sum to 1.06"),
        ):
            with pytest.raises(ValueError, match=message):
                read_policy(path)


def test_responses_of_a_table_may_be_what_json_has_no_word_for(tmp_path):
    """Dates, say: two of one day are one response."""
    import datetime

    import pyarrow as pa
    from pyarrow import parquet

    days = [datetime.date(2026, 1, day) for day in (1, 1, 2)]
    rows = [{"response": day, "log_p": -1.0, "reward": 1.0} for day in days]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    assert len(read_policy(tmp_path / "r.parquet").problem) == 2


def test_a_copy_of_a_response_without_a_number_is_no_traceback(tmp_path):
    rows = [{"response": "4", "reward": 1.0, "log_p": None}, {"response": "4", "reward": 1.0, "log_p": -1.0}]
    with pytest.raises(ValueError, match="log_p of response 1 is None; every one must be a number"):
        read_policy(write(tmp_path, rows))
