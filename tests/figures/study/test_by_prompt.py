"""Each prompt by itself: what a power does to it, told from its own samples."""

import numpy as np
import pandas as pd
import pytest

from figures.study.by_prompt import HELPED, HURT, MOST_RESPONSES, MOST_TEXT, SAME, by_prompt


@pytest.fixture
def base(tmp_path):
    """On x the likeliest response is wrong, on y right, on z all are wrong."""
    rows = []
    for prompt, likely in (("x", 0.0), ("y", 1.0)):
        rows += [(prompt, f"short {i % 2}", likely, -1.0, 2) for i in range(20)]
        rows += [(prompt, f"long {i}", 1 - likely, -4.0, 9) for i in range(20)]
    rows += [("z", "no", 0.0, -1.0, 2)] * 4
    table = pd.DataFrame(rows, columns=["prompt_id", "response", "reward", "log_p", "length"])
    table.assign(prompt="what is " + table["prompt_id"]).to_parquet(tmp_path / "base.parquet")
    return tmp_path / "base.parquet"


def test_a_power_weighs_samples_by_p_to_the_power_less_one(base):
    found = {prompt.text: prompt for prompt in by_prompt(base, {}, (2.0, 3.0))}
    x = found["what is x"]
    weight = np.exp(-4) / (np.exp(-4) + np.exp(-1))  # of a long response against a short one at alpha = 2
    assert x.accuracies == pytest.approx((0.5, weight, np.exp(-8) / (np.exp(-8) + np.exp(-2))))
    assert x.direction == HURT and found["what is y"].direction == HELPED and found["what is z"].direction == SAME
    assert (x.right, x.wrong, x.samples) == (20, 2, 40)


def test_responses_have_their_share_and_the_likeliest_stand_first(base):
    x = next(prompt for prompt in by_prompt(base, {}, (2.0,)) if prompt.text == "what is x")
    assert len(x.responses) == MOST_RESPONSES and [own.text for own in x.responses[:2]] == ["short 0", "short 1"]
    first = x.responses[0]
    assert (first.drawn, first.tokens, first.reward, first.log_p) == (10, 2, 0.0, -1.0)
    assert first.shares[0] == pytest.approx(0.5 / (1 + np.exp(-3)))


def test_the_prompt_that_is_hurt_most_comes_first(base):
    assert [prompt.text[-1] for prompt in by_prompt(base, {}, (2.0,))] == ["x", "z", "y"]


def test_what_the_runs_answer_is_their_commonest_response_over_all_seeds(base, tmp_path):
    paths = []
    for seed, texts in enumerate((["a", "b"], ["b", "c"])):
        table = pd.DataFrame({"prompt_id": "x", "response": texts, "reward": [float(text == "b") for text in texts]})
        table.to_parquet(tmp_path / f"{seed}.parquet")
        paths.append(tmp_path / f"{seed}.parquet")
    x = next(prompt for prompt in by_prompt(base, {"arm": paths}, (2.0,)) if prompt.text == "what is x")
    (run,) = x.runs
    assert (run.arm, run.text, run.drawn, run.samples, run.reward, run.accuracy) == ("arm", "b", 2, 4, 1.0, 0.5)


def test_a_change_that_chance_explains_is_no_change(tmp_path):
    table = pd.DataFrame({"response": list("abcd"), "reward": [1.0, 0.0, 1.0, 0.0], "log_p": [-1.0, -1.1, -1.2, -1.1]})
    table.assign(prompt_id="x", length=1).to_parquet(tmp_path / "few.parquet")
    (prompt,) = by_prompt(tmp_path / "few.parquet", {}, (2.0,))
    assert prompt.direction == SAME and prompt.accuracies[0] != prompt.accuracies[1]


def test_samples_without_text_or_log_p_show_nothing_and_long_texts_are_cut(tmp_path):
    table = pd.DataFrame(
        {"prompt_id": ["x"], "response": ["y" * 9999], "reward": [1.0], "log_p": [-1.0], "length": [3]}
    )
    table.to_parquet(tmp_path / "long.parquet")
    (prompt,) = by_prompt(tmp_path / "long.parquet", {}, (2.0,))
    assert len(prompt.responses[0].text) < MOST_TEXT + 30 and prompt.responses[0].text.endswith("(9999 characters)")
    table.drop(columns="log_p").to_parquet(tmp_path / "less.parquet")
    assert by_prompt(tmp_path / "less.parquet", {}, (2.0,)) == []
