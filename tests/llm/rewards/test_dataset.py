"""`dataset`: what stands between answer tags, and the verifier of the data that judges it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.problems import MathProblem
from llm.prompts.form import BARE
from llm.rewards.dataset import between_tags
from llm.rewards.registry import reward_of


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
        ("</answer> no: <answer>7</answer></answer>", "7"),
        ("<answer>6</answer><answer>7</answer>", "7"),
        ("<answer><answer>6<answer>7</answer>", "<answer>6<answer>7"),
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
    assert reward_of("dataset").vote(texts[0], True) == "7" and reward_of("dataset").vote(texts[0], False) is None
    reward_of("dataset").try_out([problem], BARE)
    with pytest.raises(ValueError, match="--reward dataset needs data with verifiers of its own"):
        reward_of("dataset").try_out([problem, MathProblem("q", "?", "7")], BARE)
