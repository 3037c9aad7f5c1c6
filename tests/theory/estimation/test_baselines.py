import numpy as np
import pytest

from theory.estimation.baselines import correlation, correlation_times_reward
from theory.estimation.samples import Rollouts
from theory.estimation.weighted_curve import along_alpha


def spread(slope=1.0, prompts=300, samples=32, seed=0):
    """log p Gaussian with a standard deviation of 15 nats, right the more often the likelier."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(prompts, samples))
    reward = generator.random(z.shape) < 1 / (1 + np.exp(-slope * z))
    return Rollouts.of_arrays(15 * z - 100, reward, np.ones(z.shape), np.arange(z.size).reshape(z.shape))


def test_the_correlation_tells_the_gain_of_sharpening_near_the_base_model():
    """T5: where KL is small the two agree; the reward's gain comes from counts, that of sharpening from weights."""
    rollouts = spread()
    near = along_alpha(rollouts, np.random.default_rng(0)).at(0.005)
    assert correlation_times_reward(rollouts, 0.005) == pytest.approx(near.value, rel=0.1)
    flipped = spread(slope=-1.0)
    assert correlation_times_reward(flipped, 0.005) < 0 < correlation(rollouts) < 1


def test_a_constant_has_no_correlation():
    rollouts = spread()
    flat = Rollouts.of_arrays(
        np.full((300, 32), -5.0), *(x.reshape(300, 32) for x in (rollouts.reward, rollouts.length, rollouts.response))
    )
    assert np.isnan(correlation(flat))
    assert np.isnan(correlation_times_reward(flat, 0.2))


def test_covariances_are_pooled_over_prompts_with_their_own_divisors_and_single_samples_say_nothing():
    """Prompts of 2, 1 and 3 samples, against numpy's covariance of each of those with several."""
    log_p, reward = np.array([-1.0, -2.0, -9.0, -3.0, -5.0, -4.0]), np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    rows, start = np.zeros(6, int), np.array([0, 2, 3])
    table = Rollouts(np.arange(3), start, log_p, reward, np.ones(6), np.arange(6), rows == 0, rows, 0 * start)
    moments = np.mean([np.cov(log_p[own], reward[own]) for own in (slice(0, 2), slice(3, 6))], axis=0)
    assert correlation(table) == pytest.approx(moments[0, 1] / np.sqrt(moments[0, 0] * moments[1, 1]))
    assert np.isnan(correlation(table.rows(np.array([True, False, True, True, False, False]))))
