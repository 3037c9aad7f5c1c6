"""What each kind of reward reads out of a response, and what it refuses."""

import time

import pytest

from llm.problems import MathProblem, load_problems
from llm.prompts.config import PromptConfig
from llm.prompts.form import BARE, prompt_form
from llm.rewards import pattern
from llm.rewards.registry import WORDS, check_option, reward_of

SUM = MathProblem("p", "1+1?", "2")


def score(option, response, gold, finished=True):
    return reward_of(option).scores([response], [MathProblem("p", "?", gold)], [finished], BARE)[0]


@pytest.mark.parametrize(
    "option, response, answer",
    [
        ("exact", " Paris\n", "Paris"),
        ("exact", "<think>London?</think> Paris", "Paris"),
        ("exact", "<think>Paris", None),
        ("final-number", "3 apples and 4, so 7.", "7"),
        ("final-number", "first 12\n#### $1,200.50 (not 3)", "1200.5"),
        ("final-number", "10-4", "4"),
        ("final-number", "it is −3", "-3"),  # the sign of printed books
        ("final-number", "it is -$1,200", "-1200"),
        ("final-number", "it is .50", "0.5"),
        ("final-number", "it is -0.0", "0"),
        ("final-number", "it is -4.0", "-4"),
        ("final-number", "it is -0", "0"),
        ("final-number", "007", "7"),
        ("final-number", "100", "100"),
        ("final-number", "none #### here", None),
        ("final-number", "<think>7", None),
        ("choice", "A dog barks, so the answer is (B).", "B"),
        ("choice", "Answer: C", "C"),
        ("choice", r"so \boxed{D}", "D"),
        ("choice", r"so \boxed{\text{(E)}}", "E"),
        ("choice", "B.", "B"),
        ("choice", "A dog barks.", None),
        ("choice", "First (A), but no: (C) it is", "C"),
        ("choice", "answer is Apple", None),
        (r"regex:=(\d+)", "1+1=2, 2+2=4", "2"),
        (r"regex:=(\d+)", "nothing", None),
        (r"regex:a|(b)", "a", None),
    ],
)
def test_the_answer_of_a_response(option, response, answer):
    assert reward_of(option).answer(response) == answer


@pytest.mark.parametrize(
    "option, right, wrong, gold, right_vote",
    [
        ("boxed", r"\boxed{7}", r"\boxed{8}", "7", "7"),
        ("exact", "7", "7.", "7", "7"),
        ("final-number", "7.0", "8", "so 7\n#### 7", "7"),
        ("choice", "(B)", "(C)", "B", "B"),
        (r"regex:<(.)>", "<7>", "7", "7", "7"),
    ],
)
def test_a_reward_is_1_for_the_gold_answer_of_a_complete_response(option, right, wrong, gold, right_vote):
    texts, problems = [right, wrong, right], [MathProblem("p", "?", gold)] * 3
    assert reward_of(option).scores(texts, problems, [True, True, False], BARE) == [1.0, 0.0, 0.0]
    assert (reward_of(option).vote(right, True), reward_of(option).vote(right, False)) == (right_vote, None)


@pytest.mark.parametrize(
    "option, asks_for, obeyed, gold",
    [
        ("boxed", r"\boxed{}", r"3 + 4 is 7, so \boxed{7}", "7"),
        ("exact", "the answer alone", "7", "7"),
        ("final-number", "after ####", "3 + 4 is 7 (not 8).\n#### 7", "7"),
        ("choice", r"the letter of the answer inside \boxed{}", r"(A) is not, so \boxed{B}", "B"),
    ],
)
def test_a_reward_asks_for_what_it_reads(option, asks_for, obeyed, gold):
    """All but `boxed` and `dataset` were asked for a box, which `exact` then counted as wrong."""
    form = prompt_form(PromptConfig(reward=option), bundled=False)
    ((_, content),) = [tuple(turn.values()) for turn in form.prompt(MathProblem("p", "3+4?", gold))]
    assert content == f"3+4?\n\n{reward_of(option).instruction}" and asks_for in content
    assert score(option, obeyed, gold) == 1


def test_a_gold_number_stays_itself_when_it_is_read_again():
    kind = reward_of("final-number")
    for text in ("1.5", "-0.25", "1,000", "12345678901234567890123456789012345.5"):
        assert kind.gold(kind.gold(text)) == kind.gold(text)


def test_a_pattern_that_would_take_for_ever_is_given_up(monkeypatch):
    """After the second that docs/rewards.md promises; here a twentieth of it."""
    assert pattern.SECONDS == 1.0
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    begin = time.process_time()
    assert reward_of("regex:^((a|aa|b?)+)$").answer("a" * 5000 + "!") is None
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize("text", ["9" * 200_000 + ",", "(" * 200_000, "answer" + " " * 200_000, "1," * 100_000 + "x"])
def test_long_texts_are_read_in_a_moment(text):
    begin = time.process_time()
    for option in ("exact", "final-number", "choice"):
        reward_of(option).answer(text)
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("option", ["", "box", "regex:", "a b:c", "mod:", ":f", "mod:f()", "mod:f:g"])
def test_what_is_no_kind_is_refused(option):
    with pytest.raises(ValueError, match="--reward must be one of"):
        check_option(option)
    with pytest.raises(ValueError, match="--reward must be one of"):
        reward_of(option)


@pytest.mark.parametrize("option", [*WORDS, "regex:(a)", "regex:a:(b)", "own:reward", "own.rewards.of_mine:reward_2"])
def test_what_is_a_kind_is_taken(option):
    check_option(option)


def test_a_gold_answer_that_a_kind_cannot_read_is_found_before_anything_is_written():
    fine, odd = MathProblem("p", "?", "(B)"), MathProblem("q", "?", "seven")
    reward_of("choice").try_out([fine], BARE)
    for option, said in (("choice", "'seven' is no letter A to E"), ("final-number", "'seven' holds no number")):
        with pytest.raises(ValueError, match=f"the answer {said}, which --reward {option} needs"):
            reward_of(option).gold(odd.answer)
        with pytest.raises(ValueError, match=said):
            reward_of(option).try_out([odd], BARE)


def test_what_the_kinds_read_and_need():
    """Only boxes are formulas; only what the data's own verifier or a function judges may do without gold answers."""
    kinds = {word: reward_of(word) for word in WORDS} | {"regex:(a)": reward_of("regex:(a)")}
    assert {word for word, kind in kinds.items() if kind.boxes} == {"boxed"}
    assert {word for word, kind in kinds.items() if not kind.needs_answer} == {"dataset"}
    assert all(kind.tells_answers for kind in kinds.values())
    assert {word: kind.name for word, kind in kinds.items()} == {word: word for word in kinds}


@pytest.mark.parametrize("option, said", [("regex:(", "cannot be read"), ("regex:a", "no group")])
def test_a_pattern_that_cannot_work_is_refused(option, said):
    with pytest.raises(ValueError, match=said):
        reward_of(option)


def test_golds_are_those_of_the_reward(tmp_path, capsys):
    data = tmp_path / "data.jsonl"
    data.write_text('{"problem": "a?", "answer": "(B)"}\n{"problem": "b?", "answer": "seven"}\n')
    assert [problem.answer for problem in load_problems(str(data), reward=reward_of("choice"))] == ["B"]
    assert "1 of 2 rows are dropped" in capsys.readouterr().err
    data.write_text('{"problem": "a?", "level": 5}\n')
    (problem,) = load_problems(str(data), reward=reward_of("math:sqrt"))
    assert (problem.answer, problem.columns["level"]) == ("", 5)
