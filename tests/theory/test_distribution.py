"""Distributions as log-probabilities, against scipy and 50-digit sums."""

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hard_policies import brute_power_sum, policies
from hypothesis import given
from hypothesis import strategies as st

from theory import distribution


@given(policies(), st.floats(-2000, 2000))
def test_log_sum_exp_is_that_of_scipy_at_any_offset(log_p, offset):
    np.testing.assert_allclose(
        distribution.log_sum_exp(log_p + offset), scipy.special.logsumexp(log_p + offset), rtol=1e-14, atol=1e-12
    )


def test_rows_of_a_batch_do_not_share_a_scale():
    rows = np.array([[0.0, -1.0], [-5000.0, -5001.0]])
    np.testing.assert_allclose(distribution.log_sum_exp(rows), np.log1p(np.exp(-1)) + np.array([0.0, -5000.0]))
    halves = distribution.renyi_entropy(np.log([[0.5, 0.5], [0.9, 0.1]]), np.inf)
    np.testing.assert_allclose(halves, -np.log([0.5, 0.9]))


def test_log_sum_exp_of_nothing_is_minus_infinity_row_by_row():
    rows = np.array([[-np.inf, -np.inf], [0.0, -np.inf]])
    assert distribution.log_sum_exp(rows).tolist() == [-np.inf, 0.0]


@given(policies(), st.data())
def test_entropy_and_kl_are_those_of_scipy(log_p, data):
    log_q = data.draw(policies(least=len(log_p), most=len(log_p), zeros=False))
    np.testing.assert_allclose(distribution.entropy(log_p), scipy.stats.entropy(np.exp(log_p)), atol=1e-13)
    np.testing.assert_allclose(
        distribution.kl(log_p, log_q), scipy.stats.entropy(np.exp(log_p), np.exp(log_q)), rtol=1e-10, atol=1e-12
    )


def test_kl_is_infinite_where_mass_has_no_support_and_blind_the_other_way():
    narrow, wide = np.log([0.25, 0.75, 1e-300]), np.array([np.log(0.25), np.log(0.75), -np.inf])
    assert distribution.kl(np.log([0.2, 0.3, 0.5]), wide) == np.inf
    np.testing.assert_allclose(distribution.kl(wide, narrow), 0.0, atol=1e-15)
    assert distribution.kl(wide, wide) == 0.0


def test_expectation_ignores_what_has_no_mass_and_keeps_infinities_that_have():
    log_q = np.array([np.log(0.25), np.log(0.75), -np.inf])
    np.testing.assert_allclose(distribution.expectation(log_q, np.array([4.0, 8.0, -np.inf])), 7.0)
    assert distribution.expectation(log_q, np.array([4.0, np.inf, 0.0])) == np.inf


@given(
    policies(),
    st.one_of(
        st.sampled_from([0.0, 0.5, 1 - 1e-4, 1 - 1e-9, 1.0, 1 + 1e-12, 1 + 1e-6, 1 + 1.0001e-4, 2.0]),
        st.floats(0, 50),
    ),
)
def test_renyi_entropy_is_its_definition_also_across_alpha_one(log_p, alpha):
    if alpha == 1:
        expected = scipy.stats.entropy(np.exp(log_p))
    else:
        expected = float(mpmath.log(brute_power_sum(log_p, alpha) / brute_power_sum(log_p, 1) ** alpha))
        expected /= 1 - alpha
    np.testing.assert_allclose(distribution.renyi_entropy(log_p, alpha), expected, rtol=2e-10, atol=2e-10)


def test_renyi_entropy_next_to_one_keeps_all_its_digits():
    log_p = np.log([0.7, 0.2, 0.1])
    for excess in (1e-5, -1e-5, 1e-8, 1e-12):
        alpha = 1 + excess
        exact = mpmath.log(mpmath.fsum(mpmath.mpf(p) ** mpmath.mpf(alpha) for p in (0.7, 0.2, 0.1)))
        exact -= mpmath.mpf(alpha) * mpmath.log(mpmath.fsum(map(mpmath.mpf, (0.7, 0.2, 0.1))))
        exact /= 1 - mpmath.mpf(alpha)
        np.testing.assert_allclose(distribution.renyi_entropy(log_p, alpha), float(exact), rtol=1e-14)


def test_renyi_entropy_next_to_one_does_not_overflow_on_the_deepest_tail():
    log_p = np.array([np.log(0.5), np.log(0.5), -1e8, -np.inf])
    for alpha in (1 - 1e-5, 1.0, 1 + 1e-5):
        np.testing.assert_allclose(distribution.renyi_entropy(log_p, alpha), np.log(2), rtol=1e-14)


