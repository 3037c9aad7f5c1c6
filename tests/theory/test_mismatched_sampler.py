"""T33: where RLOO ends when its samples come from another law, against sums over all groups and long training."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hard_policies import policies
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from theory.distribution import expectation, kl, total_variation
from theory.mismatched_sampler import (
    mismatched_class_optimum,
    mismatched_velocity,
    sampler_return_optimum,
    sampling_law,
)
from theory.objectives import Objective, optimum
from theory.shared_parameters import class_optimum, log_policy

levels = st.one_of(st.none(), st.sampled_from([0.3, 1.0, 2.0, np.inf]))


def mean_gradient_of_all_groups(log_pi, log_mu, returns, truncation, group=3):
    """E over groups of (1/G) Σ w_i (R_i - mean of the others) (e_{y_i} - π), by listing them."""
    pi, mu, n = np.exp(log_pi), np.exp(log_mu), len(log_pi)
    weight = np.ones(n) if truncation is None else np.minimum(pi / mu, truncation)
    total = np.zeros(n)
    for drawn in itertools.product(range(n), repeat=group):
        gain = returns[list(drawn)]
        for i, y in enumerate(drawn):
            advantage = gain[i] - (gain.sum() - gain[i]) / (group - 1)
            total += np.prod(mu[list(drawn)]) * weight[y] * advantage * (np.eye(n)[y] - pi) / group
    return total


@settings(max_examples=30, deadline=None)
@given(
    policies(least=4, most=4, zeros=False, deepest=-8.0),
    policies(least=4, most=4, zeros=False, deepest=-8.0),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    levels,
)
def test_the_mean_gradient_is_the_sum_over_all_groups(log_pi, log_mu, returns, truncation):
    """T33: RLOO with leave-one-out advantages and truncated weights, samples of another law."""
    returns = np.array(returns)
    found = mismatched_velocity(log_pi, log_mu, returns, truncation)
    np.testing.assert_allclose(found, mean_gradient_of_all_groups(log_pi, log_mu, returns, truncation), atol=1e-9)


@settings(max_examples=40)
@given(policies(least=5, most=5, zeros=False), policies(least=5, most=5, zeros=False), st.floats(0.05, 20))
def test_truncated_weights_are_samples_of_the_smaller_of_the_two(log_pi, log_mu, truncation):
    """T33: Σ μ min(π/μ, c) f for any f, and what is missing of π is its excess over cμ."""
    law = sampling_law(log_pi, log_mu, truncation)
    pi, mu = np.exp(log_pi), np.exp(log_mu)
    np.testing.assert_allclose(law.kept * np.exp(law.log_nu), mu * np.minimum(pi / mu, truncation), atol=1e-12)
    np.testing.assert_allclose(1 - law.kept, np.maximum(pi - truncation * mu, 0).sum(), atol=1e-9)
    if truncation == 1.0:
        np.testing.assert_allclose(1 - law.kept, total_variation(log_pi, log_mu), atol=1e-9)


def trained(log_p, reward, objective, sampler, truncation=np.nan, sampler_return=False, steps=600, step=2.0):
    """Gradient ascent on logits from p, the law of the samples recomputed in every step."""
    theta = log_p
    for _ in range(steps):
        log_pi = theta - np.logaddexp.reduce(theta)
        log_mu = sampler(log_pi) - np.logaddexp.reduce(sampler(log_pi))
        own = log_mu if sampler_return else log_pi
        gain = objective.reward_weight * reward + objective.reference_weight * log_p - objective.entropy_weight * own
        weight = np.fmin(np.exp(log_pi - log_mu), truncation) if truncation == truncation else 1.0
        push = np.exp(log_mu) * weight * (gain - np.exp(log_mu) @ gain)
        theta = theta + step * (push - np.exp(log_pi) * push.sum())
    return theta - np.logaddexp.reduce(theta)


LOG_P, REWARD = np.log([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, 0.0, 1.0])
OBJECTIVE = Objective(0.5, 0.8, 0.6)
SAMPLERS = {"hot": lambda log_pi: 0.5 * log_pi, "off": lambda log_pi: log_pi + np.array([0.5, -0.7, 0.2, 0.4])}


@pytest.mark.parametrize("truncation", [np.nan, 0.5, 2.0], ids=["uncorrected", "half", "two"])
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_table_ends_at_the_same_optimum_whatever_samples_it_sees(sampler, truncation):
    """T33: temperature or error, corrected or not, the end is q_{c/τ, w/τ}."""
    ended = trained(LOG_P, REWARD, OBJECTIVE, sampler, truncation)
    np.testing.assert_allclose(ended, optimum(OBJECTIVE, LOG_P, REWARD), atol=1e-6)


def test_the_velocity_is_zero_only_where_the_return_is_constant():
    """T33: elsewhere some logit moves, for the same policy as sampler, for another, and for any truncation."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        log_pi, log_mu = log_softmax(rng.normal(size=(2, 5)), axis=1)
        returns = rng.normal(size=5)
        for truncation in (None, 0.2, 1.0, np.inf):
            assert np.max(np.abs(mismatched_velocity(log_pi, log_mu, returns, truncation))) > 1e-4
            still = mismatched_velocity(log_pi, log_mu, np.full(5, 0.7), truncation)
            np.testing.assert_allclose(still, 0, atol=1e-15)


