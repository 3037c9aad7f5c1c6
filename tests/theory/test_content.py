"""T18: content against length, of all responses and of weighted samples."""

import time

import numpy as np
import pytest
from hard_policies import rewarded
from hypothesis import given
from hypothesis import strategies as st

from theory import content
from theory.tilt import moments

LOG_P = np.log([0.05, 0.4, 0.15, 0.1, 0.3])
REWARD = np.array([1.0, 0.0, 1.0, 0.5, 0.0])
LENGTHS = np.array([2, 2, 5, 5, 5])


@given(rewarded(), st.data())
def test_covariance_splits_into_content_and_length(problem, data):
    """T18: Cov(r, log p) = E Cov(·|L) + Cov(E[·|L]), each computed group by group, and their sum that of T2."""
    log_p, reward = problem
    lengths = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(log_p), max_size=len(log_p))))
    found = content.covariance_by_length(log_p, reward, lengths)
    p, value = np.exp(log_p), np.where(np.isneginf(log_p), 0.0, log_p)
    within, rows = 0.0, []
    for group in set(lengths.tolist()):
        members = (lengths == group) & (p > 0)
        if members.any():
            mass, q = p[members].sum(), p[members] / p[members].sum()
            r, l = reward[members], value[members]
            within += mass * (q @ (r * l) - (q @ r) * (q @ l))
            rows.append((mass, q @ r, q @ l))
    mass, r, l = np.array(rows).T
    between = mass @ (r * l) - (mass @ r) * (mass @ l)
    np.testing.assert_allclose(found, (within, between), atol=1e-10)
    np.testing.assert_allclose(sum(found), moments(log_p, reward, 1, 0).cov, atol=1e-10)


@given(rewarded(), st.floats(0, 8), st.data())
def test_content_power_sharpens_within_lengths_and_keeps_their_distribution(problem, alpha, data):
    """T18: p(L) p(y|L)^α/Z_L."""
    log_p = problem[0]
    lengths = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(log_p), max_size=len(log_p))))
    q, p = np.exp(content.content_power(log_p, lengths, alpha)), np.exp(log_p)
    for group in set(lengths.tolist()):
        members = (lengths == group) & (p > 0)
        np.testing.assert_allclose(q[lengths == group].sum(), p[members].sum(), atol=1e-12)
        shares = p[members] ** alpha
        np.testing.assert_allclose(q[members], p[members].sum() * shares / shares.sum(), atol=1e-12)
    assert not q[p == 0].any()


@given(rewarded(zeros=False, deepest=-6.0, most=6), st.floats(0.2, 4), st.floats(-3, 3), st.data())
def test_weighted_samples_split_and_sharpen_as_a_policy_of_their_weights_would(problem, alpha, scale, data):
    """T18: rows that stand for several samples each, at any common scale, against the rows written out."""
    log_p, reward = problem
    lengths = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(log_p), max_size=len(log_p))))
    count = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(log_p), max_size=len(log_p))))
    weights = np.log(count) + scale
    each = np.repeat(np.arange(len(log_p)), count)
    written_out = content.covariance_by_length(log_p[each], reward[each], lengths[each], np.zeros(len(each)))
    found = content.covariance_by_length(log_p, reward, lengths, weights)
    np.testing.assert_allclose(found, written_out, atol=1e-12)
    np.testing.assert_allclose(sum(found), moments(log_p, reward, 1, 0, weights).cov, atol=1e-12)
    sharpened = np.exp(content.content_power(log_p, lengths, alpha, weights) - scale)
    one_by_one = np.exp(content.content_power(log_p[each], lengths[each], alpha, np.zeros(len(each))))
    np.testing.assert_allclose(sharpened, np.bincount(each, one_by_one), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        content.content_power(log_p, lengths, alpha, log_p), content.content_power(log_p, lengths, alpha), atol=1e-9
    )


def test_moments_of_groups_are_those_of_numpy_group_by_group():
    """T18: means and covariance (divisor n at equal weights) of each group; an empty group has none."""
    x, y, group = np.array([1.0, 2.0, 4.0, 7.0]), np.array([3.0, 1.0, 0.0, 5.0]), np.array([0, 0, 2, 0])
    found = content.group_moments(x, y, group, np.ones(4))
    np.testing.assert_allclose(found.mass, [3, 0, 1])
    np.testing.assert_allclose(found.mean_x, [10 / 3, 0, 4])
    np.testing.assert_allclose(found.mean_y, [3, 0, 0])
    np.testing.assert_allclose(found.cov, [np.cov(x[group == 0], y[group == 0], ddof=0)[0, 1], 0, 0])


def test_a_response_that_was_not_sampled_counts_for_nothing():
    """T18: log_mass -inf leaves a row out, whatever its length and reward."""
    log_mass = np.array([0.0, -np.inf, 0.5, 0.0, -np.inf])
    kept = np.isfinite(log_mass)
    found = content.covariance_by_length(LOG_P, REWARD, LENGTHS, log_mass)
    alone = content.covariance_by_length(LOG_P[kept], REWARD[kept], LENGTHS[kept], log_mass[kept])
    np.testing.assert_allclose(found, alone)
    target = content.content_power(LOG_P, LENGTHS, 3, log_mass)
    np.testing.assert_allclose(target[kept], content.content_power(LOG_P[kept], LENGTHS[kept], 3, log_mass[kept]))
    assert np.isneginf(target[~kept]).all()


def test_a_million_responses_of_two_thousand_lengths_take_seconds():
    """T18: one pass over the rows, not one a length."""
    generator = np.random.default_rng(0)
    log_p = generator.normal(size=10**6) * 5
    log_p -= np.logaddexp.reduce(log_p)
    length = generator.integers(1, 2001, size=10**6)
    start = time.process_time()
    target = content.content_power(log_p, length, 2.0)
    assert time.process_time() - start < 3
    np.testing.assert_allclose(np.bincount(length, np.exp(target)), np.bincount(length, np.exp(log_p)), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: content.content_power(np.log([0.5, 0.5]), np.array([1, 2]), -1),
         "alpha must be finite and >= 0, got -1: below 0 the power p^alpha diverges where p = 0, "
         "and its limit alpha -> inf is tilt.sharpening_limit"),
        (lambda: content.content_power(LOG_P, LENGTHS, 2, np.full(5, -np.inf)),
         "log_mass has a row whose largest entry is -inf; each row needs a finite one and no nan or inf"),
        (lambda: content.covariance_by_length(np.array([-np.inf, -1.0]), REWARD[:2], LENGTHS[:2], np.zeros(2)),
         "log_p must be finite where log_mass is: a sampled response has a probability"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_shapes_that_do_not_match_are_both_named(as_users_call_it):
    with pytest.raises(ValueError, match=r"^length has shape \(3,\)"):
        content.content_power(np.log([0.5, 0.5]), np.ones(3), 2)
    with pytest.raises(ValueError, match=r"length has shape \(3,\) but log_p has shape \(2,\)"):
        content.covariance_by_length(np.log([0.5, 0.5]), np.zeros(2), np.ones(3))


def test_weights_of_samples_count_up_to_a_factor_however_small_or_large():
    log_p, reward, length = np.log([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 0.0, 1.0]), np.array([1, 1, 2, 2])
    plain = content.covariance_by_length(log_p, reward, length, log_mass=log_p)
    for shift in (-2000.0, 2000.0):
        np.testing.assert_allclose(content.covariance_by_length(log_p, reward, length, log_mass=log_p + shift), plain)
