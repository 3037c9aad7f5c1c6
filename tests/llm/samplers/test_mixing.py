import numpy as np
import pytest

from llm.samplers.mixing import mixing


def autoregressive(generator, rho, chains, moves):
    """Stationary AR(1): 1 + 2 Σ ρ^k = (1+ρ)/(1-ρ) moves are worth one independent draw."""
    x = generator.standard_normal((chains, moves))
    for t in range(1, moves):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * x[:, t]
    return x


def test_the_effective_sample_size_is_that_of_an_autoregressive_chain():
    generator = np.random.default_rng(0)
    trace = np.stack([autoregressive(generator, rho, 8, 2000) for rho in (0.0, 0.5, 0.8)])
    found = mixing(trace)
    np.testing.assert_allclose(found.ess / 16_000, [1, 1 / 3, 1 / 9], rtol=0.15)
    assert (found.r_hat < 1.02).all()


def test_chains_that_disagree_are_seen():
    generator = np.random.default_rng(0)
    trace = generator.standard_normal((1, 4, 50)) + 3 * np.arange(4)[:, None]
    assert mixing(trace).r_hat[0] > 1.5
    assert mixing(trace).ess[0] < 20


def test_nothing_is_claimed_of_a_constant_or_a_very_short_trace():
    assert np.isnan(mixing(np.zeros((1, 4, 50))).ess).all() and np.isnan(mixing(np.zeros((1, 4, 50))).r_hat).all()
    short = np.random.default_rng(0).standard_normal((1, 4, 8))
    assert np.isnan(mixing(short[:, :, :7])).all() and np.isfinite(mixing(short)).all()


def test_a_trace_counts_in_any_units_and_prompts_apart():
    """A shift and a scale of log p change nothing; one chain has no other to agree with, two have."""
    trace = np.random.default_rng(0).standard_normal((3, 2, 40))
    found, small = mixing(trace), mixing(1e-3 * trace - 50)
    np.testing.assert_allclose(small, found, rtol=1e-6)
    assert np.isfinite(found.r_hat).all()
    alone = mixing(np.concatenate([trace[:1, :1], np.ones((1, 1, 40))]))
    assert np.isfinite(alone.ess[0]) and np.isnan([alone.ess[1], *alone.r_hat]).all()


def test_the_effective_sample_size_is_at_most_the_number_of_moves():
    alternating = np.tile([[0.0, 1.0]], (4, 50))[None] + np.random.default_rng(0).normal(0, 1e-3, (1, 4, 100))
    assert mixing(alternating).ess[0] == pytest.approx(400)
