"""What a forecast says, what it doubts, and that it stands on theory's formulas."""

import numpy as np
import pytest
from scipy.special import log_softmax

from llm.rollout_table import from_table
from tests.rollout_tables import ANSWERS, COMPLETE, PROMPTS, responses, sampled, table_of
from theory.estimation.forecast import forecast, samples_needed
from theory.estimation.reweight import Target


def test_two_samples_with_log_probabilities_a_hundred_nats_apart_cannot_tell():
    """T23: one response has all the weight; no number is offered as reliable, and no feasible sample size either."""
    table = sampled(samples=2)
    table["log_p"] = -50 + np.random.default_rng(0).uniform(-50, 49, size=len(table))
    table["response"] = [f"{i} {text}" for i, text in enumerate(table["response"])]
    for record in forecast(from_table(table), [Target(2.0, 0.0), Target(4.0, 1.0)], np.random.default_rng(0)):
        assert not record.reliable and record.doubts
        assert record.samples_needed > 1e9


def test_single_samples_cannot_tell():
    for record in forecast(from_table(sampled(samples=1)), [Target(1.1, 0.0)], np.random.default_rng(0)):
        assert not record.reliable and "prompts with a single sample" in record.doubts


def test_prompts_never_solved_are_a_reason_to_doubt_a_large_b():
    """T24: right answers that were never sampled could be what the reward would find."""
    table = sampled()
    hopeless = table["prompt_id"].isin([f"p{i}" for i in range(PROMPTS // 2)])
    table.loc[hopeless, "reward"] = 0.0
    small, large = forecast(from_table(table), [Target(1, 0.01), Target(1, 5.0)], np.random.default_rng(0), ("psis",))
    assert small["accuracy"].reliable and not large["accuracy"].reliable
    assert "right answers that were never sampled could matter" in large.doubts


def test_a_file_of_complete_distributions_is_answered_exactly():
    """T1: where all responses are listed the method is exact, and its value is the sum."""
    record = forecast(COMPLETE, [Target(2.0, 1.0)], np.random.default_rng(0))[0]
    assert record.method == "exact" and record.reliable
    weights = [np.exp(log_softmax(2 * responses(i)[0] + (ANSWERS == 1))) for i in range(PROMPTS)]
    assert record["accuracy"].value == pytest.approx(np.mean([w[ANSWERS == 1].sum() for w in weights]), abs=1e-12)
    length = np.mean([w @ responses(i)[1] for i, w in enumerate(weights)])
    assert record["length"].low < length < record["length"].high


def test_the_number_of_samples_needed_is_that_of_a_gaussian_tilt():
    """T23: D2 = Var(t), so an effective size of 5 takes 5 e^{Var}."""
    table = sampled(samples=50)
    table["log_p"] = -60 + 2 * np.random.default_rng(0).normal(size=len(table))
    table["response"] = np.arange(len(table)).astype(str)
    rollouts = from_table(table)
    assert samples_needed(rollouts, Target(2.0, 0.0), 0.0) == pytest.approx(5 * np.exp(4), rel=0.4)


def test_the_frontier_of_tilting_is_that_of_the_theory():
    """T5: accuracy and KL of q_{1,b}, from responses in exact proportion."""
    from theory.budget import reward_at, tilting_at_budget
    from theory.estimation.reweight import tilting_frontier
    from theory.tilt import moments

    log_p, _ = responses(3)
    y = np.repeat(np.arange(5), np.round(20_000 * np.exp(log_p)).astype(int))
    frontier = tilting_frontier(from_table(table_of([y[:0]] * 3 + [y])))
    right = (ANSWERS == 1).astype(float)
    for budget in (0.01, 0.1, 0.3):
        expected = moments(log_p, right, 1, tilting_at_budget(log_p, right, budget)).mean_reward
        assert reward_at(frontier, budget) == pytest.approx(expected, abs=3e-3)
