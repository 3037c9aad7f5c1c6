from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.budget import tilting_frontier
from theory.estimation.counts import after_filtering, along_b, estimates, gain_at_budget, pass_at, tilt_cost, tilted
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.passk import pass_at_k, population_pass_at_k
from theory.rejection import reward_log_draws
from theory.tilt import kl_to_base, log_tilt


@given(st.floats(0.001, 0.999), st.floats(0, 10))
def test_accuracy_and_kl_of_a_tilt_depend_on_the_accuracy_alone(accuracy, b):
    """T3, T5: against the sum over five responses, two of them right."""
    log_p = np.log([0.3 * accuracy, 0.7 * accuracy, *(np.array([0.2, 0.5, 0.3]) * (1 - accuracy))])
    reward = np.array([1, 1, 0, 0, 0.0])
    q = np.exp(log_tilt(log_p, reward, 1, b))
    np.testing.assert_allclose(tilted(np.array([accuracy]), b), q[:2].sum(), atol=1e-12)
    np.testing.assert_allclose(tilt_cost(np.array([accuracy]), b), kl_to_base(log_p, reward, 1, b), atol=1e-10)


def known_accuracies(samples=4000, prompts=3):
    accuracy = np.array([0.1, 0.45, 0.8])[:prompts]
    n = np.full(60 * prompts, samples)
    return accuracy, PromptAccuracies.of_counts(n, np.repeat(np.round(accuracy * samples).astype(int), 60))


def test_the_gain_at_a_budget_is_that_of_the_frontier():
    """T5, with so many samples that accuracies are known: against tilts of one b, put on a fine grid."""
    accuracy, known = known_accuracies()
    log_p = np.log(np.stack([accuracy, 1 - accuracy], axis=1))
    frontier = tilting_frontier(log_p, np.array([1.0, 0.0]), np.linspace(0, 12, 2000))
    kl, gain = (x.mean(axis=0) for x in (frontier.kl, frontier.mean_reward - accuracy[:, None]))
    budgets = [0.05, 0.2, 0.6, 5.0]
    for budget, found in zip(budgets, gain_at_budget(known, budgets), strict=True):
        assert found.gain.value == pytest.approx(np.interp(budget, kl, gain), abs=2e-3)
        assert found.gain.low <= found.gain.value <= found.gain.high
        assert found.kl == pytest.approx(min(budget, -np.log(accuracy).mean()), abs=0.02)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_pass_at_k_within_the_samples_agrees_with_the_unbiased_estimate(seed):
    """T22: at k <= n the most likely distribution of accuracies says what counting says, within its interval."""
    generator = np.random.default_rng(seed)
    correct = generator.binomial(8, generator.beta(0.7, 1.1, 150))
    known = PromptAccuracies.of_counts(np.full(150, 8), correct)
    for k, estimate in zip((1, 2, 4), pass_at(known, (1, 2, 4)), strict=True):
        unbiased = pass_at_k(8, correct, k).mean()
        assert estimate.value == pytest.approx(unbiased, abs=0.03)
        assert estimate.low <= unbiased <= estimate.high


def test_pass_at_k_far_beyond_the_samples_is_an_interval_that_holds_the_truth():
    accuracy = np.random.default_rng(1).beta(0.5, 2, 300)
    correct = np.random.default_rng(2).binomial(8, accuracy)
    beyond = pass_at(PromptAccuracies.of_counts(np.full(300, 8), correct), (256,))[0]
    assert beyond.low < population_pass_at_k(accuracy, 256) < beyond.high
    assert beyond.high - beyond.low > 0.1  # 8 samples do not tell an accuracy of 1/256 from 0


def test_at_no_weight_nothing_is_gained():
    _, known = known_accuracies(8)
    (nothing,) = along_b(known, [0.0])
    assert nothing["gain"].low == nothing["gain"].value == nothing["gain"].high == 0
    assert nothing["kl"].high == pytest.approx(0, abs=1e-12)


def test_fewer_than_ten_prompts_are_in_doubt():
    known = PromptAccuracies.of_counts(np.full(9, 8), np.arange(9))
    assert not along_b(known, [1.0])[0]["gain"].reliable


def test_the_price_of_a_reward_and_what_filtered_training_reaches_follow_from_accuracies():
    """T28, with so many samples that accuracies are known: kept where one of n is right, and a else."""
    accuracy, known = known_accuracies()
    for b, found in zip((0.5, 3.0), along_b(known, (0.5, 3.0)), strict=True):
        assert found["log_draws"].value == pytest.approx(np.mean(reward_log_draws(accuracy, b)), abs=2e-3)
    assert "log_draws" not in along_b(known, (np.inf,))[0]
    drawn = np.random.default_rng(0).random((20_000, 5, 3)) < accuracy
    reached = np.where(drawn.any(axis=1), 1.0, accuracy).mean()
    assert after_filtering(known, (5,))[0].value == pytest.approx(reached, abs=5e-3)


@pytest.mark.parametrize(("prompts", "doubts"), [(9, ("fewer than 10 prompts",)), (10, ())])
def test_fewer_than_ten_prompts_are_doubted_and_ten_are_not(prompts, doubts):
    known = PromptAccuracies.of_counts(np.full(prompts, 4), np.arange(prompts) % 5)
    assert gain_at_budget(known, [0.1])[0].gain.doubts == doubts
    assert pass_at(known, [2])[0].doubts == doubts


def test_all_that_a_reward_can_spend_is_minus_the_log_of_the_accuracy_and_nothing_where_none_is_right():
    """T5 at b = inf."""
    np.testing.assert_allclose(tilt_cost(np.array([0.0, 0.5, 1.0]), np.inf), [0, np.log(2), 0])
    np.testing.assert_allclose(tilted(np.array([0.0, 0.5, 1.0]), np.inf), [0, 1, 1])
    known = PromptAccuracies.of_counts(np.full(30, 8), np.arange(30) % 9)
    (far,) = gain_at_budget(known, [50.0])
    (limit,) = along_b(known, [np.inf])
    assert far.kl == pytest.approx(limit["kl"].value, rel=1e-12)
    assert far.gain.value == pytest.approx(limit["gain"].value, rel=1e-12)
    assert far.gain.low < far.gain.value < far.gain.high


def test_each_quantity_of_b_is_called_by_its_name():
    """T3, T5, T22 with so many samples that accuracies are known."""
    accuracy, known = known_accuracies()
    (found,) = along_b(known, [1.5], [3])
    right = accuracy * np.exp(1.5) / (1 - accuracy + accuracy * np.exp(1.5))
    cost = 1.5 * right - np.log(1 - accuracy + accuracy * np.exp(1.5))
    expected = {"accuracy": right, "gain": right - accuracy, "kl": cost, "pass@3": 1 - (1 - right) ** 3}
    assert set(found) == {*expected, "log_draws"}
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value.mean(), abs=2e-3)


def test_a_mean_and_its_limits_are_within_what_the_mean_is_of(as_users_call_it):
    """Each function within its own values, whatever those of the others are."""
    known = SimpleNamespace(
        prompts=20,
        mean=lambda values: np.array([0.5, 8.0]),
        limits=lambda values: (np.array([-0.1, 7.0]), np.array([1.1, 12.0])),
    )
    one, other = estimates(known, np.array([[0.0, 1.0], [9.0, 11.0]]))
    assert (one.value, one.low, one.high) == (0.5, 0.0, 1.0)
    assert (other.value, other.low, other.high) == (9.0, 9.0, 11.0)
