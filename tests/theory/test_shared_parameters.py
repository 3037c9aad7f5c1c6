"""T26: what sharpening and reward gain when all prompts share one set of parameters, by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import log_softmax

from theory.budget import gain_ratio
from theory.distribution import entropy, expectation, kl
from theory.objectives import Objective, optimum, value
from theory.shared_parameters import (
    ScoreMoments,
    _least,
    class_optimum,
    distilled,
    gradient_cosine,
    log_policy,
    projected_gain_ratio,
    reward_slope,
    score_moments,
)
from theory.tilt import moments

seeds = st.integers(0, 10_000)
SIGNS_DIFFER = 40  # the ratio of a table is +.524, that of the class -.776


def problem(seed, prompts=2, responses=4, parameters=2):
    """log p, a reward of 0 and 1, and random features."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(1.2 * rng.normal(size=(prompts, responses)), axis=1)
    reward = (rng.random((prompts, responses)) < 0.4).astype(float)
    reward[0, :2] = 0.0, 1.0
    return log_p, reward, rng.normal(size=(prompts, responses, parameters))


def at_base(seed, **sizes):
    log_p, reward, features = problem(seed, **sizes)
    return score_moments(log_p, log_p, reward, features)


def tabular_ratio(log_p, reward):
    found = moments(log_p, reward, 1, 0)
    return gain_ratio(np.mean(found.cov), np.mean(found.var_log_p), np.mean(found.var_reward))


def gain_at(budget, pay, log_p, reward, features):
    """What maximising E[pay] within the class gains in reward at this mean KL, by training to the end."""

    def policy(weight):
        objective = Objective(weight, 1.0, 1.0)
        return log_policy(class_optimum(objective, log_p, pay, features), log_p, features)

    def excess(log_weight):
        return np.log(np.mean(kl(policy(np.exp(log_weight)), log_p)) / budget)

    found = score_moments(log_p, log_p, pay, features)
    guess = np.log(2 * budget / (found.reward @ np.linalg.pinv(found.fisher) @ found.reward)) / 2
    log_weight = brentq(excess, guess - 1, guess + 1, xtol=1e-4)
    return np.mean(expectation(policy(np.exp(log_weight)), reward)) - np.mean(expectation(log_p, reward))


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_at_small_equal_budgets_the_ratio_of_gains_is_the_projected_correlation(seed):
    """T26 (ii): the gains of trained policies at KL 1e-5 and 1e-7 approach it with the root of the budget."""
    log_p, reward, features = problem(seed)
    expected = projected_gain_ratio(score_moments(log_p, log_p, reward, features))
    measured = [
        gain_at(budget, log_p, log_p, reward, features) / gain_at(budget, reward, log_p, reward, features)
        for budget in (1e-5, 1e-7)
    ]
    far, near = np.abs(np.array(measured) - expected)
    assert near < 0.02 and near < 0.2 * far + 2e-5


def test_the_sign_can_be_the_opposite_of_the_table_s():
    """T26: here sharpening a table would gain reward, and sharpening with these two parameters loses it."""
    log_p, reward, features = problem(SIGNS_DIFFER)
    assert tabular_ratio(log_p, reward) > 0.25
    assert projected_gain_ratio(score_moments(log_p, log_p, reward, features)) < -0.6
    assert gain_at(1e-4, log_p, log_p, reward, features) < 0 < gain_at(1e-4, reward, log_p, reward, features)


@settings(max_examples=40)
@given(seeds)
def test_a_table_is_the_class_with_a_parameter_for_each_response(seed):
    """T26 in T5's case: one-hot features give the tabular ratio of mean moments."""
    log_p, reward, _ = problem(seed)
    one_hot = np.eye(log_p.size).reshape(*log_p.shape, log_p.size)
    found = projected_gain_ratio(score_moments(log_p, log_p, reward, one_hot))
    np.testing.assert_allclose(found, tabular_ratio(log_p, reward), atol=1e-9)


