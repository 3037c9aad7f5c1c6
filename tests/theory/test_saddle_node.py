"""T12: two fixed points above a critical beta, none below it, for advantages divided by their std."""

import time

import numpy as np
import pytest
from hard_policies import policies
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from theory import saddle_node, trainers

TWO_BUMPS = np.log([0.41, 0.40, 0.19])


def brute_sd(log_p, alpha):
    on = ~np.isneginf(log_p)
    q = np.exp(log_softmax(alpha * log_p[on]))
    return np.sqrt(q @ (log_p[on] - q @ log_p[on]) ** 2)


def brute_curve(log_p, most=1e5, points=4000):
    excess, on = np.logspace(-6, np.log10(most), points), log_p[~np.isneginf(log_p)]
    q = np.exp(log_softmax((1 + excess[:, None]) * on, axis=1))
    return excess, excess * np.sqrt(np.sum(q * (on - q @ on[:, None]) ** 2, axis=1))


def apart(log_p, least=0.01):
    """Distinct values of log p far enough apart for a brute-force grid to see them."""
    gaps = np.diff(np.unique(log_p[~np.isneginf(log_p)]))
    return len(gaps) > 0 and gaps.min() > least


@settings(max_examples=40)
@given(policies(most=10, deepest=-12.0))
def test_critical_beta_is_where_the_highest_peak_of_the_curve_is(log_p):
    """T12: β_c = 1/max (α-1) sd, against a dense grid."""
    assume(apart(log_p))
    _, height = brute_curve(log_p)
    np.testing.assert_allclose(trainers.critical_beta(log_p), 1 / height.max(), rtol=3e-4)
    assert trainers.critical_beta(log_p) <= 1 / height.max() * (1 + 1e-12)


@settings(max_examples=40)
@given(policies(most=10, deepest=-12.0), st.floats(1.001, 1e6))
@example(TWO_BUMPS, 1.2)
@example(TWO_BUMPS, 3.0)
def test_above_critical_beta_there_are_two_fixed_points_and_the_lower_is_stable(log_p, factor):
    """T12: both solve the equation; the drift, written anew, points to the lower one from either side."""
    assume(apart(log_p))
    beta = factor * trainers.critical_beta(log_p)
    stable, unstable = trainers.std_normalised_alpha(log_p, beta)
    assert 1 < stable < unstable
    for alpha in (stable, unstable):
        np.testing.assert_allclose((alpha - 1) * brute_sd(log_p, alpha) * beta, 1.0, rtol=1e-6)

    def drift(alpha):
        return 1 / brute_sd(log_p, alpha) - beta * (alpha - 1)

    gap = min(stable - 1, unstable - stable)
    assert drift(stable - 0.5 * gap) > 0 > drift(stable + 0.5 * gap)
    assert drift(unstable - 0.1 * gap) < 0 < drift(unstable + 0.1 * gap)
    # Training from p meets `stable` first: the drift is upwards all the way to it.
    on_the_way = 1 + np.linspace(0, 0.999, 200) * (stable - 1)
    assert all(drift(alpha) > 0 for alpha in on_the_way)
    between = stable + np.linspace(0.001, 0.999, 200) * (unstable - stable)
    assert all(drift(alpha) < 0 for alpha in between)


@settings(max_examples=30)
@given(policies(most=10, deepest=-12.0), st.floats(0.05, 0.999))
def test_below_critical_beta_there_is_no_fixed_point(log_p, factor):
    """T12: the drift is upwards everywhere, so training ends at the mode."""
    assume(apart(log_p))
    beta = factor * trainers.critical_beta(log_p)
    assert np.isnan(trainers.std_normalised_alpha(log_p, beta)).all()
    assert (brute_curve(log_p)[1] * beta < 1).all()


def test_the_two_fixed_points_meet_as_a_square_root():
    """T12, a saddle-node: their distance falls by √10 when β - β_c falls by 10."""
    log_p = np.log([0.5, 0.3, 0.2])
    critical = trainers.critical_beta(log_p)
    distances = [
        np.subtract(*trainers.std_normalised_alpha(log_p, critical * (1 + x))[::-1]) for x in (1e-4, 1e-5, 1e-6)
    ]
    np.testing.assert_allclose(np.array(distances[:-1]) / distances[1:], np.sqrt(10), rtol=2e-3)


