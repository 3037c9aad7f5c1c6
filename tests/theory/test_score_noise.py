"""T32: noise in the scores favours long responses in importance weights, and nothing in runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.score_noise import log_weight_bonus, noisy_power


@given(st.floats(0, 4), st.floats(0, 0.3), st.integers(1, 30))
def test_the_mean_noisy_weight_has_the_bonus(alpha, sd, length):
    """T32: E e^{(α-1) ε} by Gauss-Hermite quadrature of one token's noise, to the power of the length."""
    x, weight = np.polynomial.hermite_e.hermegauss(60)
    one = np.exp((alpha - 1) * sd * x) @ weight / weight.sum()
    np.testing.assert_allclose(log_weight_bonus(alpha, sd, length), length * np.log(one), rtol=1e-9, atol=1e-9)


def test_the_target_of_noisy_weights_leans_to_the_long_and_at_alpha_one_does_not():
    """T32: p^α e^{(α-1)² s² L/2}, against the mean of weighted counts in a sample."""
    log_p, length = np.log([0.5, 0.3, 0.2]), np.array([1.0, 4.0, 16.0])
    rng, draws = np.random.default_rng(0), 400_000
    y = rng.choice(3, size=draws, p=np.exp(log_p))
    weight = np.exp(log_p[y] + 0.3 * np.sqrt(length[y]) * rng.standard_normal(draws))
    each = (np.eye(3)[y] - np.exp(noisy_power(log_p, length, 2, 0.3))) * weight[:, None]
    assert np.all(np.abs(each.mean(axis=0)) <= 4 * each.std(axis=0) / draws**0.5)
    plain_power = np.exp(2 * log_p) / np.exp(2 * log_p).sum()
    assert np.exp(noisy_power(log_p, length, 2, 0.3))[2] > 1.5 * plain_power[2]
    np.testing.assert_allclose(noisy_power(log_p, length, 1, 0.3), log_p, atol=1e-12)
    with pytest.raises(ValueError, match="sd must be finite and >= 0, got -1"):
        log_weight_bonus(2, -1.0, 3)
