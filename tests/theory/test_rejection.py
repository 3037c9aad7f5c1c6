"""T28: what a target costs in draws from p."""

import numpy as np
import pytest
from hard_policies import graded, policies
from hypothesis import given
from hypothesis import strategies as st

from theory.rejection import reward_log_draws, sharpening_log_draws
from theory.tilt import log_tilt

TOKEN = np.log([0.6, 0.25, 0.15])


@given(policies(), st.floats(1, 50))
def test_the_price_of_sharpening_is_the_largest_ratio_to_the_base(log_p, alpha):
    """T28: D_∞(q‖p), by its definition."""
    on = ~np.isneginf(log_p)
    log_q = log_tilt(log_p, np.zeros(len(log_p)), alpha, 0)
    np.testing.assert_allclose(sharpening_log_draws(log_p, alpha), np.max(log_q[on] - log_p[on]), rtol=1e-9, atol=1e-9)


@given(graded(), st.floats(0, 40))
def test_keeping_wrong_samples_now_and_then_is_the_tilt_and_costs_what_is_said(graded_policy, b):
    """T28: keep right ones, wrong ones with e^{-b}: the law kept is q_{1,b}, one in e^{D_∞} is kept."""
    log_p, correct = graded_policy
    kept = np.exp(log_p) * np.where(correct, 1, np.exp(-b))
    np.testing.assert_allclose(kept / kept.sum(), np.exp(log_tilt(log_p, correct, 1, b)), atol=1e-9)
    found = reward_log_draws(min(np.exp(log_p)[correct].sum(), 1.0), b)
    np.testing.assert_allclose(found, -np.log(kept.sum()), rtol=1e-9, atol=1e-9)


def test_sharpening_grows_dear_with_length_and_a_reward_does_not():
    """T28: 4.46, 394 and 6.1e7 draws for 5, 20 and 60 tokens at α = 2; 3.33 at most for a reward at A₀ = .3."""
    draws = np.exp(np.array([5, 20, 60]) * sharpening_log_draws(TOKEN, 2))
    np.testing.assert_allclose(draws, [4.46, 394, 6.1e7], rtol=5e-3)
    pair = np.add.outer(TOKEN, TOKEN).ravel()
    np.testing.assert_allclose(sharpening_log_draws(pair, 2), 2 * sharpening_log_draws(TOKEN, 2))
    np.testing.assert_allclose(np.exp(reward_log_draws(0.3, np.inf)), 1 / 0.3)
    assert reward_log_draws(0.0, np.inf) == np.inf and reward_log_draws(0.3, 0.0) == 0


def test_powers_below_one_and_shares_above_it_are_refused(as_users_call_it):
    with pytest.raises(ValueError, match=r"alpha must be >= 1 to sharpen, got 0.5"):
        sharpening_log_draws(TOKEN, 0.5)
    with pytest.raises(ValueError, match=r"accuracy must be between 0 and 1, got 1.5"):
        reward_log_draws(1.5, 1.0)


def test_one_number_out_of_range_among_many_is_refused():
    with pytest.raises(ValueError, match=r"b must be >= 0, got \[ 1. -1.\]"):
        reward_log_draws(0.3, np.array([1.0, -1.0]))
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="accuracy must be between 0 and 1"):
            reward_log_draws(np.array([0.5, wrong]), 1.0)