def test_separate_clusters_make_several_bumps_and_training_meets_the_first():
    """T12's honest edge: with two maxima there are four fixed points; between their heights only the far pair."""
    excess, height = brute_curve(TWO_BUMPS, most=1e3)
    peaks = 1 + np.flatnonzero((height[1:-1] > height[:-2]) & (height[1:-1] > height[2:]))
    assert len(peaks) == 2
    low, high = height[peaks]
    near = trainers.std_normalised_alpha(TWO_BUMPS, 1.05 / low)
    assert near.stable - 1 < excess[peaks[0]] < near.unstable - 1 < excess[peaks[1]]
    far = trainers.std_normalised_alpha(TWO_BUMPS, 0.95 / low)
    assert excess[peaks[0]] < far.stable - 1 < excess[peaks[1]] < far.unstable - 1
    np.testing.assert_allclose(trainers.critical_beta(TWO_BUMPS), 1 / high, rtol=1e-5)


@pytest.mark.parametrize("beta_factor", [1.5, 0.9])
def test_std_normalised_training_ends_where_the_roots_say(beta_factor):
    """T12 by mirror ascent on the policy: at `stable` above β_c, far beyond any root below it; RLOO at 1 + 1/β."""
    log_p = np.log([0.45, 0.3, 0.2, 0.05])
    beta = beta_factor * trainers.critical_beta(log_p)
    log_pi = log_plain = log_p
    for _ in range(4000):
        pi = np.exp(log_pi)
        advantage = (log_p - pi @ log_p) / np.sqrt(pi @ (log_p - pi @ log_p) ** 2)
        log_pi = log_softmax(log_pi + 0.02 * (advantage - beta * (log_pi - log_p)))
        log_plain = log_softmax(log_plain + 0.02 * (log_p - beta * (log_plain - log_p)))
        if np.exp(log_pi).max() > 1 - 1e-9:
            break
    reached = (log_pi[0] - log_pi[2]) / (log_p[0] - log_p[2])
    if beta_factor > 1:
        np.testing.assert_allclose(reached, trainers.std_normalised_alpha(log_p, beta).stable, rtol=1e-6)
        np.testing.assert_allclose(
            (log_plain[0] - log_plain[2]) / (log_p[0] - log_p[2]), trainers.rloo_alpha(beta), rtol=1e-6
        )
    else:
        assert np.exp(log_pi).max() > 1 - 1e-9


@given(policies(most=12, deepest=-12.0), st.floats(1.0, 20), st.floats(0.05, 20))
def test_the_drift_is_one_over_sd_less_the_pull_of_beta(log_p, alpha, beta):
    assume(apart(log_p) and brute_sd(log_p, alpha) > 1e-6)  # below, the brute-force mean has no digits left
    expected = 1 / brute_sd(log_p, alpha) - beta * (alpha - 1)
    np.testing.assert_allclose(trainers.std_normalised_drift(log_p, alpha, beta), expected, rtol=1e-6)


@pytest.mark.parametrize("rounding", [0.0, 1e-16, 4e-16])
def test_a_uniform_reference_has_no_fixed_point_even_up_to_rounding(rounding):
    """T12: sd = 0 at every alpha; values a rounding apart are one level, or the curve would find bumps at 10¹⁵."""
    log_p = np.array([-np.log(3), -np.log(3) + rounding, -np.log(3) - rounding, -np.inf])
    assert trainers.critical_beta(log_p) == np.inf
    assert np.isnan(trainers.std_normalised_alpha(log_p, 5.0)).all()
    assert trainers.std_normalised_drift(log_p, 2.0, 5.0) == np.inf


def test_rounding_is_relative_to_the_size_of_log_p():
    """Modes at -ln(10⁵) that differ in the last digit are one level; a gap of 10⁻¹⁰ is a gap."""
    log_p = np.full(10**5, -np.log(1e5))
    log_p[::2] = np.nextafter(log_p[0], 0)
    assert trainers.critical_beta(log_p) == np.inf
    log_p[::2] = log_p[1] + 1e-10
    assert trainers.critical_beta(log_p) < 2
    deep = np.array([-1e4, np.nextafter(-1e4, 0)])  # of long responses, as samples
    assert saddle_node.critical_beta(deep, np.zeros(2)) == np.inf


