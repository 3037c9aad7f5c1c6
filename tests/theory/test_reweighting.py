"""T23: reweighting samples of the base model, its effective sample size, and the cumulant formula."""

import mpmath
import numpy as np
import pytest
from hard_policies import alphas, brute_power_sum, graded, policies, rewarded
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from theory import reweighting
from theory.tilt import log_odds_terms, log_tilt

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])


@given(rewarded(zeros=False), st.floats(0, 10), st.floats(-2, 10), st.data())
def test_weights_of_samples_are_target_over_base_normalised(problem, alpha, b, data):
    """T23: w_i ∝ q(y_i)/p(y_i), with q from its own formula."""
    log_p, reward = problem
    drawn = np.array(data.draw(st.lists(st.integers(0, len(log_p) - 1), min_size=1, max_size=20)))
    ratio = (log_tilt(log_p, reward, alpha, b) - log_p)[drawn]
    np.testing.assert_allclose(
        reweighting.log_weights(log_p[drawn], reward[drawn], alpha, b), log_softmax(ratio), atol=1e-8
    )


def test_weights_of_all_responses_in_proportion_to_p_give_the_exact_accuracy():
    """T23: a sample that holds each response exactly 20 p times forecasts without error."""
    drawn = np.repeat(np.arange(4), [1, 10, 3, 6])
    reward = np.array([1.0, 0.0, 1.0, 0.0])
    weight = np.exp(reweighting.log_weights(LOG_P[drawn], reward[drawn], 2.5, 0.7))
    np.testing.assert_allclose(weight @ reward[drawn], np.exp(log_tilt(LOG_P, reward, 2.5, 0.7)) @ reward)


@given(st.lists(st.floats(-30, 0), min_size=1, max_size=30))
def test_effective_sample_size_is_one_over_the_sum_of_squares(logits):
    """T23: from 1 (one weight) to n (equal ones)."""
    weight = np.exp(log_softmax(logits))
    found = reweighting.effective_sample_size(np.log(weight))
    np.testing.assert_allclose(found, 1 / np.sum(weight**2))
    assert 1 - 1e-12 <= found <= len(logits) + 1e-9


@given(policies(), alphas)
def test_the_effective_sample_ratio_is_the_ratio_of_power_sums(log_p, alpha):
    """T23: Z(α)²/Z(2α-1), to 50 digits, negative powers (α < ½) on the support included."""
    expected = brute_power_sum(log_p, alpha) ** 2 / brute_power_sum(log_p, 2 * mpmath.mpf(alpha) - 1)
    np.testing.assert_allclose(
        reweighting.effective_sample_ratio(log_p, alpha), float(expected / brute_power_sum(log_p, 1)), rtol=1e-10
    )


@given(policies(deepest=-15.0), st.floats(0, 20))
def test_the_effective_sample_ratio_is_e_to_minus_the_renyi_divergence(log_p, alpha):
    """T23: e^{-D₂(q‖p)} = 1/Σ q²/p."""
    log_q = log_tilt(log_p, np.zeros(len(log_p)), alpha, 0)
    on = ~np.isneginf(log_p)
    np.testing.assert_allclose(
        reweighting.effective_sample_ratio(log_p, alpha), 1 / np.sum(np.exp(2 * log_q[on] - log_p[on])), rtol=1e-9
    )


def test_the_effective_sample_ratio_is_what_large_samples_keep():
    """T23: ESS/N of 400,000 samples, within four standard errors over 40 batches."""
    generator = np.random.default_rng(7)
    drawn = generator.choice(4, p=np.exp(LOG_P), size=(40, 10_000))
    ess = reweighting.effective_sample_size(reweighting.log_weights(LOG_P[drawn], np.zeros(drawn.shape), 3.0, 0.0))
    error = ess.std(ddof=1) / np.sqrt(40) / 10_000
    assert abs(ess.mean() / 10_000 - reweighting.effective_sample_ratio(LOG_P, 3.0)) < 4 * error


def test_the_effective_sample_ratio_runs_from_one_to_the_mass_of_the_modes():
    log_p = np.log([0.3, 0.3, 0.2, 0.2])
    np.testing.assert_allclose(reweighting.effective_sample_ratio(log_p, 1), 1.0)
    np.testing.assert_allclose(reweighting.effective_sample_ratio(log_p, 1e4), 0.6)
    deep = np.array([np.log(0.6), np.log(0.4), -1e4, -np.inf])
    np.testing.assert_allclose(reweighting.effective_sample_ratio(deep, 1e4), 0.6)
    rows = reweighting.effective_sample_ratio(np.stack([log_p, np.log([0.7, 0.1, 0.1, 0.1])]), 5)
    np.testing.assert_allclose(rows[1], (0.7**5 + 3e-5) ** 2 / (0.7**9 + 3e-9))
    assert reweighting.effective_sample_ratio(deep, 0) == 0.0  # uniform on a support that samples never show


@given(graded(deepest=-9.0, most=12), st.floats(-3, 3))
def test_the_cumulant_formula_is_exact_to_third_order(problem, b):
    """T23: its error against T3 falls by 8 when α-1 halves; exact at α = 1."""
    np.testing.assert_allclose(
        reweighting.cumulant_log_odds(*problem, 1, b), log_odds_terms(*problem, 1, b).total, atol=1e-10
    )

    def error(excess):
        exact = log_odds_terms(*problem, 1 + excess, b).total
        return abs(reweighting.cumulant_log_odds(*problem, 1 + excess, b) - exact)

    assert error(2e-3) < error(4e-3) / 6.5 + 1e-11
    assert error(-2e-3) < error(-4e-3) / 6.5 + 1e-11


def test_the_cumulant_formula_by_hand_and_batched():
    """T23: correct 0.05 and 0.15 (shares ¼, ¾), wrong 0.5 and 0.3 (shares 5/8, 3/8)."""
    correct = np.array([True, False, True, False])
    log_three, log_wrong = np.log(3), np.log(5 / 3)
    mu = np.log(0.05) + 0.75 * log_three - (np.log(0.3) + 0.625 * log_wrong)
    var = 3 / 16 * log_three**2 - 15 / 64 * log_wrong**2
    expected = np.log(0.25) + 0.5 * mu + 0.125 * var + 0.7
    found = reweighting.cumulant_log_odds(np.stack([LOG_P] * 2), np.stack([correct, correct & False]), 1.5, 0.7)
    np.testing.assert_allclose(found, [expected, np.nan])
    with_zero = np.append(LOG_P, -np.inf)
    for grade in (True, False):
        np.testing.assert_allclose(
            reweighting.cumulant_log_odds(with_zero, np.append(correct, grade), 1.5, 0.7), expected
        )


@pytest.mark.parametrize(
    ("log_p", "reward", "b"),
    [([-1.0, -np.inf], [0, 0], 0.0), ([-1.0, -2.0], [0, np.nan], 0.0), ([-1.0, -2.0], [0, 1], np.inf)],
)
def test_samples_that_p_cannot_have_drawn_are_refused(log_p, reward, b):
    with pytest.raises(ValueError) as error:
        reweighting.log_weights(np.array(log_p), np.array(reward, dtype=float), 2.0, b)
    assert str(error.value) == ("log_p, reward and b must be finite; a sampled response has a finite log-probability")
    with pytest.raises(ValueError, match="alpha must be finite and >= 0, got -1"):
        reweighting.log_weights(LOG_P, np.zeros(4), -1, 0.0)
    with pytest.raises(ValueError, match="alpha must be finite and >= 0, got -1"):
        reweighting.effective_sample_ratio(LOG_P, -1)
