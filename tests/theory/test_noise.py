"""T15: leave-one-out advantages and the variance of returns."""

import itertools

import numpy as np
import pytest
from hard_policies import policies, rewarded
from hypothesis import given
from hypothesis import strategies as st

from theory import noise
from theory.objectives import Objective, optimum

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])
REWARD = np.array([1.0, 0.0, 0.4, -0.5])


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9))
def test_the_leave_one_out_advantage_subtracts_the_mean_of_the_others(returns):
    """T15: both forms of it."""
    returns = np.array(returns)
    expected = [r - np.delete(returns, i).mean() for i, r in enumerate(returns)]
    np.testing.assert_allclose(noise.leave_one_out_advantage(returns), expected, atol=1e-12)


def test_leave_one_out_advantages_are_taken_group_by_group():
    rows = np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]])
    np.testing.assert_allclose(noise.leave_one_out_advantage(rows), [[-3, -1.5, 4.5], [-1.5, -1.5, 3.0]])
    with pytest.raises(ValueError) as error:
        noise.leave_one_out_advantage(np.array([1.0]))
    assert str(error.value) == "returns has 1 sample in a group; leave-one-out needs at least 2"


def test_the_leave_one_out_policy_gradient_is_unbiased():
    """T15: averaged over all groups of three it is exactly ∇J, here dJ/dlogits = π (R - E R)."""
    pi = np.exp(LOG_P)
    scores = np.eye(4) - pi
    mean = np.zeros(4)
    for group in itertools.product(range(4), repeat=3):
        members = list(group)
        advantage = noise.leave_one_out_advantage(REWARD[members])
        mean += pi[members].prod() * (advantage @ scores[members]) / 3
    np.testing.assert_allclose(mean, pi * (REWARD - pi @ REWARD), atol=1e-14)


@given(rewarded(), st.floats(-2, 3), st.floats(0, 5), st.floats(0.05, 5))
def test_at_the_optimum_the_return_is_constant_and_the_gradient_noiseless(problem, w, c, tau):
    """T15: Var_{π*}(R) = 0 for τ > 0."""
    objective = Objective(w, c, tau)
    star = optimum(objective, *problem)
    scale = 1 + (c + w + tau) ** 2 * 2000
    assert noise.return_variance(objective, star, *problem) < 1e-24 * scale**2
    on = ~np.isneginf(star)
    returns = noise.total_return(objective, star, *problem)[on]
    np.testing.assert_allclose(returns, returns[0], atol=1e-11 * scale)


@given(rewarded(), st.floats(-2, 3), st.floats(-2, 3), st.floats(-2, 3), st.data())
def test_the_return_variance_is_that_of_the_returns_response_by_response(problem, w, c, tau, data):
    """T15: R = w r + c log p - τ log π, its variance by E R² - (E R)²."""
    log_p, reward = problem
    log_pi = np.where(np.isneginf(log_p), -np.inf, data.draw(policies(least=len(log_p), most=len(log_p), zeros=False)))
    log_pi = log_pi - np.logaddexp.reduce(log_pi)
    on = ~np.isneginf(log_pi)
    pi, returns = np.exp(log_pi[on]), w * reward[on] + c * log_p[on] - tau * log_pi[on]
    found = noise.return_variance(Objective(w, c, tau), log_pi, log_p, reward)
    np.testing.assert_allclose(found, pi @ returns**2 - (pi @ returns) ** 2, rtol=1e-7, atol=1e-7)


def test_the_noise_at_the_start_is_varentropy_for_sharpening_and_at_most_a_quarter_for_a_binary_task():
    """T15 at π = p; varentropy adds up over independent tokens, the task's variance does not."""
    correct = np.array([1.0, 0.0, 1.0, 0.0])
    task = noise.return_variance(Objective(1.0, 0.0, 0.0), LOG_P, LOG_P, correct)
    np.testing.assert_allclose(task, 0.2 * 0.8)
    p = np.exp(LOG_P)
    np.testing.assert_allclose(noise.varentropy(LOG_P), p @ LOG_P**2 - (p @ LOG_P) ** 2)
    twice = (LOG_P[:, None] + LOG_P[None, :]).ravel()
    np.testing.assert_allclose(noise.varentropy(twice), 2 * noise.varentropy(LOG_P))
    np.testing.assert_allclose(noise.varentropy(np.stack([LOG_P, LOG_P])), [noise.varentropy(LOG_P)] * 2)


