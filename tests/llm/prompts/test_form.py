"""The prompt of a problem, turn by turn."""

import pytest

from llm.problems import MathProblem
from llm.prompts.form import BARE, CHAT, INSTRUCTION, PromptForm
from llm.prompts.turns import Turn

PROBLEM = MathProblem("a", "1+1?", "2")
EXAMPLES = (Turn("user", "2+2?"), Turn("assistant", "4"))
TALK = MathProblem("b", "And?", "2", (Turn("user", "1+1?"), Turn("assistant", "Wait."), Turn("user", "And?")))


def written(form, problem):
    return [(turn["role"], turn["content"]) for turn in form.prompt(problem)]


def test_the_default_is_one_user_turn_with_the_instruction_below_the_problem():
    assert written(CHAT, PROBLEM) == [("user", f"1+1?\n\n{INSTRUCTION}")]
    assert written(PromptForm(instruction=""), PROBLEM) == [("user", "1+1?")]


def test_system_and_examples_come_first_and_the_examples_have_no_instruction():
    form = PromptForm(system="Be brief.", instruction="Box it.", turns=EXAMPLES)
    assert written(form, PROBLEM) == [("system", "Be brief."), *EXAMPLES, ("user", "1+1?\n\nBox it.")]
    assert written(PromptForm(system=""), PROBLEM)[0] == ("system", ""), "not the template's own system turn"


def test_a_conversation_is_asked_as_it_is_unless_an_instruction_is_given():
    assert written(CHAT, TALK) == [tuple(turn) for turn in TALK.messages]
    assert written(PromptForm(instruction="Box it."), TALK)[-1] == ("user", "And?\n\nBox it.")
    assert written(PromptForm(instruction="Box it."), TALK)[0] == ("user", "1+1?")


def test_the_system_turn_of_a_row_stays_before_the_examples_and_two_are_refused():
    own = MathProblem("c", "1+1?", "2", (Turn("system", "Own."), Turn("user", "1+1?")))
    assert written(PromptForm(turns=EXAMPLES), own) == [("system", "Own."), *EXAMPLES, ("user", "1+1?")]
    with pytest.raises(ValueError, match="--system: the messages of c begin with a system turn of their own"):
        PromptForm(system="Other.").prompt(own)


def test_bare_text_has_no_instruction_unless_one_is_given():
    assert BARE.prompt(PROBLEM) == "1+1?"
    form = PromptForm(chat=False, system="Sums.", instruction="Box it.", text="2+2? 4")
    assert form.prompt(PROBLEM) == "Sums.\n\n2+2? 4\n\n1+1?\n\nBox it."


def test_an_examples_text_may_say_where_the_problem_goes():
    form = PromptForm(chat=False, text="Q: 2+2?\nA: 4\n\nQ: {problem}\nA:")
    assert form.prompt(PROBLEM) == "Q: 2+2?\nA: 4\n\nQ: 1+1?\nA:"


def test_a_row_in_the_wrong_shape_says_which_option_to_change():
    with pytest.raises(ValueError, match="prompt d is bare text, for a base model; add --no-chat"):
        CHAT.prompt(MathProblem("d", "1+1?", "2", bare=True))
    assert BARE.prompt(MathProblem("d", "1+1?", "2", bare=True)) == "1+1?"
    with pytest.raises(ValueError, match="--no-chat: b is a conversation"):
        BARE.prompt(TALK)
