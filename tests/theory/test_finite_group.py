"""T25: GRPO with groups of G samples has a fixed point at every KL weight, against sums over all groups."""

import itertools

import numpy as np
import pytest
from hard_policies import policies
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theory.finite_group import (
    _settled,
    advantage_bound,
    finite_group_optimum,
    group_advantage,
    large_group_k3_optimum,
)
from theory.saddle_node import critical_beta, std_normalised_alpha
from theory.tilt import log_tilt

LOG_P = np.log([0.4, 0.3, 0.17, 0.08, 0.05])
CRITICAL = critical_beta(LOG_P)


def advantage_of_all_groups(log_pi, reward, group):
    """E[(R_1 - R̄)/sd | y_1] by listing every group, with the sample standard deviation of TRL."""
    pi, everyone = np.exp(log_pi), range(len(log_pi))
    mean = np.zeros(len(pi))
    for first in everyone:
        for others in itertools.product(everyone, repeat=group - 1):
            drawn = reward[[first, *others]]
            if np.ptp(drawn) > 0:
                mean[first] += np.prod(pi[list(others)]) * (drawn[0] - drawn.mean()) / drawn.std(ddof=1)
    return mean


rewards = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.3, 1.0, 4.0]), min_size=3, max_size=3).map(np.array)


@settings(max_examples=40)
@given(policies(least=3, most=3, zeros=False), rewards, st.integers(2, 5))
def test_the_mean_advantage_is_the_sum_over_all_groups(log_pi, reward, group):
    """T25: the double integral against the definition; mean 0, and never above (G-1)/√G."""
    found = group_advantage(log_pi, reward, group)
    np.testing.assert_allclose(found, advantage_of_all_groups(log_pi, reward, group), atol=1e-9)
    np.testing.assert_allclose(np.exp(log_pi) @ found, 0, atol=1e-9)
    assert np.max(np.abs(found)) <= advantage_bound(group) + 1e-9


@pytest.mark.parametrize("group", [2, 8, 64, 257])
@pytest.mark.parametrize("accuracy", [1e-6, 0.03, 0.5, 0.9])
def test_a_right_answer_earns_what_its_binomial_sum_says(accuracy, group):
    """T25 for a reward of 0 or 1: a right answer among k of G earns √((G-1)/G) √((G-k)/k)."""
    from scipy.stats import binom

    k = np.arange(1, group)  # k = G earns nothing
    chance = binom.pmf(k - 1, group - 1, accuracy)
    expected = chance @ np.sqrt((group - 1) / group * (group - k) / k)
    found = group_advantage(np.log([accuracy, 1 - accuracy]), np.array([1.0, 0.0]), group)
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=1e-12)


def test_the_bound_is_reached_by_one_against_all_others():
    """T25: |h| <= (G-1)/√G, nearly reached by a response that is never drawn twice."""
    found = group_advantage(np.log([1e-9, 1 - 1e-9]), np.array([1.0, 0.0]), 16)
    np.testing.assert_allclose(found[0], 15 / 4, rtol=1e-6)
    assert advantage_bound(16) == 15 / 4


@settings(max_examples=20)
@given(policies(least=3, most=3, zeros=False), rewards, st.integers(2, 4), st.floats(0.1, 20), st.booleans())
@example(np.log([0.6, 0.3, 0.1]), np.array([0.0, 0.0, 0.0]), 4, 0.5, False)
def test_the_end_solves_its_equation_at_every_beta(log_p, reward, group, beta, k3):
    """T25: π ∝ p e^{h/β}, or p/(1 - h/β) with k3 in the loss, with h from the sum over all groups."""
    log_pi = finite_group_optimum(log_p, reward, beta, group, k3)
    h = advantage_of_all_groups(log_pi, reward, group)
    if k3:
        np.testing.assert_allclose(np.exp(log_pi) * (1 - h / beta), np.exp(log_p), atol=1e-8)
    else:
        np.testing.assert_allclose(log_pi, log_tilt(log_p, h, 1, 1 / beta), atol=1e-7)
        assert np.ptp(log_pi - log_p) <= 2 * advantage_bound(group) / beta + 1e-9