@settings(max_examples=40)
@given(seeds)
def test_the_projected_ratio_knows_no_coordinates_and_is_a_correlation_of_projections(seed):
    """T26: invariant under θ → Mθ, and equal to the correlation of least-squares fits of r and ℓ by the scores."""
    log_p, reward, features = problem(seed)
    found = projected_gain_ratio(score_moments(log_p, log_p, reward, features))
    mixed = features @ np.array([[2.0, 1.0], [-0.5, 0.7]])
    np.testing.assert_allclose(projected_gain_ratio(score_moments(log_p, log_p, reward, mixed)), found, atol=1e-9)
    p = np.exp(log_p)
    score = features - (p[..., None] * features).sum(axis=1, keepdims=True)
    rows, root = score.reshape(-1, 2) * np.sqrt(p).reshape(-1, 1), np.sqrt(p).ravel()
    fits = [
        rows @ np.linalg.lstsq(rows, root * (f - (p * f).sum(axis=1, keepdims=True)).ravel())[0]
        for f in (reward, log_p)
    ]
    cosine = fits[0] @ fits[1] / np.linalg.norm(fits[0]) / np.linalg.norm(fits[1])
    np.testing.assert_allclose(found, cosine, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0, 2), st.floats(0.3, 2), st.floats(0.5, 2))
def test_rl_in_a_class_is_the_reverse_kl_projection_of_the_tabular_optimum(seed, w, c, tau):
    """T26 (i): J(π*) - J(π_θ) = τ E_x KL(π_θ‖π*) at any θ, and the maximum of J has the least KL nearby."""
    log_p, reward, features = problem(seed)
    objective = Objective(w, c, tau)
    best = optimum(objective, log_p, reward)
    theta = class_optimum(objective, log_p, reward, features)

    def far(theta):
        return float(np.mean(kl(log_policy(theta, log_p, features), best)))

    for x in (theta, theta + np.array([0.3, -0.2])):
        lost = np.mean(value(objective, best, log_p, reward))
        lost -= np.mean(value(objective, log_policy(x, log_p, features), log_p, reward))
        np.testing.assert_allclose(lost, tau * far(x), atol=1e-9)
    for turn in np.linspace(0, 2 * np.pi, 16):
        assert far(theta) <= far(theta + 1e-2 * np.array([np.cos(turn), np.sin(turn)])) + 1e-9


@settings(max_examples=40)
@given(seeds, st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 2))
def test_reward_moves_by_the_tangent_kernel_of_all_pairs(seed, w, c, tau):
    """T26 (iii): against the double sum over prompts and responses, and against a step of gradient ascent on J."""
    log_p, reward, features = problem(seed, prompts=3)
    objective, theta = Objective(w, c, tau), np.array([0.4, -0.3])
    log_pi = log_policy(theta, log_p, features)
    returns = w * reward + c * log_p - tau * log_pi
    found = reward_slope(log_pi, reward, returns, features)

    pi, total = np.exp(log_pi), 0.0
    centred = [f - (pi * f).sum(axis=1, keepdims=True) for f in (reward, returns)]
    for x in range(3):
        for other in range(3):
            kernel = features[x] @ features[other].T
            total += (pi[x] * centred[0][x]) @ kernel @ (pi[other] * centred[1][other]) / 9
    np.testing.assert_allclose(found, total, atol=1e-9)

    h = 1e-5
    steps = h * np.eye(2)
    ahead, behind = (
        np.array(
            [np.mean(value(objective, log_policy(theta + side * d, log_p, features), log_p, reward)) for d in steps]
        )
        for side in (1, -1)
    )
    gradient = (ahead - behind) / (2 * h)
    after, before = (
        np.mean(expectation(log_policy(theta + side * h * gradient, log_p, features), reward)) for side in (1, -1)
    )
    np.testing.assert_allclose(found, (after - before) / (2 * h), atol=1e-6 * (1 + abs(found)))


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.5, 3))
def test_distillation_keeps_the_mean_reward_when_the_reward_is_a_feature(seed, b):
    """T26 (iv): forward KL matches moments; RL in the same class ends at another mean reward."""
    log_p, reward, features = problem(seed)
    features[..., 0] = reward
    objective = Objective(b, 1.5, 1.0)
    best = optimum(objective, log_p, reward)
    wanted = np.mean(expectation(best, reward))
    kept = log_policy(distilled(best, log_p, features), log_p, features)
    np.testing.assert_allclose(np.mean(expectation(kept, reward)), wanted, atol=1e-6)
    assert np.mean(kl(best, kept)) <= np.mean(kl(best, log_policy(np.array([b, 0.1]), log_p, features))) + 1e-9
    assert np.all(entropy(kept) > 0)


