"""What comes off a score, fitted to base samples so that the mean of e^t is one, of the prompt or of each length."""

import numpy as np
import pytest

from theory.estimation.length_term import balance_rates, fit_length_term, length_class, length_terms, same_length
from theory.estimation.samples import Rollouts

SCORE, LENGTH = np.array([-3.0, 0.5, 1.0, 2.0]), np.array([5.0, 9.0, 9.0, 40.0])
LOG_MASS = np.log([1.0, 2.0, 3.0, 4.0])


def test_a_rate_a_token_makes_the_weighted_mean_one():
    """T20: for samples that count 1 to 4; another response of any length loses the same rate a token."""
    without = fit_length_term("trajectory-balance", SCORE, LENGTH, LOG_MASS)
    np.testing.assert_allclose(np.array([1, 2, 3, 4]) @ np.exp(without(SCORE, LENGTH)), 10)
    rates = (7.0 - without(np.full(3, 7.0), np.array([1.0, 10.0, 1000.0]))) / [1, 10, 1000]
    np.testing.assert_allclose(rates, rates[0])
    assert rates[0] != 0


def test_of_content_each_length_has_a_mean_of_one_and_unknown_lengths_keep_their_mass():
    """T18: lengths below, between and above those of the samples are left to p; 100 and 101 tokens are one length."""
    without = fit_length_term("content", SCORE, LENGTH, LOG_MASS)
    found = np.exp(without(SCORE, LENGTH))
    np.testing.assert_allclose([found[0], (2 * found[1] + 3 * found[2]) / 5, found[3]], 1)
    assert found[2] / found[1] == pytest.approx(np.exp(0.5))
    np.testing.assert_array_equal(without(np.full(4, 7.0), np.array([1.0, 6.0, 20.0, 400.0])), np.zeros(4))
    np.testing.assert_allclose(without(np.array([5.0]), np.array([41.0])), [5.0 - 2.0])


def test_without_control_nothing_comes_off():
    assert fit_length_term("none", SCORE, LENGTH, LOG_MASS)(SCORE, LENGTH) is SCORE


def test_lengths_within_a_tenth_are_one_class_and_prompts_are_never_compared():
    """Classes by hand: powers of 1.1; the second prompt has a length of the first and shares no group with it."""
    np.testing.assert_array_equal(length_class(np.array([1.0, 2.0, 1.1**30 + 1e-6, 1.1**31 - 1e-6])), [0, 7, 30, 30])
    zeros = np.zeros(5, int)
    length = np.array([5.0, 40.0, 41.0, 40.0, 5.0])
    drawn = Rollouts(np.arange(2), np.array([0, 3]), -length, 0 * length, length, zeros, zeros == 0, zeros, zeros[:2])
    same = same_length(drawn)
    np.testing.assert_array_equal(same.group, [0, 1, 1, 3, 2])
    np.testing.assert_array_equal(same.prompt, [0, 0, 1, 1])
    np.testing.assert_array_equal(same.size, [1, 2, 1, 1])
    score = np.array([1.0, 2.0, 4.0, 3.0, 5.0])
    middle = np.log((np.exp(2) + np.exp(4)) / 2)
    np.testing.assert_allclose(length_terms("content", drawn, score), [1, middle, middle, 3, 5])
    rates = balance_rates(drawn, score)
    np.testing.assert_allclose(length_terms("trajectory-balance", drawn, score), drawn.each(rates) * length)
    tilted = np.exp(score - drawn.each(rates) * length)
    np.testing.assert_allclose([tilted[:3].mean(), tilted[3:].mean()], 1)
