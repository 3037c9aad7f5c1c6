"""Smoothing of the largest weights: only of a tail that is long enough to be fitted, and only where there is one."""

import numpy as np

from theory.estimation.smoothing import smoothed


def test_a_tail_is_fitted_from_a_hundred_rows_on():
    scores = np.random.default_rng(0).normal(size=100) * 2
    same, shape = smoothed(scores[:99])
    assert same is not None and np.array_equal(same, scores[:99]) and np.isnan(shape)
    found, shape = smoothed(scores)
    assert np.isfinite(shape)
    order = np.argsort(scores)
    moved = (found - scores)[order]
    np.testing.assert_allclose(moved[:70], moved[0])  # the body keeps its proportions
    assert np.ptp(moved[-10:]) > 0.01  # and the tail is that of a Pareto law
    np.testing.assert_allclose(np.exp(found).sum(), np.exp(scores).sum())
    assert np.all(np.diff(found[order]) >= 0)


def test_equal_weights_have_no_tail():
    for value in (0.0, 3.0, -800.0):
        same, shape = smoothed(np.full(200, value))
        assert np.array_equal(same, np.full(200, value)) and np.isnan(shape)
