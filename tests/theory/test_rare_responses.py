"""T30, T31: steps that samples allow, the floor of the straight line, and the time to come back."""

import mpmath
import numpy as np
import pytest
from hard_policies import rewarded
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import log_softmax, shichi
from scipy.stats import binom

from theory.dynamics import line
from theory.objectives import Objective, optimum
from theory.rare_responses import mean_square_multiplier, natural_gradient_floor, revival_time, sampled_step_limit
from theory.tilt import log_tilt


@given(st.floats(1e-4, 1), st.integers(1, 64), st.floats(0.01, 3))
def test_the_mean_square_after_a_sampled_step_is_the_sum_over_counts(probability, group, step):
    """T30: E(1 - ητ N/(Gπ))² over the binomial count, and the limit is where it is one."""
    n = np.arange(group + 1)
    expected = binom.pmf(n, group, probability) @ (1 - step * n / (group * probability)) ** 2
    np.testing.assert_allclose(mean_square_multiplier(step, probability, group), expected, rtol=1e-9)
    limit = sampled_step_limit(probability, group)
    np.testing.assert_allclose(mean_square_multiplier(limit, probability, group), 1, rtol=1e-9)
    assert mean_square_multiplier(0.98 * limit, probability, group) < 1


def test_a_response_in_a_thousand_with_groups_of_eight():
    """T30: .9994 and 1.0006 at .98 and 1.02 of the bound, which is nearly 2Gπ; T8's 2 for a sure response."""
    limit = sampled_step_limit(0.001, 8)
    found = [mean_square_multiplier(x * limit, 0.001, 8) for x in (0.98, 1.02)]
    np.testing.assert_allclose(found, [0.9994, 1.0006], atol=5e-5)
    np.testing.assert_allclose(limit, 2 * 8 * 0.001, rtol=0.01)
    assert sampled_step_limit(1.0, 8) == 2


@given(rewarded(most=8, deepest=-12.0), st.floats(-1, 2), st.floats(0, 4), st.floats(0.1, 2))
def test_the_natural_gradient_never_takes_a_response_below_both_ends(policy, w, c, tau):
    """T31: along the line of T8, for either sign of the reward weight."""
    log_p, reward = policy
    objective = Objective(w, c, tau)
    floor = natural_gradient_floor(log_p, optimum(objective, log_p, reward))
    for time in np.linspace(0, 8, 17) / tau:
        alpha, b = line(objective, float(time))
        on_line = log_tilt(log_p, reward, alpha, b)
        assert np.all((on_line >= floor - 1e-9) | np.isneginf(floor))


def test_the_softmax_policy_gradient_does_fall_below():
    """T31: a likely response rises first and starves a rare one that the optimum keeps."""
    log_p, reward, tau = np.log([0.6, 0.37, 0.03]), np.array([1.0, 0.0, 1.2]), 0.3
    target = log_tilt(log_p, reward, 1, 1 / tau)

    def slope(_, theta):
        pi, log_pi = np.exp(log_softmax(theta)), log_softmax(theta)
        gain = reward + tau * (log_p - log_pi)
        return pi * (gain - pi @ gain)

    path = log_softmax(solve_ivp(slope, (0, 2000), log_p, rtol=1e-9, atol=1e-11).y, axis=0)
    np.testing.assert_allclose(path[:, -1], target, atol=0.02)
    assert np.min(path - natural_gradient_floor(log_p, target)[:, None]) < -0.02


def test_coming_back_takes_thousands_of_times_as_long():
    """T31: from 1e-5 to a tenth, 4,814 in units of 1/τ for the softmax gradient, 1.7 for the natural one."""
    np.testing.assert_allclose(revival_time(1e-5, 0.1, 1.0), 4814, rtol=2e-3)
    np.testing.assert_allclose(revival_time(1e-5, 0.1, 1.0, natural=True), 1.656, atol=1e-3)
    assert revival_time(1e-5, 0.1, 2.0) == revival_time(1e-5, 0.1, 1.0) / 2
    approximate = 1 / (2 * 1e-9 * np.log(1e9))
    np.testing.assert_allclose(revival_time(1e-9, 0.1, 1.0), approximate, rtol=0.07)


@pytest.mark.parametrize("natural", [False, True])
def test_the_time_to_come_back_is_that_of_the_flow_itself(natural):
    """T31: the flow of two logits, integrated, is at the end after that time."""
    tau, time = 0.5, revival_time(0.01, 0.2, 0.5, natural)

    def slope(_, theta):
        log_pi = log_softmax(theta)
        gain = -tau * log_pi
        return gain if natural else np.exp(log_pi) * (gain - np.exp(log_pi) @ gain)

    ended = solve_ivp(slope, (0, time), np.log([0.01, 0.99]), rtol=1e-10, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(np.exp(log_softmax(ended))[0], 0.2, rtol=1e-6)


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="probability must be above 0 and at most 1, got 0"):
        sampled_step_limit(0.0, 8)
    with pytest.raises(ValueError, match="start, end and tau must satisfy"):
        revival_time(0.2, 0.1, 1.0)


@pytest.mark.parametrize("function", [sampled_step_limit, lambda *of: mean_square_multiplier(0.1, *of)])
def test_a_probability_or_a_group_out_of_range_is_named(function):
    for probability in (0.0, 1.1, -0.1):
        with pytest.raises(ValueError, match=f"probability must be above 0 and at most 1, got {probability}"):
            function(probability, 8)
    with pytest.raises(ValueError, match="group must be at least 1, got 0"):
        function(0.5, 0)
    assert function(1.0, 1) == (2 if function is sampled_step_limit else pytest.approx(0.81))


@pytest.mark.parametrize("start", [1e-300, 1e-5, 0.2])
def test_the_time_to_come_back_is_an_integral_of_hyperbolic_cosine(start):
    """T31: ∫ (1 + cosh z)/z dz = log z + Chi(z), by scipy's hyperbolic integrals."""
    high, low = np.log(1 / start - 1), np.log(1 / 0.3 - 1)
    expected = np.log(high / low) + shichi(high)[1] - shichi(low)[1]
    np.testing.assert_allclose(revival_time(start, 0.3, 1.0), expected, rtol=1e-10)
    np.testing.assert_allclose(revival_time(start, 0.3, 4.0), expected / 4, rtol=1e-10)


@pytest.mark.parametrize(("start", "end"), [(1e-12, 0.4), (1e-5, 0.1), (0.1, 0.499)])
def test_the_time_of_a_revival_has_ten_digits(start, end):
    """T31: the integral of (1 + cosh z)/z by fifty-digit arithmetic."""
    high, low = (mpmath.log(1 / mpmath.mpf(x) - 1) for x in (start, end))
    expected = mpmath.quad(lambda z: (1 + mpmath.cosh(z)) / z, mpmath.linspace(low, high, 8))
    np.testing.assert_allclose(revival_time(start, end, 1.0), float(expected), rtol=1e-10)