@given(policies())
def test_renyi_entropy_counts_the_support_at_zero_and_reads_the_mode_at_infinity(log_p):
    np.testing.assert_allclose(np.exp(distribution.renyi_entropy(log_p, 0)), np.isfinite(log_p).sum())
    assert distribution.renyi_entropy(log_p, np.inf) == -log_p.max()


@pytest.mark.parametrize("off", [9e-6, -9e-6])
def test_renyi_entropy_has_no_jump_at_its_switch_for_a_sum_that_passes_for_one(off):
    """T3: on either side of |alpha - 1| = 1e-4, where the formula changes, and at 1 itself."""
    log_p = np.log(np.array([0.5, 0.3, 0.2]) * (1 + off))
    values = [distribution.renyi_entropy(log_p, 1 + x) for x in (-1.01e-4, -0.99e-4, 0.0, 0.99e-4, 1.01e-4)]
    np.testing.assert_allclose(values, distribution.entropy(np.log([0.5, 0.3, 0.2])), atol=1e-4)
    assert (np.diff(values) < 0).all()


def test_conditional_is_mass_and_distribution_and_leaves_an_empty_class_empty():
    mass, within = distribution.conditional(np.array([[np.log(0.1), np.log(0.3), -np.inf], [-np.inf] * 3]))
    np.testing.assert_allclose(np.exp(mass), [0.4, 0.0])
    np.testing.assert_allclose(np.exp(within), [[0.25, 0.75, 0.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("log_p", "message"),
    [
        (
            np.log([0.5, 0.3]),
            "the probabilities of log_p sum to 0.8, off by -0.2; normalise them (subtract their log-sum-exp) first",
        ),
        (
            np.array([1000.0, 0.0]),
            "the probabilities of log_p sum to inf, off by +inf; normalise them (subtract their log-sum-exp) first",
        ),
        (np.array([0.0, np.nan]), "log_p holds nan; give -inf for a response of probability zero"),
        (np.empty(0), "log_p has shape (0,); its last axis must run over responses"),
        (np.array(0.0), "log_p has shape (); its last axis must run over responses"),
    ],
)
def test_what_is_no_distribution_is_refused_with_what_is_wrong(log_p, message):
    with pytest.raises(ValueError) as error:
        distribution.checked_log_p(log_p)
    assert str(error.value) == message


def test_the_worst_row_of_a_batch_is_the_one_reported():
    rows = np.log([[0.5, 0.5], [0.5, 0.7], [0.5, 0.4]])
    with pytest.raises(ValueError, match=r"of log_pi sum to 1.2, off by \+0.2"):
        distribution.checked_log_p(rows, "log_pi")


def test_float32_rounding_passes_and_a_lost_response_does_not():
    distribution.checked_log_p(np.log([0.5, 0.5 - 0.9e-5]))
    with pytest.raises(ValueError, match=r"off by -1\.1e-05"):
        distribution.checked_log_p(np.log([0.5, 0.5 - 1.1e-5]))


def test_rewards_of_another_shape_or_not_finite_are_refused():
    log_p = np.log([0.5, 0.5])
    with pytest.raises(ValueError) as error:
        distribution.checked_reward(np.zeros(3), log_p)
    assert str(error.value) == (
        "reward has shape (3,) but log_p has shape (2,); both need the same last axis, one entry a response"
    )
    with pytest.raises(ValueError) as error:
        distribution.checked_reward(np.array([0.0, -np.inf]), log_p, "length")
    assert str(error.value) == "length holds -inf; every entry must be finite"


@pytest.mark.parametrize("alpha", [-0.1, np.nan, np.inf])
def test_an_exponent_must_be_finite_and_not_negative(alpha):
    with pytest.raises(ValueError) as error:
        distribution.checked_exponent(alpha)
    assert str(error.value) == (
        f"alpha must be finite and >= 0, got {alpha}: below 0 the power p^alpha diverges where p = 0, "
        "and its limit alpha -> inf is tilt.sharpening_limit"
    )
    if not alpha > 0:
        with pytest.raises(ValueError) as error:
            distribution.renyi_entropy(np.log([0.5, 0.5]), alpha)
        assert str(error.value) == f"alpha must be >= 0, got {alpha}: Rényi entropies are defined from 0 to inf"


@pytest.mark.parametrize("wrong", [[1.0, -1.0], [0.5, 1.0], [2, 0]])
def test_a_mask_is_yes_or_no_and_no_other_number(wrong):
    """-1 and 1/2 were taken for correct."""
    with pytest.raises(ValueError, match=r"^correct holds (-1|0\.5|2); it must be True or False for each response$"):
        distribution.checked_correct(np.array(wrong), np.log([0.5, 0.5]))
    for mask in ([1, 0], [1.0, 0.0], [True, False]):
        assert distribution.checked_correct(np.array(mask), np.log([0.5, 0.5])).tolist() == [True, False]


def test_weights_of_samples_need_one_above_zero_and_no_nan():
    for log_mass, shown in (([-np.inf, -np.inf], "-inf"), ([0.0, np.nan], "nan"), ([0.0, np.inf], "inf")):
        with pytest.raises(ValueError, match=f"^log_mass has a row whose largest entry is {shown};"):
            distribution.measure(np.array([-1.0, -2.0]), np.array(log_mass))
    with pytest.raises(ValueError, match=r"^log_p must be finite where log_mass is"):
        distribution.measure(np.array([-1.0, -np.inf]), np.zeros(2))
    log_p, log_mass = distribution.measure(np.array([-1.0, -np.inf]), np.array([3.0, -np.inf]))
    assert log_p.tolist() == [-1.0, -np.inf] and log_mass.tolist() == [3.0, -np.inf]


def test_total_variation_is_the_largest_difference_of_one_event():
    """By going through all events of five responses, off the support of either too."""
    p, q = np.array([[0.4, 0.3, 0.2, 0.1, 0.0], [0.0, 0.1, 0.2, 0.3, 0.4]])
    events = np.array(np.meshgrid(*[[0, 1]] * 5)).reshape(5, -1).T
    with np.errstate(divide="ignore"):
        found = distribution.total_variation(np.log(p), np.log(q))
    assert found == pytest.approx(np.abs(events @ (p - q)).max()) == pytest.approx(0.6)


def test_a_mask_of_another_shape_or_of_nothing_known_is_named():
    for wrong in (np.array([True, False, True]), np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match=r"^correct "):
            distribution.checked_correct(wrong, np.log([0.5, 0.5]))


def test_one_broken_number_among_whole_ones_is_refused():
    assert distribution.checked_whole(np.array([2.0, 3.0]), "k").tolist() == [2, 3]
    for wrong in (np.array([2.0, 2.5]), np.array([np.nan, 1.0]), np.array([1.0, np.inf])):
        with pytest.raises(ValueError, match=r"^k must be a whole number, got \["):
            distribution.checked_whole(wrong, "k")


def test_one_exponent_out_of_range_among_many_is_refused(as_users_call_it):
    for wrong in ([1.0, np.inf], [np.nan, 1.0], [1.0, -0.1]):
        with pytest.raises(ValueError, match="alpha must be finite and >= 0, got"):
            distribution.checked_exponent(np.array(wrong))
    assert distribution.checked_exponent(0.0) == 0.0


def test_rewards_need_the_last_axis_and_weights_a_sample(as_users_call_it):
    """One reward for every row of a batch is fine, whatever the number of rows; nothing to weigh is not."""
    log_p = np.log(np.full((2, 3), 1 / 3))
    assert distribution.checked_reward(np.ones(3), log_p).shape == (3,)
    for shape in ((2,), (3, 2), ()):
        with pytest.raises(ValueError, match=r"reward has shape .* but log_p has shape \(2, 3\)"):
            distribution.checked_reward(np.ones(shape), log_p)
    for empty in (np.zeros(0), np.zeros((3, 0)), np.float64(0.0)):
        with pytest.raises(ValueError, match=r"^log_mass has shape .*; its last axis must run over samples"):
            distribution.checked_log_mass(empty)


def test_the_support_is_counted_down_to_the_smallest_float():
    """H_0 = log n, though e^740 is beyond the largest."""
    np.testing.assert_allclose(distribution.renyi_entropy(np.array([0.0, -740.0]), 0), np.log(2))


def test_whole_numbers_become_floats_and_no_rows_are_no_wrong_rows(as_users_call_it):
    assert distribution.checked_log_p(np.array([0])).dtype == np.float64
    assert distribution.checked_log_mass(np.array([0, 0])).dtype == np.float64
    assert distribution.checked_reward(np.array([True]), np.zeros(1)).dtype == np.float64
    assert distribution.checked_log_p(np.empty((0, 3))).shape == (0, 3)