def test_returns_are_defined_off_the_support_too():
    log_p, log_pi = np.array([0.0, -np.inf]), np.array([0.0, -np.inf])
    assert noise.total_return(Objective(1.0, 2.0, 3.0), log_pi, log_p, np.array([0.5, 9.0])).tolist() == [0.5, 0.0]
    half = np.log([0.5, 0.5])
    assert noise.total_return(Objective(1.0, 0.0, 0.0), half, log_p, np.array([0.5, 9.0])).tolist() == [0.5, 9.0]
    assert noise.total_return(Objective(0.0, 1.0, 0.0), half, log_p, np.zeros(2)).tolist() == [0.0, -np.inf]


def test_what_is_no_distribution_is_named():
    with pytest.raises(ValueError, match="probabilities of log_pi sum to 2"):
        noise.total_return(Objective(1.0, 0.0, 0.0), np.zeros(2), np.log([0.5, 0.5]), np.zeros(2))


@pytest.mark.parametrize(
    ("pay", "paid"), [(np.log([0.5, 0.3, 0.2]), 3), (np.array([1.0, 0.0, 0.0]), 1), (np.array([1.0, 2.0, 0.0]), 0)]
)
def test_the_moments_of_tokens_are_sums_over_all_responses(pay, paid):
    """T15: returns and scores of all 27 responses of three tokens, for sharpening and for a task."""
    log_pi, tokens = np.log([0.5, 0.3, 0.2]), 3
    pi, score = np.exp(log_pi), np.eye(3) - np.exp(log_pi)
    responses = list(itertools.product(range(3), repeat=tokens))
    mass = np.array([pi[list(y)].prod() for y in responses])
    returns = np.array([pay[list(y[:paid])].sum() for y in responses])
    scores = np.array([np.concatenate([score[token] for token in y]) for y in responses])
    gain, square = returns - mass @ returns, (scores**2).sum(axis=1)
    expected = [
        np.sum(((mass * gain) @ scores) ** 2), mass @ gain**2, mass @ (gain**2 * square), mass @ square,
    ]  # fmt: skip
    np.testing.assert_allclose(noise.token_gradient_moments(log_pi, pay, tokens, paid), expected)
    with pytest.raises(ValueError, match="paid must be between 0 and the 3 tokens, got 4"):
        noise.token_gradient_moments(log_pi, pay, tokens, 4)


@pytest.mark.parametrize("group", [2, 3, 4])
def test_the_noise_of_the_rloo_gradient_is_its_variance_over_all_groups(group):
    """T15: E|ĝ|² - |E ĝ|² by going through every group of responses to one prompt."""
    log_pi, pay = np.log([0.5, 0.3, 0.2]), np.array([0.4, -1.0, 2.0])
    pi, score = np.exp(log_pi), np.eye(3) - np.exp(log_pi)
    mass, gradients = [], []
    for members in map(list, itertools.product(range(3), repeat=group)):
        mass.append(pi[members].prod())
        gradients.append(noise.leave_one_out_advantage(pay[members]) @ score[members] / group)
    mean = np.array(mass) @ gradients
    expected = mass @ np.sum((np.array(gradients) - mean) ** 2, axis=1)
    found = noise.rloo_gradient_noise(noise.token_gradient_moments(log_pi, pay, 1, 1), group)
    assert found == pytest.approx(expected)
    with pytest.raises(ValueError, match="group must be at least 2, got 1"):
        noise.rloo_gradient_noise(noise.token_gradient_moments(log_pi, pay, 1, 1), 1)


def test_where_nothing_is_paid_there_is_neither_signal_nor_noise():
    assert noise.token_gradient_moments(np.log([0.6, 0.4]), np.array([0.0, 1.0]), tokens=3, paid=0)[:3] == (0, 0, 0)
    for paid in (-1, 4):
        with pytest.raises(ValueError, match=f"paid must be between 0 and the 3 tokens, got {paid}"):
            noise.token_gradient_moments(np.log([0.6, 0.4]), np.array([0.0, 1.0]), tokens=3, paid=paid)
