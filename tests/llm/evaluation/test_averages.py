"""The line of numbers about a table of rollouts, by hand."""

import math

import pandas as pd
import pytest

from llm.evaluation.averages import summarise

ROWS = {
    "prompt_id": ["a", "a", "b", "c"],
    "reward": [1.0, 0.0, 1.0, 0.0],
    "length": [3, 5, 10, 1],
    "log_p": [-1.0, -3.0, -4.0, -3.0],
    "log_pi": [-0.5, -2.5, -2.0, -2.75],
    "entropy": [2.0, 1.0, 0.5, 4.0],
    "finished": [True, False, True, True],
}
BY_PROMPT = {
    "accuracy": (0.5, 1, 0),
    "length": (4, 10, 1),
    "log_p": (-2, -4, -3),
    "kl": (0.5, 2, 0.25),  # of the policy less of the base
    "entropy": (1.5, 0.5, 4),
    "finished": (0.5, 1, 1),
}


def test_means_are_over_prompts_of_equal_weight_with_the_standard_error_of_their_spread():
    """Two samples of one prompt count as much as the one of another; the error is sd / sqrt 3, with 3 - 1 below."""
    found = summarise(pd.DataFrame(ROWS))
    assert found.keys() == {*BY_PROMPT, *(f"{name}_se" for name in BY_PROMPT)}
    for name, values in BY_PROMPT.items():
        mean = sum(values) / 3
        assert found[name] == pytest.approx(mean), name
        assert found[f"{name}_se"] == pytest.approx(math.sqrt(sum((x - mean) ** 2 for x in values) / 2 / 3)), name


def test_one_prompt_has_no_standard_error():
    found = summarise(pd.DataFrame(ROWS).query("prompt_id == 'a'"))
    assert found["accuracy"] == 0.5 and math.isnan(found["accuracy_se"])
