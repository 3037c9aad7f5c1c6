"""Intervals of shares that are nearly always one: how often they hold the truth, and that they are no certainty."""

import numpy as np
import pytest
from scipy.stats import binomtest

from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.shares import at_most, difference_intervals, of_differences, of_shares, share_intervals


def interval_of(values, intervals=share_intervals):
    values = np.asarray(values, float)
    return intervals(values[:, None], ClusterBootstrap(len(values), np.random.default_rng(0)))[:, 0]


@pytest.mark.parametrize("exceptions", [0, 1, 4])
def test_few_exceptions_are_counted_as_clopper_and_pearson_do(exceptions):
    values = np.ones(60)
    values[:exceptions] = 0
    exact = binomtest(60 - exceptions, 60).proportion_ci(method="exact")
    low, high = interval_of(values)
    assert low == pytest.approx(exact.low) and exact.low < values.mean() <= high
    assert interval_of(1 - values) == pytest.approx([1 - high, 1 - low])
    assert interval_of(values - 1, difference_intervals)[0] == pytest.approx(exact.low - 1)


def test_a_single_exception_that_is_nearly_none_does_not_bring_certainty_back():
    values = np.ones(60)
    values[0] = 0.98
    assert interval_of(values)[0] < 0.945
    np.testing.assert_array_equal(interval_of(np.zeros(60), difference_intervals) > 0, [False, True])


def test_five_exceptions_are_enough_for_the_bootstrap():
    values = np.repeat([0.0, 1.0], [5, 55])
    bootstrap = ClusterBootstrap(60, np.random.default_rng(0)).interval(values[:, None])[:, 0]
    np.testing.assert_allclose(interval_of(values), bootstrap)
    np.testing.assert_allclose(interval_of(1 - values), 1 - bootstrap[::-1])
    np.testing.assert_allclose(interval_of(1 - values, difference_intervals), 1 - bootstrap[::-1])


def test_shares_that_lie_between_the_ends_keep_the_bootstrap():
    values = np.random.default_rng(1).uniform(0.9, 0.99, 60)
    bootstrap = ClusterBootstrap(60, np.random.default_rng(0))
    np.testing.assert_array_equal(interval_of(values), bootstrap.interval(values[:, None])[:, 0])


def test_intervals_of_rare_failures_hold_the_truth():
    """3 % of prompts are solved half the time, the others always: P(no exception among 60) is .16."""
    generator = np.random.default_rng(2)
    truth, held, plain = 1 - 0.03 * 0.5, 0, 0
    for _ in range(200):
        values = np.where(generator.random(60) < 0.03, 0.5, 1.0)
        low, high = interval_of(values)
        held += low <= truth <= high
        low, high = ClusterBootstrap(60, np.random.default_rng(0)).interval(values[:, None])[:, 0]
        plain += low <= truth <= high
    assert held >= 190 > plain


def test_the_limit_of_one_prompt_is_not_known():
    assert np.isnan(at_most(np.ones((1, 1))))


def test_ninety_five_percent_is_what_is_meant_where_no_level_is_given():
    values = np.zeros((60, 1))
    values[0] = 0.5
    ends = np.zeros((2, 1))
    for of in (of_shares, of_differences):
        np.testing.assert_array_equal(of(ends, values), of(ends, values, 0.95))
        assert of(ends, values, 0.5)[1] < of(ends, values)[1] < of(ends, values, 0.99)[1]
    bootstrap = ClusterBootstrap(60, np.random.default_rng(0))
    for intervals in (share_intervals, difference_intervals):
        np.testing.assert_array_equal(intervals(values, bootstrap), intervals(values, bootstrap, 0.95))
    np.testing.assert_array_equal(at_most(values), at_most(values, 0.95))
    assert at_most(np.ones((3, 1))) == 1.0
    exact = binomtest(1, 60).proportion_ci(0.95, method="exact").high
    assert at_most(np.eye(60)[:, :1]) == pytest.approx(exact)


def test_each_quantity_has_its_own_exceptions_and_ends_within_a_share():
    """Thirty prompts, of which two are below 1 in the first quantity and fifteen in the second."""
    values = np.ones((30, 2))
    values[:2, 0] = values[:15, 1] = 0.0
    ends = np.array([[0.9, 0.4], [1.2, 0.6]])
    (low, other_low), (high, other_high) = of_shares(ends, values)
    assert low == pytest.approx(1 - at_most(1 - values)[0]) and low < 0.9
    assert (other_low, high, other_high) == (0.4, 1.0, 0.6)
