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


def weights(log_p, reward, alpha, b, **options):
    return reweighting.log_weights(reweighting.tilt_score(log_p, reward, alpha, b, **options))


@given(rewarded(zeros=False), st.floats(0, 10), st.floats(-2, 10), st.data())
def test_weights_of_samples_are_target_over_base_normalised(problem, alpha, b, data):
    """T23: w_i ∝ q(y_i)/p(y_i), with q from its own formula."""
    log_p, reward = problem
    drawn = np.array(data.draw(st.lists(st.integers(0, len(log_p) - 1), min_size=1, max_size=20)))
    ratio = (log_tilt(log_p, reward, alpha, b) - log_p)[drawn]
    np.testing.assert_allclose(weights(log_p[drawn], reward[drawn], alpha, b), log_softmax(ratio), atol=1e-8)


def test_weights_of_all_responses_in_proportion_to_p_give_the_exact_accuracy():
    """T23: a sample that holds each response exactly 20 p times forecasts without error."""
    drawn = np.repeat(np.arange(4), [1, 10, 3, 6])
    reward = np.array([1.0, 0.0, 1.0, 0.0])
    weight = np.exp(weights(LOG_P[drawn], reward[drawn], 2.5, 0.7))
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
    ess = reweighting.effective_sample_size(weights(LOG_P[drawn], np.zeros(drawn.shape), 3.0, 0.0))
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
        reweighting.tilt_score(np.array(log_p), np.array(reward, dtype=float), 2.0, b)
    assert str(error.value) == ("log_p, reward and b must be finite; a sampled response has a finite log-probability")
    with pytest.raises(ValueError, match="alpha must be finite and >= 0, got -1"):
        reweighting.tilt_score(LOG_P, np.zeros(4), -1, 0.0)
    with pytest.raises(ValueError, match="alpha must be finite and >= 0, got -1"):
        reweighting.effective_sample_ratio(LOG_P, -1)


def test_a_length_exponent_needs_lengths():
    with pytest.raises(ValueError, match=r"kappa is 1.0, .* give length"):
        reweighting.tilt_score(LOG_P, np.zeros(4), 2.0, 0.0, kappa=1.0)


@given(policies(zeros=False), st.floats(0, 8), st.floats(-2, 8), st.floats(0, 1.5), st.data())
def test_all_responses_weighed_by_p_are_the_tilt_itself(log_p, alpha, b, kappa, data):
    """T1, T20: with log_mass = log p the weights are q, length exponent included; with kappa = 0 theory's own tilt."""
    reward = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(log_p), max_size=len(log_p))))
    length = np.arange(1.0, len(log_p) + 1)
    score = reweighting.tilt_score(log_p, reward, alpha, b, length, kappa)
    expected = log_softmax(log_p * (1 + (alpha - 1) / length**kappa) + b * reward)
    np.testing.assert_allclose(reweighting.log_weights(score, log_mass=log_p), expected, atol=1e-8)
    plain = reweighting.tilt_score(log_p, reward, alpha, b)
    np.testing.assert_allclose(
        reweighting.log_weights(plain, log_mass=log_p), log_tilt(log_p, reward, alpha, b), atol=1e-8
    )


PROMPTS = st.lists(st.lists(st.floats(-30, 0), min_size=1, max_size=6), min_size=1, max_size=5)