def test_rl_does_not_keep_the_mean_reward_of_the_tabular_optimum():
    """T26 (iv), the other half: with the reward a feature, the reverse-KL projection earns another mean."""
    log_p, reward, features = problem(8)
    features[..., 0] = reward
    objective = Objective(1.0, 1.5, 1.0)
    wanted = np.mean(expectation(optimum(objective, log_p, reward), reward))
    trained = log_policy(class_optimum(objective, log_p, reward, features), log_p, features)
    assert abs(np.mean(expectation(trained, reward)) - wanted) > 0.003


def test_plain_and_natural_gradient_can_disagree():
    """T26: the cosine changes sign with the scale of a parameter, the projected ratio does not."""
    found = at_base(SIGNS_DIFFER)
    fisher, a, s = found
    scale = np.diag([1.0, 1e-3])
    scaled = type(found)(scale @ fisher @ scale, scale @ a, scale @ s)
    np.testing.assert_allclose(projected_gain_ratio(scaled), projected_gain_ratio(found), atol=1e-9)
    np.testing.assert_allclose(gradient_cosine(found), a @ s / np.linalg.norm(a) / np.linalg.norm(s))
    np.testing.assert_allclose(gradient_cosine(scaled), np.sign(a[0] * s[0]), atol=1e-3)


def test_what_no_parameter_moves_has_no_ratio_and_bad_shapes_are_refused(as_users_call_it):
    log_p, reward, features = problem(1)
    assert np.isnan(projected_gain_ratio(score_moments(log_p, log_p, 0 * reward, features)))
    assert np.isnan(projected_gain_ratio(score_moments(log_p, log_p, reward, 0 * features)))
    with pytest.raises(ValueError, match=r"features has shape \(2, 4\) but log_p has shape \(2, 4\)"):
        score_moments(log_p, log_p, reward, features[..., 0])
    with pytest.raises(ValueError, match="features holds nan"):
        log_policy(np.zeros(2), log_p, features * np.nan)
    with pytest.raises(ValueError, match="entropy_weight must be > 0, got 0"):
        class_optimum(Objective(1.0, 1.0, 0.0), log_p, reward, features)


def test_small_gradients_have_a_cosine_too():
    """T26: of size 1e-90, whose squares have no product in floating point; of size 0 there is none."""
    moments = ScoreMoments(np.eye(2), 1e-90 * np.array([1.0, 0.0]), 1e-90 * np.array([3.0, 4.0]))
    np.testing.assert_allclose([projected_gain_ratio(moments), gradient_cosine(moments)], 0.6)
    assert np.isnan(projected_gain_ratio(moments._replace(reward=np.zeros(2))))


@pytest.mark.parametrize("slope", [[0.5, 0.5], [0.5, 0.0], [1e-5, 0.0]])
def test_an_ascent_that_does_not_come_to_rest_names_what_is_left(slope):
    """No step makes this gradient smaller, in one direction or in all."""
    slope = np.array(slope)
    with pytest.raises(RuntimeError, match=f"did not come to rest: its gradient is still {slope[0]:.2g}"):
        _least(lambda theta: (0.0, slope), 2)


def test_one_feature_that_is_no_number_among_many_is_refused():
    log_p, _, features = problem(0)
    features[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="features holds nan; every entry must be finite"):
        log_policy(np.zeros(2), log_p, features)


def test_whole_numbers_are_features(as_users_call_it):
    log_p, reward, _ = problem(0)
    whole = np.arange(16).reshape(2, 4, 2) % 3
    np.testing.assert_array_equal(score_moments(log_p, log_p, reward, whole).fisher,
                                  score_moments(log_p, log_p, reward, whole.astype(float)).fisher)  # fmt: skip


def test_distilling_leaves_alone_what_is_never_drawn_and_what_moves_nothing():
    """T24, T26: a response off the support changes no θ, and a feature that is the same for all stays at 0."""
    log_p, _, features = problem(3)
    features = np.concatenate([features, np.ones((2, 4, 1))], axis=2)
    target = log_softmax(np.arange(8.0).reshape(2, 4) % 3, axis=1)
    theta = distilled(target, log_p, features)
    never = np.full((2, 1), -np.inf)
    with_it = distilled(
        np.hstack([target, never]), np.hstack([log_p, never]), np.concatenate([features, features[:, :1]], 1)
    )
    np.testing.assert_allclose(with_it, theta, atol=1e-6)
    assert theta[2] == pytest.approx(0, abs=1e-9)
