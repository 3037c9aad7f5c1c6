"""T32: noise in the scores favours long responses in importance weights, and nothing in runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.score_noise import log_weight_bonus, noisy_power, sd_of_a_token, weighted_excess


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


@pytest.mark.parametrize(("alpha", "kappa"), [(3.0, 0.0), (2.0, 0.5), (0.5, 1.0)])
def test_a_weighted_mean_has_too_much_of_the_noise_that_it_is_weighed_by(alpha, kappa):
    """T32: E[ε e^{xε}]/E[e^{xε}] and log E e^{xε}, x = (α-1)/L^κ, by Gauss-Hermite quadrature of ε."""
    sd, length = 0.2, np.array([2.0, 9.0])
    z, weight = np.polynomial.hermite_e.hermegauss(60)
    noise = sd * np.sqrt(length)[:, None] * z
    tilted = np.exp((alpha - 1) / length[:, None] ** kappa * noise) * weight
    excess = np.sum(tilted * noise, axis=1) / np.sum(tilted, axis=1)
    np.testing.assert_allclose(weighted_excess(alpha, sd, length, kappa), excess, rtol=1e-9)
    bonus = np.log(np.sum(tilted, axis=1) / weight.sum())
    np.testing.assert_allclose(log_weight_bonus(alpha, sd, length, kappa), bonus, rtol=1e-9)
    np.testing.assert_allclose(weighted_excess(alpha, sd, 9.0), (alpha - 1) * sd**2 * 9)


def test_what_was_scored_once_says_nothing_of_the_noise():
    """T32: of two responses that were scored twice, .2 apart over 2 tokens and .6 apart over 9."""
    log_p, again = np.array([-5.0, -7.0, -3.0]), np.array([-5.2, np.nan, -3.6])
    expected = np.sqrt(np.mean([0.2**2 / 4, 0.6**2 / 18]))
    np.testing.assert_allclose(sd_of_a_token(log_p, again, np.array([2, 5, 9])), expected)
    assert np.isnan(sd_of_a_token(log_p, np.full(3, np.nan), np.ones(3)))
    for sd in (np.nan, np.inf):
        with pytest.raises(ValueError, match="sd must be finite"):
            log_weight_bonus(2, sd, 3)
    assert log_weight_bonus(2, 0.0, 3) == 0
