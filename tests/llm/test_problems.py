import json

import pandas as pd
import pytest

from llm.problems import BUNDLED, MathProblem, hold_out, load_problems
from llm.prompts.form import BARE, CHAT, INSTRUCTION

GOOD = {"id": "a", "problem": "1+1?", "answer": "2"}


def write_lines(path, *lines):
    written = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in written))
    return str(path)


def test_a_file_is_read_with_its_ids_or_line_numbers(tmp_path):
    file = write_lines(tmp_path / "d.jsonl", GOOD, {"problem": "2+2?", "answer": 4})
    assert load_problems(file) == [MathProblem("a", "1+1?", "2"), MathProblem("2", "2+2?", "4")]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{not json", "line 2 is not JSON"),
        ("[1, 2]", "line 2 is not an object with named columns, but a list"),
        (b'{"problem": "caf\xe9", "answer": "1"}', "line 2 is not UTF-8 text"),
        ({"id": "a", "problem": "x", "answer": "1"}, "line 2 has the id 'a' of line 1"),
        ({"problem": "x\ud800", "answer": "1"}, "line 2: its 'problem' holds half a character"),
        ({"problem": [{"role": "user"}], "answer": "1"}, "line 2: its 'problem' is a list; it must be a text"),
        ({"problem": "x"}, "line 2 has no column 'answer'; its columns are problem"),
        ({"problem": "x", "answer": " "}, "line 2 has an empty 'answer'"),
        ({"problem": None, "answer": "1"}, "line 2 has an empty 'problem'"),
    ],
)
def test_a_bad_line_is_named(tmp_path, bad, said):
    with pytest.raises(ValueError, match="line 2") as error:
        load_problems(write_lines(tmp_path / "d.jsonl", GOOD, bad), strict=True)
    assert said in str(error.value)


def test_empty_lines_and_a_byte_order_mark_are_no_problems(tmp_path):
    row = json.dumps(GOOD)
    file = write_lines(tmp_path / "d.jsonl", b"\xef\xbb\xbf", "", row, "  ", '{"problem": "2+2?", "answer": 4}', "", "")
    assert load_problems(file) == [MathProblem("a", "1+1?", "2"), MathProblem("5", "2+2?", "4")]
    file = write_lines(tmp_path / "e.jsonl", b"\xef\xbb\xbf" + row.encode())
    assert load_problems(file) == [MathProblem("a", "1+1?", "2")]


def test_an_array_of_objects_and_a_table_with_gaps_are_read_alike(tmp_path):
    """A missing id, which Parquet writes as nan, is no id of the name nan."""
    rows = [{"id": "a", "problem": "1+1?", "answer": "2"}, {"id": None, "problem": "2+2?", "answer": "4"}]
    expected = [MathProblem("a", "1+1?", "2"), MathProblem("2", "2+2?", "4")]
    (tmp_path / "d.json").write_text(json.dumps(rows, indent=1))
    pd.DataFrame(rows).to_parquet(tmp_path / "d.parquet")
    assert load_problems(str(tmp_path / "d.json")) == load_problems(str(tmp_path / "d.parquet")) == expected
    pd.DataFrame(rows).assign(answer=[1.0, float("nan")]).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(ValueError, match="row 2 has an empty 'answer'"):
        load_problems(str(tmp_path / "e.parquet"), strict=True)