@pytest.mark.parametrize(
    ("times", "group", "mode", "mean_log_p"),
    [(0.7, 8, 0.767, -1.0472), (0.5, 8, 0.898, None), (0.5, 16, 0.977, None), (0.3, 4, None, -0.9667)],
)
def test_below_critical_beta_a_finite_group_does_not_collapse(times, group, mode, mean_log_p):
    """T25: where T12, the limit of large groups, has no fixed point."""
    beta = times * CRITICAL
    assert np.isnan(std_normalised_alpha(LOG_P, beta).stable)
    pi = np.exp(finite_group_optimum(LOG_P, LOG_P, beta, group))
    if mode:
        assert abs(pi[0] - mode) < 5.1e-4
    if mean_log_p:
        assert abs(pi @ LOG_P - mean_log_p) < 5.1e-5


def test_two_levels_end_at_a_smaller_power_than_in_the_limit():
    """T25: at 2 β_c, p = (.55, .45), the power is 3.756 with groups of 8 and 4.325 with groups without end [T12]."""
    log_p = np.log([0.55, 0.45])
    beta = 2 * critical_beta(log_p)
    log_pi = finite_group_optimum(log_p, log_p, beta, 8)
    np.testing.assert_allclose((log_pi[0] - log_pi[1]) / (log_p[0] - log_p[1]), 3.756, atol=5e-4)
    np.testing.assert_allclose(std_normalised_alpha(log_p, beta).stable, 4.325, atol=5e-4)


def test_large_groups_end_where_the_limit_says():
    """T25: as G grows the end tends to T12's power, with an error of order 1/G."""
    beta = 2 * CRITICAL
    power = log_tilt(LOG_P, LOG_P, std_normalised_alpha(LOG_P, beta).stable, 0)
    apart = [np.max(np.abs(finite_group_optimum(LOG_P, LOG_P, beta, group) - power)) for group in (128, 256, 512)]
    np.testing.assert_allclose(np.array(apart[:-1]) / apart[1:], 2, rtol=0.1)


@settings(max_examples=12)
@given(
    policies(least=3, most=6, zeros=False, deepest=-9.0),
    st.lists(st.floats(-2, 2), min_size=6, max_size=6),
    st.floats(0.1, 5),
)
@example(LOG_P, np.append(LOG_P, 0.0), 0.05 * CRITICAL)
def test_with_k3_in_the_loss_large_groups_have_an_end_at_every_beta(log_p, reward, beta):
    """T25: π (1 - h/β) = p with h the standardised reward under π, below T12's critical β as well."""
    reward = np.round(reward[: len(log_p)], 1)
    pi = np.exp(large_group_k3_optimum(log_p, reward, beta))
    centred = reward - pi @ reward
    sd = np.sqrt(pi @ centred**2)
    h = centred / sd if np.ptp(reward) > 0 else np.zeros(len(pi))
    np.testing.assert_allclose(pi * (1 - h / beta), np.exp(log_p), atol=1e-9)
    np.testing.assert_allclose(pi.sum(), 1, atol=1e-9)


def test_finite_groups_with_k3_tend_to_the_end_of_large_ones():
    """T25: like 1/G, at half of T12's critical β."""
    limit = large_group_k3_optimum(LOG_P, LOG_P, 0.5 * CRITICAL)
    apart = [np.max(np.abs(finite_group_optimum(LOG_P, LOG_P, 0.5 * CRITICAL, g, True) - limit)) for g in (128, 256)]
    np.testing.assert_allclose(apart[0] / apart[1], 2, rtol=0.1)


def test_equal_rewards_and_responses_off_the_support_share_one_factor():
    """T24, T25: what is off the support stays there, and equal rewards keep the proportions of p."""
    log_p, reward = np.log([0.2, 0.3, 0.5, 1e-300]), np.array([1.0, 1.0, 0.0, 7.0])
    log_p[3] = -np.inf
    log_pi = finite_group_optimum(log_p, reward, 0.4, 8)
    assert log_pi[3] == -np.inf and group_advantage(log_p, reward, 8)[3] == 0
    np.testing.assert_allclose(log_pi[1] - log_pi[0], np.log(1.5))
    np.testing.assert_allclose(np.exp(log_pi).sum(), 1)


