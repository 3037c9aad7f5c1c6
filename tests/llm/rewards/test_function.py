"""`module:function`: called as TRL calls it, and what is said when it goes wrong."""

import sys
import types

import numpy as np
import pytest

from llm.problems import MathProblem
from llm.prompts.config import PromptConfig
from llm.prompts.form import BARE, CHAT, prompt_form
from llm.rewards.registry import reward_of

SUM = MathProblem("p", "1+1?", "2")
TWO = [MathProblem("first", "a?", "A"), MathProblem("second", "b?", "B")]


@pytest.fixture
def functions(monkeypatch):
    module = types.ModuleType("my_functions")
    monkeypatch.setitem(sys.modules, "my_functions", module)
    return module


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


def test_a_function_is_called_as_trl_calls_it(functions):
    seen = {}

    def reward(prompts, completions, **columns):
        seen.update(prompts=prompts, completions=completions, columns=columns)
        return [0.25, 1]

    functions.reward = reward
    own_names = dict.fromkeys(("prompts", "completions", "prompt", "completion"), "the data's")
    problems = [MathProblem("1", "a?", "A", columns={"level": 3} | own_names), MathProblem("2", "b?", "B")]
    assert reward_of("my_functions:reward").scores(["x", "y"], problems, [True, False], CHAT) == [0.25, 0]
    assert seen["prompts"] == [CHAT.prompt(problem) for problem in problems]
    assert seen["completions"][1] == [{"role": "assistant", "content": "y"}]
    assert seen["columns"] == {"answer": ["A", "B"], "level": [3, None]}
    reward_of("my_functions:reward").scores(["x", "y"], problems, [True, True], BARE)
    assert seen["completions"] == ["x", "y"] and seen["prompts"] == [BARE.prompt(problem) for problem in problems]


def test_a_function_is_tried_on_two_problems_with_their_own_answers(functions):
    seen = []

    def reward(prompts, completions, **_):
        seen.append((prompts, completions))
        return [1.0] * len(prompts)

    functions.reward = reward
    kind = reward_of("my_functions:reward")
    kind.try_out([*TWO, SUM], BARE)
    assert seen == [([BARE.prompt(problem) for problem in TWO], ["A", "B"])]
    assert kind.answer("so 7") is None and not kind.tells_answers and not kind.needs_answer


@pytest.mark.parametrize("values", [[0, 1], (0.0, 1.0), np.array([0.0, 1.0]), (x for x in (False, True))])
def test_the_ends_of_the_range_are_rewards_in_whatever_they_come(functions, values):
    functions.reward = lambda **_: values
    assert reward_of("my_functions:reward").scores(["x", "y"], TWO, [True, True], BARE) == [0.0, 1.0]


@pytest.mark.parametrize(
    "returned, said",
    [
        (None, "returned None"),
        (0.5, "returned a float"),
        (np.array(0.5), "returned a ndarray; it must return a list"),  # the mean of what was asked for
        ("10", "returned a str; it must return a list"),
        ({"x": 1.0, "y": 1.0}, "returned a dict; it must return a list"),
        ({0.0, 1.0}, "returned a set; it must return a list"),
        ([1.0], "returned 1 values for 2 responses"),
        ([0.0, 1.5], r"returned 1.5 for row 2 \(prompt second\)"),
        ([-0.1, 0.0], r"row 1 \(prompt first\)"),
        ([0.0, float("nan")], "returned nan for row 2"),
        ([0.0, None], "returned None for row 2"),
        ([0.0, np.float64(1.5)], "returned 1.5 for row 2"),
        ([0.0, 10**400], f"returned 1{39 * '0'} for row 2"),
        ([0.0, 1 + 1e-9], "returned 1.000000001 for row 2"),
        ([0.0, np.zeros((2, 1))], r"returned \[\[0.\] \[0.\]\] for row 2"),
        ([0.0, "x"], "returned 'x' for row 2"),
    ],
)
def test_a_function_must_give_a_number_in_0_1_for_every_response(functions, returned, said):
    functions.reward = lambda **_: returned
    with pytest.raises(ValueError, match=said) as refused:
        reward_of("my_functions:reward").scores(["x", "y"], TWO, [True, True], BARE)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="--reward my_functions:reward returned"):
        reward_of("my_functions:reward").try_out(TWO, BARE)


def test_what_a_function_raises_names_its_row(functions):
    functions.reward = lambda completions, **_: [1 / len(text) for text in completions]
    with pytest.raises(ValueError, match=r"ZeroDivisionError.* for row 2 \(prompt second\)"):
        reward_of("my_functions:reward").scores(["x", ""], TWO, [True, True], BARE)


def test_what_a_function_raises_of_all_rows_alone_says_so(functions):
    """Of one response it is defined, of two it is not: none of them is to blame."""
    functions.reward = lambda prompts, completions, **_: [1 / (2 - len(prompts))] * len(completions)
    with pytest.raises(ValueError, match=r"ZeroDivisionError: division by zero on all rows together; fix it"):
        reward_of("my_functions:reward").scores(["x", "y"], TWO, [True, True], BARE)


@pytest.mark.parametrize("length", [119, 120, 121, 500])
def test_a_long_error_is_cut_at_120_characters(functions, length):
    text = "x" * (length - len("KeyError: ''"))

    def reward(**_):
        raise KeyError(text)

    functions.reward = reward
    with pytest.raises(ValueError) as refused:
        reward_of("my_functions:reward").scores(["x"], TWO[:1], [True], BARE)
    said = str(refused.value).removeprefix("--reward my_functions:reward raised ")
    whole = f"KeyError: '{text}'"
    assert said.startswith((whole if length <= 120 else f"{whole[:117]}...") + " for row 1")


@pytest.mark.parametrize(
    "name, why",
    [
        ("no_such_module:f", r"cannot be imported \(ModuleNotFoundError: .*'no_such_module'\)"),
        ("math:no_such", r"cannot be imported \(AttributeError: .*'no_such'\)"),
        ("math:pi", "is a float, not a function"),
        ("types:NotThere", "cannot be imported"),
        ("my_functions:nothing", "is None, not a function"),
    ],
)
def test_what_is_no_function_is_refused(name, why, functions):
    functions.nothing = None
    with pytest.raises(ValueError, match=f"^--reward {name} {why}"):
        reward_of(name)


@pytest.mark.parametrize("there", [True, False])
def test_a_function_is_looked_for_first_in_the_folder_that_the_command_is_run_in(there, tmp_path, monkeypatch):
    """An installed module of the same name does not stand before it; the folder is put there once."""
    for folder, value in (("elsewhere", "0.0"), ("here", "1.0")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine_alone.py").write_text(f"def reward(completions, **_):\n    return [{value}]\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [""] * there + [str(tmp_path / "elsewhere"), *filter(None, sys.path)])
    assert reward_of("mine_alone:reward").scores(["x"], TWO[:1], [True], BARE) == [1.0]
    assert sys.path.count("") == 1
    del sys.modules["mine_alone"]
