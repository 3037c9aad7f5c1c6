"""What each kind of reward reads out of a response, and what it refuses."""

import sys
import time
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.problems import MathProblem, load_problems
from llm.prompts.config import PromptConfig
from llm.prompts.form import BARE, CHAT, prompt_form
from llm.rewards.dataset import between_tags
from llm.rewards.registry import check_option, reward_of

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
    "option, right, wrong, gold",
    [
        ("boxed", r"\boxed{7}", r"\boxed{8}", "7"),
        ("exact", "7", "7.", "7"),
        ("final-number", "7.0", "8", "so 7\n#### 7"),
        ("choice", "(B)", "(C)", "B"),
        (r"regex:<(.)>", "<7>", "7", "7"),
    ],
)
def test_a_reward_is_1_for_the_gold_answer_of_a_complete_response(option, right, wrong, gold):
    assert (score(option, right, gold), score(option, wrong, gold), score(option, right, gold, False)) == (1, 0, 0)
    assert reward_of(option).vote(right, finished=False) is None


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


def test_a_function_says_by_an_attribute_what_it_wants_to_be_asked(functions):
    functions.reward = lambda **_: [1.0]
    asked = [turn["content"] for turn in prompt_form(PromptConfig(reward="my_functions:reward"), False).prompt(SUM)]
    assert asked == ["1+1?"], "nothing is known of what it wants"
    functions.reward.instruction = "Rhyme."
    asked = [turn["content"] for turn in prompt_form(PromptConfig(reward="my_functions:reward"), False).prompt(SUM)]
    assert asked == ["1+1?\n\nRhyme."]
    functions.reward.instruction = 7
    with pytest.raises(ValueError, match="attribute instruction is a int"):
        reward_of("my_functions:reward")


def test_a_gold_number_stays_itself_when_it_is_read_again():
    kind = reward_of("final-number")
    for text in ("1.5", "-0.25", "1,000", "12345678901234567890123456789012345.5"):
        assert kind.gold(kind.gold(text)) == kind.gold(text)


def test_a_pattern_that_would_take_for_ever_is_given_up():
    begin = time.process_time()
    assert reward_of("regex:^((a|aa|b?)+)$").answer("a" * 5000 + "!") is None
    assert time.process_time() - begin < 10


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


@pytest.mark.parametrize("option, said", [("regex:(", "cannot be read"), ("regex:a", "no group")])
def test_a_pattern_that_cannot_work_is_refused(option, said):
    with pytest.raises(ValueError, match=said):
        reward_of(option)


@pytest.fixture
def functions(monkeypatch):
    module = types.ModuleType("my_functions")
    monkeypatch.setitem(sys.modules, "my_functions", module)
    return module


def test_a_function_is_called_as_trl_calls_it(functions):
    seen = {}

    def reward(prompts, completions, **columns):
        seen.update(prompts=prompts, completions=completions, columns=columns)
        return [0.25, 1]

    functions.reward = reward
    problems = [MathProblem("1", "a?", "A", columns={"level": 3}), MathProblem("2", "b?", "B")]
    assert reward_of("my_functions:reward").scores(["x", "y"], problems, [True, False], CHAT) == [0.25, 0]
    assert seen["prompts"] == [CHAT.prompt(problem) for problem in problems]
    assert seen["completions"][1] == [{"role": "assistant", "content": "y"}]
    assert seen["columns"] == {"answer": ["A", "B"], "level": [3, None]}


@pytest.mark.parametrize(
    "returned, said",
    [
        (None, "returned None"),
        (0.5, "returned a float"),
        ([1.0], "returned 1 values for 2 responses"),
        ([0.0, 1.5], r"returned 1.5 for row 2 \(prompt second\)"),
        ([-0.1, 0.0], r"row 1 \(prompt first\)"),
        ([0.0, float("nan")], "returned nan for row 2"),
        ([0.0, None], "returned None for row 2"),
        ([0.0, "x"], "returned 'x' for row 2"),
    ],
)
def test_a_function_must_give_a_number_in_0_1_for_every_response(functions, returned, said):
    functions.reward = lambda **_: returned
    problems = [MathProblem("first", "a?", "A"), MathProblem("second", "b?", "B")]
    with pytest.raises(ValueError, match=said):
        reward_of("my_functions:reward").scores(["x", "y"], problems, [True, True], BARE)
    with pytest.raises(ValueError, match="--reward my_functions:reward returned"):
        reward_of("my_functions:reward").try_out(problems, BARE)


def test_what_a_function_raises_names_its_row(functions):
    functions.reward = lambda completions, **_: [1 / len(text) for text in completions]
    problems = [MathProblem("first", "a?", "A"), MathProblem("second", "b?", "B")]
    with pytest.raises(ValueError, match=r"ZeroDivisionError.* for row 2 \(prompt second\)"):
        reward_of("my_functions:reward").scores(["x", ""], problems, [True, True], BARE)


@pytest.mark.parametrize("name", ["no_such_module:f", "math:no_such", "math:pi"])
def test_what_is_no_function_is_refused(name):
    with pytest.raises(ValueError, match=f"--reward {name}"):
        reward_of(name)


def test_golds_are_those_of_the_reward(tmp_path, capsys):
    data = tmp_path / "data.jsonl"
    data.write_text('{"problem": "a?", "answer": "(B)"}\n{"problem": "b?", "answer": "seven"}\n')
    assert [problem.answer for problem in load_problems(str(data), reward=reward_of("choice"))] == ["B"]
    assert "1 of 2 rows are dropped" in capsys.readouterr().err
    data.write_text('{"problem": "a?", "level": 5}\n')
    (problem,) = load_problems(str(data), reward=reward_of("math:sqrt"))
    assert (problem.answer, problem.columns["level"]) == ("", 5)


@pytest.mark.parametrize(
    "text, found",
    [
        ("so <answer>7</answer>", "7"),
        ("<answer> 6 </answer> no: <answer>\n7\n</answer>.", "7"),
        ("<answer>7", None),
        ("7</answer>", None),
        ("<answer>7</answer> <answer>8", "7"),
        ("<answer>6<answer>7</answer>", "6<answer>7"),
        ("<answer></answer>", ""),
    ],
)
def test_what_stands_between_answer_tags(text, found):
    assert between_tags(text) == found
    assert reward_of("dataset").answer(text) == (found or None)


@given(st.lists(st.sampled_from(["<answer>", "</answer>", " ", "\n", "a", "<", "answer>"]), max_size=12).map("".join))
def test_tags_are_read_as_reasoning_gym_reads_them(text):
    extract_answer = pytest.importorskip("reasoning_gym.utils").extract_answer
    assert between_tags(text) == extract_answer(text)


def test_the_verifier_of_the_data_set_is_asked():
    asked = []

    def verify(answer):
        asked.append(answer)
        return 0.25

    problem = MathProblem("p", "?", "", verify=verify)
    texts = ["<answer>7</answer>", "7", "<answer>8</answer>"]
    assert reward_of("dataset").scores(texts, [problem] * 3, [True, True, False], BARE) == [0.25, 0.25, 0.0]
    assert asked == ["7", None]
    reward_of("dataset").try_out([problem], BARE)
    with pytest.raises(ValueError, match="--reward dataset needs data with verifiers of its own"):
        reward_of("dataset").try_out([problem, MathProblem("q", "?", "7")], BARE)
