"""The evaluation's numbers against brute force over every choice of k samples."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.rollout_table import from_table
from theory.estimation.samples import Rollouts
from theory.estimation.statistics import best_of_k, maj_at_k, prompt_statistics

# answer (None: none given), right, log p
SAMPLES = st.lists(
    st.tuples(st.sampled_from([None, "a", "b", "c"]), st.sampled_from([-1.5, -2.0, -3.25, -7.0])),
    min_size=1,
    max_size=7,
)


@given(samples=SAMPLES, data=st.data())
def test_maj_at_k_is_the_mean_over_every_vote_of_k_samples(samples, data):
    """T22: blanks are no votes, ties are shared, and a vote without votes elects nobody."""
    answers = [answer for answer, _ in samples]
    k = data.draw(st.integers(1, len(answers)))
    won = []
    for ballot in itertools.combinations(answers, k):
        votes = Counter(answer for answer in ballot if answer)
        most = max(votes.values(), default=0)
        leaders = [answer for answer in votes if votes[answer] == most]
        won.append(("a" in leaders) / len(leaders) if leaders else 0.0)
    counts = Counter(answer for answer in answers if answer)
    names = sorted(counts)
    value = maj_at_k(
        np.array([counts[n] for n in names], int), np.array([n == "a" for n in names], bool), answers.count(None), k
    )
    np.testing.assert_allclose(value, np.mean(won), atol=1e-12)


@given(samples=SAMPLES, data=st.data())
def test_best_of_k_is_the_mean_over_every_choice_of_k_samples(samples, data):
    log_p = np.array([l for _, l in samples])
    reward = np.array([float(answer == "a") for answer, _ in samples])
    k = data.draw(st.integers(1, len(samples)))
    # Equal log p share the choice.
    level = {l: reward[log_p == l].mean() for l in log_p}
    expected = np.mean([level[max(log_p[list(rows)])] for rows in itertools.combinations(range(len(samples)), k)])
    np.testing.assert_allclose(best_of_k(log_p, reward, k), expected, atol=1e-12)


def table(prompts=5, samples=4, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    rows = []
    for x in range(prompts):
        for n in range(samples):
            right = rng.random() < 0.2 + 0.15 * x
            finished = bool(rng.random() < 0.9)
            answer = "1/2" if right else rng.choice(["3", "4"])
            log_p = float(-rng.gamma(3.0))
            rows.append(
                {
                    "prompt_id": f"p{x}",
                    "sample": n,
                    "response": rf"so \boxed{{{answer}}}",
                    "answer": "0.5",
                    "reward": float(right and finished),
                    "log_p": log_p,
                    "log_pi": log_p + 0.25 + shift,
                    "length": int(rng.integers(3, 9)),
                    "finished": finished,
                }
            )
    return pd.DataFrame(rows)


def test_statistics_of_a_table_against_pandas():
    rollouts = table()
    by_prompt = rollouts.groupby("prompt_id")
    statistics = prompt_statistics(from_table(rollouts), (1, 2, 4))
    for k in (1, 2, 4):
        choices = [[max(pair) for pair in itertools.combinations(group["reward"], k)] for _, group in by_prompt]
        np.testing.assert_allclose(statistics[f"pass@{k}"], [np.mean(choice) for choice in choices])
    np.testing.assert_allclose(statistics["maj@1"], by_prompt["reward"].mean())
    np.testing.assert_allclose(statistics["best-of-1"], by_prompt["reward"].mean())
    np.testing.assert_allclose(statistics["length"], by_prompt["length"].mean())
    np.testing.assert_allclose(statistics["truncated"], 1 - by_prompt["finished"].mean())
    np.testing.assert_allclose(statistics["kl"], 0.25)


def test_votes_are_cast_on_normal_forms():
    """Three ways to write one wrong answer outvote two right answers."""
    rollouts = table(prompts=1, samples=5)
    rollouts["finished"] = True
    rollouts["response"] = [rf"\boxed{{{a}}}" for a in (r"\frac{3}{4}", "0.75", r"\dfrac34", "1/2", "1/2")]
    rollouts["reward"] = [0.0, 0.0, 0.0, 1.0, 1.0]
    assert prompt_statistics(from_table(rollouts), (5,))["maj@5"].item() == 0.0
    rollouts["response"] = [rf"\boxed{{{a}}}" for a in ("7", "8", "9", "1/2", "0.5")]
    assert prompt_statistics(from_table(rollouts), (5,))["maj@5"].item() == 1.0


def test_graded_rewards_have_a_mean_and_no_counts():
    """pass@k and maj@k count right answers; rewards of a half have none to count, and are averaged instead."""
    table = [np.log([[0.3, 0.3], [0.4, 0.2]]), np.array([[0.5, 1.0], [0.0, 0.25]]), np.full((2, 2), 3.0)]
    found = prompt_statistics(Rollouts.of_arrays(*table, np.arange(4).reshape(2, 2)), (1, 2))
    assert found["reward"].tolist() == [0.75, 0.125]
    assert np.isnan([found[name] for name in ("pass@1", "pass@2", "maj@1", "maj@2")]).all()


def test_lengths_and_log_p_of_a_prompt_are_means():
    """Two prompts of two samples, by hand."""
    log_p, length = np.array([[-1.0, -3.0], [-4.0, -2.0]]), np.array([[3.0, 5.0], [8.0, 2.0]])
    rollouts = Rollouts.of_arrays(log_p, np.array([[1.0, 0.0], [0.0, 0.0]]), length, np.arange(4).reshape(2, 2))
    found = prompt_statistics(rollouts, (1, 2))
    assert found["length"].tolist() == [4.0, 5.0] and found["log_p"].tolist() == [-2.0, -3.0]
    assert found["pass@1"].tolist() == [0.5, 0.0] and found["pass@2"].tolist() == [1.0, 0.0]


def test_votes_of_no_sample_or_of_more_than_there_are_cannot_be_told():
    counts, right = np.array([2, 1]), np.array([True, False])
    assert maj_at_k(counts, right, 1, 1) == pytest.approx(0.5)  # one of four: two right, one wrong, one blank
    assert maj_at_k(counts, right, 1, 4) == 1.0
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k must be between 1 and the 4 samples, got {k}"):
            maj_at_k(counts, right, 1, k)
        with pytest.raises(ValueError, match="k must be between 1 and"):
            best_of_k(np.log([0.1, 0.2, 0.3, 0.4]), np.ones(4), k)
    assert best_of_k(np.log([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 0, 0, 0]), 1) == pytest.approx(0.25)


def test_a_k_beyond_the_prompt_with_the_fewest_samples_is_refused_and_unknown_answers_have_no_vote():
    rows, start = np.zeros(5, int), np.array([0, 2])
    table = (np.arange(2), start, np.full(5, -1.0), np.array([1.0, 0, 1, 1, 0]), np.ones(5), np.arange(5), rows == 0)
    rollouts = Rollouts(*table, rows, 0 * start, answers_known=False)
    with pytest.raises(
        ValueError, match=r"^2 samples of a prompt, fewer than k = 3; sample more, or ask for a smaller k"
    ):
        prompt_statistics(rollouts, (1, 3))
    found = prompt_statistics(rollouts, (1, 2))
    assert np.isnan([found["maj@1"], found["maj@2"]]).all()
    assert found["pass@1"].tolist() == pytest.approx([1 / 2, 2 / 3])