def test_a_kl_term_with_the_sampler_s_log_p_puts_the_sampler_at_the_optimum():
    """T33: the trained policy is off by the whole mismatch; at temperature 2 it is the square of the optimum."""
    best = optimum(OBJECTIVE, LOG_P, REWARD)
    ended = trained(LOG_P, REWARD, OBJECTIVE, SAMPLERS["off"], sampler_return=True)
    np.testing.assert_allclose(ended, sampler_return_optimum(best, np.array([0.5, -0.7, 0.2, 0.4])), atol=1e-6)
    ended = trained(LOG_P, REWARD, OBJECTIVE, SAMPLERS["hot"], sampler_return=True, steps=1200)
    np.testing.assert_allclose(ended, log_softmax(2 * best), atol=1e-6)


def shared(seed):
    rng = np.random.default_rng(seed)
    log_p = log_softmax(rng.normal(size=(2, 4)), axis=1)
    reward, features = (rng.random((2, 4)) < 0.5).astype(float), rng.normal(size=(2, 4, 2))
    return log_p, reward, features, 0.4 * rng.normal(size=(2, 4))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 200), levels)
def test_in_a_class_training_rests_where_the_mismatched_gradient_vanishes(seed, truncation):
    """T33: against the sum over prompts and responses written out; full weights end at the optimum of the class."""
    log_p, reward, features, log_ratio = shared(seed)
    theta = mismatched_class_optimum(OBJECTIVE, log_p, reward, features, log_ratio, truncation)
    log_pi = log_policy(theta, log_p, features)
    pi, mu = np.exp(log_pi), softmax(log_pi + log_ratio, axis=1)
    gain = 0.5 * reward + 0.8 * log_p - 0.6 * log_pi
    weight = np.ones_like(mu) if truncation is None else np.minimum(pi / mu, truncation)
    score = features - np.einsum("xy,xyi->xi", pi, features)[:, None]
    advantage = gain - np.sum(mu * gain, axis=1, keepdims=True)
    np.testing.assert_allclose(np.einsum("xy,xyi->i", mu * weight * advantage, score), 0, atol=1e-8)
    if truncation == np.inf:
        exact = class_optimum(OBJECTIVE, log_p, reward, features)
        np.testing.assert_allclose(log_pi, log_policy(exact, log_p, features), atol=1e-5)


def test_the_bias_is_of_first_order_in_the_mismatch_and_vanishes_where_the_class_holds_the_optimum():
    """T33: halving δ halves the bias; with r and ℓ among the features there is none; a higher level leaves less."""
    log_p, reward, features, log_ratio = shared(1)
    exact = log_policy(class_optimum(OBJECTIVE, log_p, reward, features), log_p, features)

    def bias(scale, truncation=None, features=features, exact=exact):
        theta = mismatched_class_optimum(OBJECTIVE, log_p, reward, features, scale * log_ratio, truncation)
        return np.max(np.abs(log_policy(theta, log_p, features) - exact))

    assert bias(1.0) > 0.01
    np.testing.assert_allclose(bias(0.02) / bias(0.01), 2, rtol=0.05)
    assert bias(1.0) > 2 * bias(1.0, 1.2) > 2 * bias(1.0, 4.0)
    whole = np.stack([reward, log_p], axis=-1)
    assert bias(1.0, features=whole, exact=optimum(OBJECTIVE, log_p, reward)) < 1e-6


def test_bad_input_is_refused(as_users_call_it):
    with pytest.raises(ValueError, match="truncation must be > 0, got 0"):
        sampling_law(LOG_P, LOG_P, 0.0)
    with pytest.raises(ValueError, match="entropy_weight must be > 0, got 0"):
        mismatched_class_optimum(Objective(1.0, 1.0, 0.0), *shared(0))
    law = sampling_law(LOG_P, np.log([0.5, 0.5, 1e-320, 1e-320]), 3.0)
    assert np.isfinite(kl(law.log_nu, LOG_P)) and expectation(law.log_nu, REWARD) > 0


def test_what_is_never_drawn_weighs_nothing():
    """T33: π where μ is 0 is lost whatever the weights; the rest keeps its proportions."""
    log_pi, log_mu = np.log([0.5, 0.3, 0.2]), np.array([np.log(0.5), np.log(0.5), -np.inf])
    for truncation in (0.4, 2.0, np.inf):
        law = sampling_law(log_pi, log_mu, truncation)
        kept = np.minimum([0.5, 0.3], 0.5 * truncation)
        np.testing.assert_allclose(np.exp(law.log_nu), [*kept / kept.sum(), 0.0])
        np.testing.assert_allclose(law.kept, kept.sum())
    with pytest.raises(ValueError, match="truncation must be > 0, got 0"):
        sampling_law(log_pi, log_mu, 0)
    with pytest.raises(ValueError, match=r"entropy_weight must be > 0, got 0\.0"):
        mismatched_class_optimum(
            Objective(1.0, 0.0, 0.0), log_pi[None], np.ones((1, 3)), np.ones((1, 3, 1)), np.zeros((1, 3))
        )


def test_where_no_root_is_found_none_is_given(monkeypatch):
    """A search that ends anywhere: its slope is not 0, though the one along a constant feature always is."""
    monkeypatch.setattr("scipy.optimize.root", lambda slope, theta, tol: SimpleNamespace(x=np.array([0.3, 0.0])))
    log_p, reward = np.log([[0.5, 0.3, 0.2]]), np.array([[0.0, 1.0, 0.4]])
    features = np.stack([reward, np.ones((1, 3))], axis=-1)
    with pytest.raises(RuntimeError, match="training did not come to rest: its slope is still"):
        mismatched_class_optimum(Objective(1.0, 1.0, 1.0), log_p, reward, features, np.zeros((1, 3)))