def test_a_file_that_is_no_table_is_named_with_its_option(tmp_path):
    (tmp_path / "d.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match=r"^--eval-dataset .*parquet could not be read: .* must be JSONL"):
        load_problems(str(tmp_path / "d.parquet"), option="--eval-dataset")
    with pytest.raises(ValueError, match="is a folder; name the JSONL or Parquet file in it"):
        load_problems(str(tmp_path))


def test_an_answer_may_stand_in_the_box_of_a_solution(tmp_path):
    rows = [{"problem": "1+1?", "solution": r"It is \boxed{1} no, \boxed{2}."}, {"problem": "2+2?", "solution": "4"}]
    assert load_problems(write_lines(tmp_path / "d.jsonl", rows[0])) == [MathProblem("1", "1+1?", "2")]
    with pytest.raises(ValueError, match=r"line 2: its 'solution' has no box that can be read .it ends '4'.; fix it"):
        load_problems(write_lines(tmp_path / "d.jsonl", *rows), strict=True)


def test_an_empty_or_missing_file_is_named(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match="holds no rows"):
        load_problems(str(tmp_path / "empty.jsonl"))
    with pytest.raises(ValueError, match=r"nowhere\.jsonl does not exist"):
        load_problems("nowhere.jsonl")


def test_held_out_problems_are_the_same_in_every_run_and_never_trained_on():
    problems = load_problems(BUNDLED, "heldout")
    rest, held_out = hold_out(problems, 100)
    assert hold_out(problems, 100) == (rest, held_out)
    assert sorted(p.prompt_id for p in rest + held_out) == sorted(p.prompt_id for p in problems)
    with pytest.raises(ValueError, match="--eval-prompts 657"):
        hold_out(problems, len(problems))


def test_a_chat_model_is_asked_for_a_boxed_answer_and_the_bundled_one_gets_bare_text():
    problem = MathProblem("a", "1+1?", "2")
    assert BARE.prompt(problem) == "1+1?"
    (turn,) = CHAT.prompt(problem)
    assert turn["role"] == "user" and turn["content"].startswith("1+1?") and INSTRUCTION in turn["content"]


def test_the_gold_of_a_whole_solution_is_taken_out_of_it_and_a_line_says_so(tmp_path, capsys):
    """GSM8K as published: taken whole, every answer would be wrong."""
    rows = [
        {"problem": "1+1?", "answer": "One <<1+1=2>> and one.\n#### 2"},
        {"problem": "2+2?", "answer": r"Two and two make $\boxed{4}$."},
        {"problem": "3+3?", "answer": "1,006"},
    ]
    problems = load_problems(write_lines(tmp_path / "d.jsonl", *map(json.dumps, rows)))
    assert [problem.answer for problem in problems] == ["2", "4", "1,006"]
    said = capsys.readouterr().err
    assert "1 of 3 answers are whole solutions; the gold answer is what follows ####" in said and "the last box" in said


def test_gold_answers_that_cannot_be_met_are_counted_at_loading(tmp_path, capsys):
    rows = [{"problem": "?", "answer": answer} for answer in (r"\frac{1", "2", "1e-3", "x^2")]
    load_problems(write_lines(tmp_path / "d.jsonl", *map(json.dumps, rows)))
    assert "of 4 distinct gold answers 1 (25.0%) can never be met" in capsys.readouterr().err
    load_problems(write_lines(tmp_path / "e.jsonl", *map(json.dumps, rows[1:])))
    assert capsys.readouterr().err == ""


def math_as_published():
    """Rows in the shape of lighteval's MATH, with each way in which its solutions end."""
    ends = {r"$\boxed{42}$.": "42", r"$x = \boxed 2$": "2", r"\boxed 9": "9", r"\fbox{13}": "13", r"\boxed{}": None}
    ends |= {r"\boxed{\frac{1}{2}}": r"\frac{1}{2}", r"\boxed{ }": None, "so it is 7.": None, r"\boxed{8": None}
    shape = {"level": "Level 3", "type": "Algebra"}
    return [{"problem": f"{n}?", **shape, "solution": f"Hence {end}"} for n, end in enumerate(ends)], list(
        ends.values()
    )


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_published_solutions_are_read_in_every_form_and_the_others_dropped_counted_and_listed(suffix, tmp_path, capsys):
    rows, golds = math_as_published()
    file = tmp_path / f"d.{suffix}"
    if suffix == "jsonl":
        write_lines(file, *rows)
    else:
        pd.DataFrame(rows).to_parquet(file)
    problems = load_problems(str(file))
    assert [problem.answer for problem in problems] == [gold for gold in golds if gold]
    assert [int(p.prompt_id) - 1 for p in problems] == [i for i, gold in enumerate(golds) if gold], "ids do not move"
    (said,) = capsys.readouterr().err.strip().splitlines()
    place = "line" if suffix == "jsonl" else "row"
    assert f"4 of 9 rows are dropped: {place} 5: its 'solution' has no box that can be read" in said
    assert said.count(f"{place} ") == 3 and said.endswith("; ... (--strict refuses)")
    with pytest.raises(
        ValueError, match=f"{place} 5: its 'solution' has no box .* drop the row, or leave --strict out"
    ):
        load_problems(str(file), strict=True)


def test_an_empty_answer_is_taken_from_the_solution_or_dropped(tmp_path, capsys):
    """As DeepScaleR is published: answer and solution side by side."""
    rows = [{"problem": "?", "answer": "", "solution": r"\boxed{2}"}, {"problem": "?", "answer": None, "solution": ""}]
    rows.append({"problem": "?", "answer": "3", "solution": r"\boxed{4}"})
    assert [p.answer for p in load_problems(write_lines(tmp_path / "d.jsonl", *rows))] == ["2", "3"]
    said = capsys.readouterr().err
    assert "1 of 3 rows are dropped: line 2 has an empty 'answer' and its 'solution' no box that can be read" in said


def test_data_without_one_readable_answer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no row whose answer can be read; line 1: its 'solution' has no box"):
        load_problems(write_lines(tmp_path / "d.jsonl", {"problem": "?", "solution": "none"}))