@given(PROMPTS, st.data())
def test_prompts_one_after_the_other_are_the_prompts_one_by_one(scores, data):
    """T23: ragged prompts against one call for each; weights, their sum, their effective size and the limit."""
    start = np.cumsum([0, *map(len, scores)])[:-1]
    together = np.concatenate(scores)
    mass = np.array(data.draw(st.lists(st.floats(-5, 0), min_size=len(together), max_size=len(together))))
    one_by_one = [(np.array(s), mass[i : i + len(s)]) for i, s in zip(start, scores, strict=True)]
    found = reweighting.log_weights(together, start, mass)
    expected = [reweighting.log_weights(s, log_mass=m) for s, m in one_by_one]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-9)
    for function, arguments in (
        (reweighting.log_total, (together, start)),
        (reweighting.effective_sample_size, (reweighting.log_weights(together, start), start)),
    ):
        alone = [
            function(np.array(s) if function is reweighting.log_total else reweighting.log_weights(np.array(s)))
            for s in scores
        ]
        np.testing.assert_allclose(function(*arguments), alone, rtol=1e-9)
    faces = [reweighting.limit_score(np.array(s)) for s in scores]
    np.testing.assert_array_equal(reweighting.limit_score(together, start), np.concatenate(faces))


def test_the_limit_keeps_the_proportions_of_p_on_the_face():
    """T4, T8: of all responses, p restricted to the best; of samples, equal weights."""
    reward = np.array([1.0, 0.0, 1.0, 0.0])
    limit = reweighting.limit_score(reward)
    expected = [np.log(0.25), -np.inf, np.log(0.75), -np.inf]
    np.testing.assert_allclose(reweighting.log_weights(limit, log_mass=LOG_P), expected)
    np.testing.assert_allclose(reweighting.log_weights(limit), [np.log(0.5), -np.inf, np.log(0.5), -np.inf])


def test_the_cumulant_formula_takes_samples_of_several_prompts_and_shares():
    """T23: samples in exact proportion are the distribution; two prompts of different sizes; a reward of a half."""
    correct = np.array([1.0, 0.0, 1.0, 0.0])
    drawn = [np.repeat(np.arange(4), [1, 10, 3, 6]), np.repeat(np.arange(4), [2, 20, 6, 12])]
    rows, start = np.concatenate(drawn), np.array([0, 20])
    samples = (LOG_P[rows], correct[rows], 1.5, 0.7, start, np.zeros(len(rows)))
    expected = reweighting.cumulant_log_odds(LOG_P, correct.astype(bool), 1.5, 0.7)
    np.testing.assert_allclose(reweighting.cumulant_log_odds(*samples), [expected] * 2)
    left_out = reweighting.cumulant_next_term(LOG_P, correct.astype(bool), 1.5)
    np.testing.assert_allclose(
        reweighting.cumulant_next_term(LOG_P[rows], correct[rows], 1.5, start, np.zeros(len(rows))), [left_out] * 2
    )
    # A share of a half is a correct and a wrong response of half the probability each.
    half, split = np.array([1.0, 0.0, 0.5, 0.0]), np.log([0.05, 0.5, 0.075, 0.3, 0.075])
    mass = np.array([1.0, 0, 1, 0, 0])
    mixed = reweighting.cumulant_log_odds(LOG_P, half, 1.5, 0.7)
    twins = reweighting.cumulant_log_odds(LOG_P[[0, 1, 2, 3, 2]], mass, 1.5, 0.7, log_mass=split)
    np.testing.assert_allclose(mixed, twins)


def test_the_next_term_of_the_cumulant_formula_by_hand():
    """T23: κ₃ of two values with shares s, 1-s and a gap d is s(1-s)(1-2s) d³."""
    correct = np.array([True, False, True, False])
    third = 3 / 16 * 0.5 * np.log(3) ** 3 + 15 / 64 * 0.25 * np.log(5 / 3) ** 3
    np.testing.assert_allclose(reweighting.cumulant_next_term(LOG_P, correct, 3.0), 8 * third / 6)


@pytest.mark.parametrize("mask", [[1, -1, 1, 0], [True, False, 2, False], [0.5, np.nan, 0, 1]])
def test_a_mask_that_is_none_is_refused(mask):
    with pytest.raises(ValueError, match="correct must be true or false, or a share between 0 and 1"):
        reweighting.cumulant_log_odds(LOG_P, np.array(mask, float), 1.5, 0.7)