def test_two_levels_have_one_critical_beta_at_any_distance_and_ties_only_count():
    """T12: (α-1) sd is a function of (α-1) × gap; at equal mass, the limit of a small gap, β_c = 2 / max x sech x."""
    x = np.linspace(0.5, 3, 200001)
    expected = 1 / np.max(x / np.cosh(x))
    for gap in (1e-3, 1e-6):
        log_p = log_softmax([gap, 0.0, gap, 0.0])
        np.testing.assert_allclose(trainers.critical_beta(log_p), expected, rtol=2 * gap)


@pytest.mark.parametrize("gap", [5e-15, 1e-12])
@pytest.mark.parametrize("tail", [[], [-1e4, -2e4]])
def test_a_gap_of_more_than_rounding_is_a_gap_whatever_lies_far_below(gap, tail):
    """T12: two levels of equal mass; a response at -10⁴ has no mass and decides on no tolerance."""
    log_p = np.array([np.log(0.5), np.log(0.5) - gap, *tail])
    x = np.linspace(0.5, 3, 20001)
    np.testing.assert_allclose(trainers.critical_beta(log_p), 1 / np.max(x / np.cosh(x)), rtol=0.05)


def test_the_peak_lies_far_out_where_the_likeliest_level_has_hardly_any_mass():
    """T12: weights 1 : e³⁰ : 1; the likeliest takes over at alpha - 1 = 30 or so, against a dense grid."""
    log_p, log_mass = np.array([-3.0, -2.0, -1.0]), np.array([0.0, 30.0, 0.0])
    x = np.linspace(1, 60, 60001)
    weight = np.exp(log_softmax(log_mass + x[:, None] * log_p, axis=1))
    off = log_p - np.sum(weight * log_p, axis=1, keepdims=True)
    expected = 1 / np.max(x * np.sqrt(np.sum(weight * off**2, axis=1)))
    for scale in (-1000.0, 0.0, 1000.0):  # weights need not add up to one
        np.testing.assert_allclose(saddle_node.critical_beta(log_p, log_mass + scale), expected, rtol=1e-6)


def test_the_edge_of_the_basin_is_found_wherever_it_lies():
    """T12 for two levels: sd = gap/(2 cosh(α gap/2)), so a beta puts the upper root at (α-1) gap = gaps."""
    gap = np.log(1.5)
    ends = (6.0, 9.6, 9.8, 10.5, 19.5, 20.2, 20.5, 21.0, 39.5, 40.5)  # of the grid and of its doublings
    for gaps, far in [*((x, -np.inf) for x in ends), (20.5, -1e4), (40.5, -1e4)]:  # never drawn: a longer grid
        x = gaps / gap
        beta = 2 * np.cosh((1 + x) * gap / 2) / (x * gap)
        found = trainers.std_normalised_alpha(np.array([np.log(0.6), np.log(0.4), far]), beta)
        np.testing.assert_allclose(found.unstable, 1 + x, rtol=1e-9)
        pull = (found.stable - 1) * gap / (2 * np.cosh(found.stable * gap / 2))
        np.testing.assert_allclose(pull, 1 / beta, rtol=1e-6)
        assert found.stable < 2 / gap < found.unstable


def test_extreme_policies_have_finite_roots_without_warning():
    """log p to -10⁴ and 10⁵ responses: the curve neither overflows nor misses its bump."""
    log_p = np.full(10**5, -1e4)
    log_p[:2] = np.log([0.6, 0.4])
    critical = trainers.critical_beta(log_p)
    np.testing.assert_allclose(critical, trainers.critical_beta(np.log([0.6, 0.4])), rtol=1e-6)
    stable, unstable = trainers.std_normalised_alpha(log_p, 1e12)
    np.testing.assert_allclose(stable - 1, 1e-12 / brute_sd(log_p, 1.0), rtol=1e-3)
    gap = np.log(1.5)  # two levels: sd = gap/(2 cosh(α gap/2))
    np.testing.assert_allclose((unstable - 1) * gap / (2 * np.cosh(unstable * gap / 2)), 1e-12, rtol=1e-9)


