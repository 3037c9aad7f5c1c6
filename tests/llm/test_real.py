"""The files of the study of a real model: problems and worked examples that load, and that do not overlap."""

import re
from pathlib import Path

import pytest

from llm.problems import load_problems
from llm.prompts.few_shot import example_turns

FOLDER = Path(__file__).parents[2] / "configs" / "real"
TASKS = sorted(file.stem for file in FOLDER.glob("*.jsonl") if not file.stem.endswith("-examples"))


@pytest.mark.parametrize("task", TASKS)
def test_every_answer_is_that_of_its_problem_and_no_problem_is_a_worked_example(task):
    problems = load_problems(str(FOLDER / f"{task}.jsonl"), strict=True)
    turns = example_turns(FOLDER / f"{task}-examples.jsonl")
    asked = {turn.content for turn in turns if turn.role == "user"}
    assert len(problems) == 200 and len({problem.text for problem in problems}) == 200
    for problem in problems:
        first, second = map(int, re.findall(r"\d+", problem.text))
        assert int(problem.answer) == (first - second if " - " in problem.text else first + second)
        assert problem.text not in asked
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        first, second = map(int, re.findall(r"\d+", question.content))
        total = first - second if " - " in question.content else first + second
        assert answer.content.endswith(f"= {total}, so the answer is \\boxed{{{total}}}.")


def test_the_make_file_names_these_tasks():
    makefile = (FOLDER.parents[1] / "Makefile").read_text()
    assert set(re.search(r"^TASKS := (.*)$", makefile, re.MULTILINE)[1].split()) == set(TASKS)
    arms = re.search(r"^STUDY_ARMS := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].replace("\\", " ").split()
    from llm.comparison.config import ARMS

    assert set(arms) <= set(ARMS)