GROUPS_AND_BETAS = list(itertools.product((0.3, 0.5, 0.7, 1.2, 2.0), (4, 8, 16, 64)))


@pytest.mark.parametrize(("times", "group"), GROUPS_AND_BETAS)
def test_sampled_groups_have_no_drift_at_the_end(times, group):
    """T25: with the first of a group given and the others sampled, A - β log(π/p) is the same for all, to 4 errors."""
    beta, rng = times * CRITICAL, np.random.default_rng(group)
    log_pi = finite_group_optimum(LOG_P, LOG_P, beta, group)
    pi = np.exp(log_pi)
    others = LOG_P[rng.choice(5, size=(4000, group - 1), p=pi / pi.sum())]
    mean, error = np.empty(5), np.empty(5)
    for y in range(5):
        drawn = np.column_stack([np.full(len(others), LOG_P[y]), others])
        spread = drawn.std(axis=1, ddof=1)
        advantage = np.where(np.ptp(drawn, axis=1) > 0, (LOG_P[y] - drawn.mean(axis=1)) / np.maximum(spread, 1e-9), 0)
        mean[y], error[y] = advantage.mean(), advantage.std() / len(others) ** 0.5
    drift = mean - beta * (log_pi - LOG_P)
    drift -= pi @ (-beta * (log_pi - LOG_P))  # the constant that normalises: E_π h = 0
    mixed = 1 - pi.max() ** (group - 1)  # near the mode few of the samples differ, and those that do not have no spread
    least = advantage_bound(group) * (mixed / len(others)) ** 0.5 if mixed < 0.01 else 0.0
    assert np.all(np.abs(drift) <= 4 * np.maximum(error, least) + 1e-9)


def test_the_end_is_found_to_eleven_digits():
    """T25: the residual of the equation with all groups of three written out, and probabilities that add up to one."""
    log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 0.4, 1.0])
    pi = np.exp(finite_group_optimum(log_p, reward, 2.0, 3))
    free = np.exp(log_p + advantage_of_all_groups(np.log(pi), reward, 3) / 2.0)
    np.testing.assert_allclose(pi, free / free.sum(), rtol=0, atol=1e-11)


def test_rewards_may_be_as_near_as_the_integral_can_tell_and_no_nearer(monkeypatch):
    """width/gap · √G · 5.6/.55 nodes: with groups of nine and 1,000 nodes, rewards of 1 and 32.7 parts are told."""
    monkeypatch.setattr("theory.finite_group._MOST_NODES", 1000)
    log_p = np.log([0.5, 0.3, 0.2])
    told = group_advantage(log_p, np.array([0.0, 1 / 32.5, 1.0]), 9)
    assert told[0] < told[1] < told[2]
    with pytest.raises(ValueError, match=r"two rewards differ by 0\.0304 where all lie within 1; round them"):
        group_advantage(log_p, np.array([0.0, 1 / 32.9, 1.0]), 9)


def test_rewards_a_rounding_apart_are_one_level():
    """Below 16 roundings one reward, above them two that nearly tie."""
    log_p = np.log([0.5, 0.3, 0.2])
    for unit in (1.0, 2.0**20):
        one = group_advantage(log_p, unit * np.array([1.0, 1 + 3e-15, 0.0]), 4)
        np.testing.assert_array_equal(one, group_advantage(log_p, unit * np.array([1.0, 1.0, 0.0]), 4))
        with pytest.raises(ValueError, match="two rewards differ by"):
            group_advantage(log_p, unit * np.array([1.0, 1 + 5e-15, 0.0]), 4)


