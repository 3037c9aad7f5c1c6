"""Rows and verdicts through the process: the library's own, in limited time, the same in every process."""

import subprocess
import sys

import pytest

from llm.gym import rows
from llm.gym.rows import gym_rows
from llm.problems import load_problems

TASKS = (
    "chain_sum,basic_arithmetic,prime_factorization,polynomial_equations,letter_jumble,spell_backward,knights_knaves,"
    "number_sorting,coin_flip,isomorphic_strings"
)
DATASET = f"reasoning-gym:{TASKS}?size=3&seed=1"


@pytest.fixture(scope="module")
def gym(library):
    return gym_rows(DATASET)


def test_rows_and_verdicts_are_those_of_the_library(gym):
    """Its answer, nearly its answer, one of another row, none, and what no verifier likes."""
    from reasoning_gym.factory import create_dataset

    own = {task: create_dataset(task, size=3, seed=1) for task in TASKS.split(",")}
    seen = set()
    for number, row in enumerate(gym.rows):
        if row["task"] == "isomorphic_strings":
            continue  # it depends on the hashes of a process
        entry = own[row["task"]][row["row"]]
        assert (row["problem"], row["answer"]) == (entry["question"], entry["answer"])
        other = gym.rows[number - 1]["answer"]
        for answer in (entry["answer"], entry["answer"] + "0", entry["answer"][:-1], other, "", "a, b", "7", None):
            try:
                expected = float(own[row["task"]].score_answer(answer, entry))
            except Exception:
                expected = 0.0
            assert gym.reward(number, answer) == expected
            seen.add(expected)
    assert {0.0, 1.0} < seen, "some verdicts lie between right and wrong"


def test_a_verifier_that_raises_or_takes_for_ever_counts_as_wrong_and_says_why(gym, capsys):
    where = {row["task"]: number for number, row in enumerate(gym.rows)}
    assert gym.reward(where["prime_factorization"], "two") == 0
    assert gym.reward(where["coin_flip"], "1e99999999") == 0
    for _ in range(2):
        assert gym.reward(where["prime_factorization"], "two") == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "verifier of prime_factorization has no verdict on an answer (ValueError: " in said[0]
    assert "verifier of coin_flip has no verdict on an answer (it took too long" in said[1]
    assert gym.reward(where["chain_sum"], gym.rows[where["chain_sum"]]["answer"]) == 1


def test_not_a_number_is_no_answer(gym):
    where = next(number for number, row in enumerate(gym.rows) if row["task"] == "number_sorting")
    numbers = gym.rows[where]["answer"].count(",") + 1
    assert gym.reward(where, gym.rows[where]["answer"]) == 1
    assert gym.reward(where, "[" + ", ".join(["NaN"] * numbers) + "]") == 0


def test_rows_are_the_same_in_every_process(gym):
    again = rows.GymRows(DATASET)
    assert again.rows == gym.rows
    again._worker.close()


def test_a_repeated_question_is_asked_once(library, capsys):
    dataset = "reasoning-gym:coin_flip?size=40"
    problems = load_problems(dataset)
    texts = [problem.text for problem in problems]
    assert len(set(texts)) == len(texts) < 40
    assert f"{40 - len(texts)} of 40 rows ask what an earlier one asks" in capsys.readouterr().err
    assert problems[0].prompt_id == "coin_flip-0" and problems[0].columns["task"] == "coin_flip"
    assert problems[-1].verify(problems[-1].answer) == 1


def test_no_verifier_may_evaluate_or_start_anything(tmp_path):
    """The guard of the process, on top of the list of refused tasks."""
    code = f"""
import builtins, subprocess, os
from llm.gym.worker import Guard
guard = Guard()
assert eval("1 + 1") == 2
guard.task = "some_task"
for forbidden in (lambda: eval("1 + 1"), lambda: exec("x = 1"), lambda: os.system("touch {tmp_path}/seen"),
                  lambda: subprocess.run(["touch", "{tmp_path}/seen"])):
    try:
        forbidden()
    except PermissionError as error:
        assert "verifier of some_task wanted to do" in str(error)
    else:
        raise SystemExit("not forbidden")
guard.task = "bitwise_arithmetic"
assert eval("1 + 1") == 2
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
