"""Where a run stands in the plane, and what it should look like there."""

import numpy as np
import pytest

from theory.distribution import entropy
from theory.estimation.coordinate import coordinate, predicted
from theory.estimation.samples import BaseSamples, Rollouts, base_samples
from theory.tilt import log_tilt, moments

LOG_P = np.log([0.4, 0.25, 0.2, 0.1, 0.05])


REWARD = np.array([0.0, 1.0, 0.0, 1.0, 1.0])


LENGTH = np.array([2.0, 5.0, 3.0, 8.0, 13.0])


def in_proportion(copies=20):
    """A prompt whose samples are p itself: every response as often as its probability says."""
    times = np.round(copies * np.exp(LOG_P)).astype(int)
    return BaseSamples(*(np.repeat(column, times)[None] for column in (LOG_P, REWARD, LENGTH)))


@pytest.mark.parametrize(("alpha", "b"), [(1.0, 0.0), (2.5, 0.0), (1.0, 3.0), (0.5, -1.0), (3.0, 1.5)])
def test_the_prediction_is_the_tilt_of_the_distribution(alpha, b):
    """T23 against T2: samples in proportion to p give the moments of q_{alpha,b} exactly."""
    exact = moments(LOG_P, REWARD, alpha, b)
    log_q = log_tilt(LOG_P, REWARD, alpha, b)
    value = predicted(in_proportion(), alpha, b)
    np.testing.assert_allclose(value.accuracy.item(), exact.mean_reward)
    np.testing.assert_allclose(value.log_p.item(), exact.mean_log_p)
    np.testing.assert_allclose(value.length.item(), np.exp(log_q) @ LENGTH)
    np.testing.assert_allclose(value.var_length.item(), np.exp(log_q) @ LENGTH**2 - (np.exp(log_q) @ LENGTH) ** 2)
    np.testing.assert_allclose(value.entropy.item(), entropy(log_q))
    np.testing.assert_allclose(value.var_entropy.item(), np.exp(log_q) @ (-log_q - entropy(log_q)) ** 2)


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_the_length_exponent_divides_the_sharpening_of_long_responses(kappa):
    """T20: q ∝ p e^{(alpha - 1) l/|y|^kappa + b r}, by brute force."""
    log_q = LOG_P + 2.0 * LOG_P / LENGTH**kappa + 0.7 * REWARD
    q = np.exp(log_q) / np.exp(log_q).sum()
    np.testing.assert_allclose(predicted(in_proportion(), 3.0, 0.7, kappa).length.item(), q @ LENGTH)


@pytest.mark.parametrize("point", [(1.0, 0.0), (2.5, 0.0), (1.0, 3.0), (0.5, -1.0), (3.0, 1.5)])
def test_the_coordinate_of_a_point_of_the_plane_is_that_point(point):
    """T2: the means of l and r name (alpha, b); here over two prompts with different samples."""
    one = in_proportion()
    rng = np.random.default_rng(0)
    columns = (rng.normal(-3, 1, one.log_p.shape), rng.integers(0, 2, one.log_p.shape), np.ones(one.log_p.shape))
    two = BaseSamples(*(np.concatenate([a, b]) for a, b in zip(one, columns, strict=True)))
    there = predicted(two, *point)
    np.testing.assert_allclose(coordinate(two, there.log_p.mean(), there.accuracy.mean()), point, atol=1e-5)


def test_means_out_of_reach_end_at_the_border():
    assert coordinate(in_proportion(), float(LOG_P.max()) + 1, 0.0)[0] == 64
    assert coordinate(in_proportion(), float(LOG_P.min()) - 1, 0.5)[0] == 0
    assert coordinate(in_proportion(), float(LOG_P @ np.exp(LOG_P)), 1.0)[1] == 20


def test_prompts_of_unequal_sizes_are_cut_to_the_smallest():
    zeros, log_p = np.zeros(5, int), np.array([-1.0, -3, -5, -2, -4])
    ragged = Rollouts(
        np.array(["a", "b"]), np.array([0, 3]), log_p, 0.0 * log_p, -log_p, zeros, zeros == 0, zeros, zeros[:2]
    )
    np.testing.assert_array_equal(base_samples(ragged).log_p, [[-1, -3], [-2, -4]])