def test_a_response_that_is_never_drawn_may_have_any_reward():
    """T25: log p as a reward is -inf off the support; with or without that response the ends are the same."""
    three = np.log([0.5, 0.3, 0.2])
    ends = []
    for log_p in (np.append(three, -np.inf), three):
        finite = finite_group_optimum(log_p, log_p, 2.0, 2)
        ends.append((group_advantage(log_p, log_p, 4), finite, large_group_k3_optimum(log_p, log_p, 2.0)))
    with_it, without = ends
    for longer, shorter, last in zip(with_it, without, (0.0, -np.inf, -np.inf), strict=True):
        np.testing.assert_allclose(longer, np.append(shorter, last))


@pytest.mark.parametrize("beta", [0.0, -1.0, np.nan, np.inf])
def test_without_a_kl_weight_no_end_is_named(beta):
    for optimum, group in ((large_group_k3_optimum, ()), (finite_group_optimum, (8,))):
        with pytest.raises(ValueError) as error:
            optimum(LOG_P, LOG_P, beta, *group)
        assert (
            str(error.value) == f"beta must be finite and > 0, got {beta}; without a KL weight there is no fixed point"
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LOG_P, LOG_P, 0.0, 8), "beta must be finite and > 0, got 0.0"),
        ((LOG_P, LOG_P, 0.5, 1), "group must be a whole number of at least 2, got 1"),
        ((LOG_P, LOG_P[:3], 0.5, 8), "one entry a response"),
        ((LOG_P, np.array([0, 1e-9, 1, 1, 1]), 0.5, 8), "two rewards differ by 1e-09"),
    ],
)
def test_what_cannot_be_solved_is_refused(arguments, message, as_users_call_it):
    with pytest.raises(ValueError, match=message):
        finite_group_optimum(*arguments)


def test_a_constant_reward_has_no_advantage():
    """T25: every group is constant, and earns nothing; the policy stays at p."""
    constant = np.full(5, 0.5)
    assert group_advantage(LOG_P, constant, 8).tolist() == [0.0] * 5
    np.testing.assert_allclose(finite_group_optimum(LOG_P, constant, 0.1, 8), LOG_P, atol=1e-12)
    np.testing.assert_allclose(large_group_k3_optimum(LOG_P, constant, 0.1), LOG_P, atol=1e-12)


@pytest.mark.parametrize("answer, longest", [
    (lambda x: x + np.array([1.0, 0.0]), 20.0),  # always on the move, and no end anywhere
    (lambda x: np.log([0.2, 0.8]), 0.1),  # an end, far from where the flow has come to in so short a time
])  # fmt: skip
def test_what_does_not_come_to_rest_is_no_end(answer, longest):
    with pytest.raises(RuntimeError, match="did not come to rest; give a larger beta or a smaller group"):
        _settled(answer, np.log([0.5, 0.5]), longest)


def test_a_constant_added_to_all_rewards_moves_nothing():
    """Exactly, where the sum is exact: advantages are differences of rewards."""
    reward = np.array([0.0, 0.5, 1.0, 0.25, 0.5])
    np.testing.assert_array_equal(group_advantage(LOG_P, reward + 2.0**30, 8), group_advantage(LOG_P, reward, 8))


def test_a_policy_that_adds_up_to_one_only_nearly_is_read_as_normalised():
    reward = np.array([0.0, 0.5, 1.0, 0.25, 0.5])
    np.testing.assert_allclose(
        group_advantage(LOG_P + 5e-6, reward, 8), group_advantage(LOG_P, reward, 8), rtol=0, atol=1e-12
    )


def test_large_groups_solve_their_equation_with_k3_by_hand():
    """T25: pi (1 - h/beta) = p, with h = (r - E r)/sd, whose sd is .1 here."""
    p, reward = np.array([0.5, 0.5]), np.array([0.0, 0.2])
    pi = np.exp(large_group_k3_optimum(np.log(p), reward, 2.0))
    h = (reward - pi @ reward) / np.sqrt(pi @ (reward - pi @ reward) ** 2)
    np.testing.assert_allclose(pi * (1 - h / 2.0), p, atol=1e-9)
    assert pi[1] > 0.6