@settings(max_examples=40)
@given(policies(most=8, deepest=-6.0, zeros=False), st.floats(-5, 5), st.data())
def test_weighted_samples_have_the_saddle_node_of_the_samples_written_out(log_p, scale, data):
    """T12: counts as weights at any scale, and w = p is p."""
    assume(apart(log_p))
    count = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(log_p), max_size=len(log_p))))
    assume(len(np.unique(log_p[count > 0])) > 1)
    each = np.repeat(np.arange(len(log_p)), count)
    with np.errstate(divide="ignore"):
        log_mass = np.log(count) + scale
    critical = saddle_node.critical_beta(log_p, log_mass)
    np.testing.assert_allclose(critical, saddle_node.critical_beta(log_p[each], np.zeros(len(each))), rtol=1e-9)
    found = saddle_node.std_normalised_alpha(log_p, 1.5 * critical, log_mass)
    written_out = saddle_node.std_normalised_alpha(log_p[each], 1.5 * critical, np.zeros(len(each)))
    np.testing.assert_allclose(found, written_out, rtol=1e-6)
    np.testing.assert_allclose(saddle_node.critical_beta(log_p, log_p), saddle_node.critical_beta(log_p), rtol=1e-9)
    if not np.all(np.diff(np.unique(log_p[each])) > 0.01):
        return
    x = np.logspace(-3, 3, 3000)
    weight = np.exp(log_softmax(log_mass + x[:, None] * log_p, axis=1))
    sd = np.sqrt(np.sum(weight * (log_p - np.sum(weight * log_p, axis=1, keepdims=True)) ** 2, axis=1))
    np.testing.assert_allclose(critical, saddle_node.critical_beta_of_sd(1 + x, sd), rtol=1e-3)


def test_a_curve_of_sd_gives_the_critical_beta_of_each_row():
    """T12: 1/max (α-1) sd; none where log p does not vary."""
    alpha, sd = np.array([1.0, 2.0, 4.0]), np.array([[9.0, 0.5, 0.4], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(saddle_node.critical_beta_of_sd(alpha, sd), [1 / 1.2, np.inf])
    assert saddle_node.critical_beta_of_sd(alpha, sd[1]) == np.inf


@pytest.mark.parametrize("alpha", [1e5, 1e8])
def test_the_drift_at_a_huge_alpha_is_inf_without_a_warning(alpha):
    """T12: nothing but the mode is left, and its sd is 0; the division by it used to warn."""
    assert saddle_node.std_normalised_drift(TWO_BUMPS, alpha, 0.5) == np.inf


def test_a_million_responses_take_seconds():
    """T12: the part of the curve that is known to rise is not searched, nor are levels without mass."""
    log_p = np.random.default_rng(0).normal(size=10**6) * 5
    log_p -= np.logaddexp.reduce(log_p)
    start = time.process_time()
    critical = saddle_node.critical_beta(log_p)
    assert time.process_time() - start < 6  # 2 s on the machine of the measurement
    excess = np.logspace(-2, 4, 400)
    top = np.sort(log_p)[-2000:]
    sd = np.array([brute_sd(top, 1 + x) if x > 3 else 0.0 for x in excess])
    assert critical <= saddle_node.critical_beta_of_sd(1 + excess, sd) * (1 + 1e-9)


@pytest.mark.parametrize("beta", [0.0, -1.0, np.nan, np.inf])
def test_beta_must_be_finite_and_positive(beta):
    with pytest.raises(ValueError) as error:
        trainers.std_normalised_alpha(TWO_BUMPS, beta)
    assert str(error.value) == f"beta must be finite and > 0, got {beta}"


@pytest.mark.parametrize("scale", [1e-6, 1e9])
def test_in_another_unit_of_log_p_the_powers_less_one_are_in_its_inverse(scale):
    """T12: (α-1) sd is the same curve, so that a root at 1 + 1e-9 has as many digits as α leaves it."""
    log_p, log_mass = np.array([0.0, -1.0, -2.5]), np.log([0.2, 0.5, 0.3])
    one, other = (np.array(saddle_node.std_normalised_alpha(log_p * s, 4.0, log_mass)) - 1 for s in (1.0, scale))
    np.testing.assert_allclose(other * scale, one, rtol=1e-6)


def test_the_sd_far_out_has_all_its_digits():
    """T12, two levels: gap/(2 cosh(α gap/2)) is 1e-28 of the gap there, beneath the rounding of log p."""
    gap = np.log(1.5)
    alpha = 130 / gap
    found = saddle_node.std_normalised_drift(np.log([0.6, 0.4]), alpha, 1.0)
    np.testing.assert_allclose(found, 2 * np.cosh(65) / gap - (alpha - 1), rtol=1e-9)
