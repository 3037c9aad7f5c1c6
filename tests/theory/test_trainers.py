"""T13, T14, T20: k3 in the loss, std-normalised total returns, length-normalised returns."""

import mpmath
import numpy as np
import pytest
from hard_policies import policies, rewarded
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import log_softmax, logsumexp

from theory import trainers
from theory.tilt import log_tilt

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])
REWARD = np.array([1.0, 0.0, 0.4, -0.5])


@given(rewarded(), st.floats(0.01, 20))
def test_k3_in_the_loss_ends_at_p_over_one_minus_advantage_over_beta(problem, beta):
    """T13: π = p/(1 - A/β) with A = R - E_π R, π sums to one, and max A < β holds at every β."""
    log_p, reward = problem
    log_pi = trainers.k3_in_loss_optimum(log_p, reward, beta)
    on = ~np.isneginf(log_p)
    pi = np.exp(log_pi)
    advantage = reward - pi[on] @ reward[on]
    np.testing.assert_allclose(pi.sum(), 1.0, rtol=1e-10)
    # β - A cancels where the best response takes all: compare p = π (1 - A/β) there instead.
    np.testing.assert_allclose(pi[on] * (1 - advantage[on] / beta), np.exp(log_p[on]), atol=1e-9)
    assert (advantage[on] < beta * (1 + 1e-12)).all()
    assert np.isneginf(log_pi[~on]).all()


@pytest.mark.parametrize("beta", [0.1, 1.0, 5.0])
def test_the_sampled_k3_gradient_ends_there(beta):
    """T13 by mirror ascent with the estimator's exact mean, A - β (1 - p/π), from p."""
    log_pi, p = LOG_P, np.exp(LOG_P)
    for _ in range(2500):
        pi = np.exp(log_pi)
        weight = REWARD - pi @ REWARD - beta * (1 - p / pi)
        log_pi = log_pi + 0.4 / (1 + beta) * weight
        log_pi = log_pi - np.logaddexp.reduce(log_pi)
    np.testing.assert_allclose(log_pi, trainers.k3_in_loss_optimum(LOG_P, REWARD, beta), atol=1e-6)


def test_the_k3_optimum_maximises_reward_less_forward_kl():
    """T13's derivation: no nearby policy has a larger E_π R - β KL(p‖π)."""
    best = trainers.k3_in_loss_optimum(LOG_P, REWARD, 0.3)

    def objective(log_pi):
        return np.exp(log_pi) @ REWARD - 0.3 * np.exp(LOG_P) @ (LOG_P - log_pi)

    generator = np.random.default_rng(0)
    for _ in range(200):
        nearby = log_softmax(best + generator.normal(size=4) * 0.05)
        assert objective(nearby) < objective(best)


def test_the_k3_optimum_is_no_power_of_p():
    """T13 on reward log p: log-ratios to p are not proportional to log p."""
    log_pi = trainers.k3_in_loss_optimum(LOG_P, LOG_P, 1.0)
    exponents = np.diff(log_pi[[0, 2, 3, 1]]) / np.diff(LOG_P[[0, 2, 3, 1]])
    assert np.ptp(exponents) > 0.1


def test_the_k3_optimum_at_its_edges():
    """T13: a constant reward moves nothing; one response is all; beta -> 0 gives all to the best."""
    np.testing.assert_allclose(trainers.k3_in_loss_optimum(LOG_P, np.ones(4), 0.5), LOG_P, atol=1e-12)
    assert trainers.k3_in_loss_optimum(np.array([0.0]), np.array([3.0]), 1.0).tolist() == [0.0]
    np.testing.assert_allclose(np.exp(trainers.k3_in_loss_optimum(LOG_P, REWARD, 1e-9))[0], 1.0, atol=1e-7)
    # Near p at first order: π = p (1 + A/β).
    p = np.exp(LOG_P)
    np.testing.assert_allclose(
        np.exp(trainers.k3_in_loss_optimum(LOG_P, REWARD, 1e5)), p * (1 + (REWARD - p @ REWARD) / 1e5), rtol=1e-9
    )


@pytest.mark.parametrize("off", [-9e-6, 0.0, 9e-6])
@pytest.mark.parametrize("reward", [np.ones(4), 1e-18 * REWARD, REWARD])
def test_the_k3_optimum_takes_any_sum_that_passes_for_one(off, reward):
    """T13 with float32-like rounding in p: the root is bracketed by p(best) and Σp, whatever Σp is."""
    log_pi = trainers.k3_in_loss_optimum(LOG_P + off, reward, 0.5)
    np.testing.assert_allclose(np.exp(log_pi).sum(), 1.0, rtol=1e-11)
    np.testing.assert_allclose(log_pi, trainers.k3_in_loss_optimum(LOG_P, reward, 0.5), atol=2e-5)


def test_the_k3_optimum_ignores_reward_off_the_support_and_survives_deep_tails():
    log_p = np.array([np.log(0.25), np.log(0.75), -np.inf])
    kept = trainers.k3_in_loss_optimum(log_p[:2], np.array([1.0, 0.0]), 0.2)
    found = trainers.k3_in_loss_optimum(log_p, np.array([1.0, 0.0, np.inf]), 0.2)
    np.testing.assert_allclose(found[:2], kept)
    # The best response is at -10⁴ nats: its share is found in log space, slack = p/π.
    deep = trainers.k3_in_loss_optimum(np.array([-1e4, 0.0]), np.array([1.0, 0.0]), 2.0)
    np.testing.assert_allclose(deep, [-1e4 + np.log(2), 0.0], atol=1e-9)
    deeper = trainers.k3_in_loss_optimum(np.array([-1e4, 0.0]), np.array([1.0, 0.0]), 0.5)
    np.testing.assert_allclose(np.exp(deeper), [0.5, 0.5], atol=1e-9)


@given(rewarded(zeros=True, deepest=-10.0), st.floats(0.01, 1.0))
def test_a_std_normalised_return_keeps_its_direction_and_steps_a_fixed_distance(problem, step_size):
    """T14: d → (1 - η/sd) d whatever τ is, so the distance under the old policy goes to |sd - η|."""
    log_p, reward = problem
    log_target = log_tilt(log_p, reward, 1.7, 0.6)
    on = ~np.isneginf(log_p)
    pi, d = np.exp(log_p[on]), log_p[on] - log_target[on]
    sd = np.sqrt(pi @ (d - pi @ d) ** 2)
    assume(sd > 1e-3)
    stepped = trainers.std_normalised_return_step(log_p, log_target, step_size)
    # GRPO's own arithmetic: returns w r + c log p - τ log π, any τ, divided by their std.
    for tau in (0.2, 3.0):
        returns = tau * (0.6 * reward[on] + 1.7 * log_p[on] - log_p[on])
        advantage = (returns - pi @ returns) / np.sqrt(pi @ (returns - pi @ returns) ** 2)
        np.testing.assert_allclose(stepped[on], log_softmax(log_p[on] + step_size * advantage), atol=1e-9)
    after = stepped[on] - log_target[on]
    np.testing.assert_allclose(np.sqrt(pi @ (after - pi @ after) ** 2), abs(sd - step_size), atol=1e-9)
    assert np.isneginf(stepped[~on]).all()


def distances(step_size, steps, log_p=LOG_P):
    target, log_pi, found = log_tilt(log_p, REWARD, 1.7, 0.6), log_p, []
    for _ in range(steps):
        d, pi = log_pi - target, np.exp(log_pi)
        found.append(np.sqrt(pi @ (d - pi @ d) ** 2))
        log_pi = trainers.std_normalised_return_step(log_pi, target, step_size)
    return np.array(found)


def test_a_std_normalised_return_never_settles_and_its_amplitudes_add_up_to_the_step():
    """T14: consecutive distances sum to η + O(η²): halve η and the relative error halves."""
    errors = []
    for step_size in (0.08, 0.04, 0.02):
        late = distances(step_size, 600)[300:]
        errors.append(np.abs((late[1:] + late[:-1]) / step_size - 1).max())
        assert late.max() > 0.49 * step_size  # it does not settle
    assert errors[0] < 0.1
    assert errors[1] < 0.62 * errors[0] and errors[2] < 0.62 * errors[1]


def test_two_distances_of_the_cycle_add_up_to_the_step_within_its_skewness():
    """T14: the worst sum over many starts is inside the bound, and beyond half of it."""
    target, step_size = log_tilt(LOG_P, REWARD, 1.7, 0.6), 0.02
    worst = 0.0
    for share in np.linspace(0.1, 1, 19):
        log_pi, found = log_softmax((1 - share) * target + share * LOG_P), []
        for _ in range(300):
            d, pi = log_pi - target, np.exp(log_pi)
            found.append(np.sqrt(pi @ (d - pi @ d) ** 2))
            log_pi = trainers.std_normalised_return_step(log_pi, target, step_size)
        late = np.array(found[200:])
        worst = max(worst, np.abs((late[1:] + late[:-1]) / step_size - 1).max())
    bound = trainers.two_cycle_deviation(target, 3.0 * (LOG_P - target), step_size)
    assert bound / 2 < worst <= bound


def test_on_a_symmetric_spread_both_amplitudes_become_half_the_step():
    """T14's honest edge: around a uniform target of two responses the drift within the cycle evens it out."""
    target = np.log([0.5, 0.5])
    log_pi, found = log_softmax([0.37, 0.0]), []
    for _ in range(2000):
        d = log_pi - target
        found.append(np.sqrt(np.exp(log_pi) @ (d - np.exp(log_pi) @ d) ** 2))
        log_pi = trainers.std_normalised_return_step(log_pi, target, 0.3)
    assert abs(found[3] - found[2]) > 0.05
    np.testing.assert_allclose(found[-2:], [0.15, 0.15], rtol=1e-9)


@given(st.floats(0.0, 10.0), st.floats(0.01, 2.0))
def test_the_two_cycle_is_where_repeated_steps_end(distance, step_size):
    """T14: |x - η| iterated to the end."""
    x = distance
    for _ in range(int(distance / step_size) + 4):
        x = abs(x - step_size)
    np.testing.assert_allclose(sorted([x, abs(x - step_size)]), trainers.two_cycle(distance, step_size), atol=1e-9)


def test_policies_that_are_no_distributions_are_named():
    with pytest.raises(ValueError, match="the probabilities of log_pi sum to 4"):
        trainers.std_normalised_return_step(np.zeros(4), LOG_P, 0.1)
    with pytest.raises(ValueError, match="the probabilities of log_target sum to 4"):
        trainers.std_normalised_return_step(LOG_P, np.zeros(4), 0.1)


def test_at_the_optimum_there_is_no_return_to_normalise():
    """T14: nor is there one in the last digits of a policy that was computed by another way."""
    np.testing.assert_array_equal(trainers.std_normalised_return_step(LOG_P, LOG_P, 0.1), LOG_P)
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(size=6) * 10
        here, there = log_softmax(logits), log_softmax(logits + 17.3)
        np.testing.assert_array_equal(trainers.std_normalised_return_step(here, there, 0.1), here)
    # A distance of a millionth is one, and is stepped over.
    near = log_softmax(LOG_P + 1e-6 * np.arange(4))
    assert np.abs(trainers.std_normalised_return_step(near, LOG_P, 0.1) - near).max() > 0.01


@given(policies(), st.floats(0, 10), st.sampled_from([0, 0.5, 1, 2]), st.data())
def test_length_normalised_returns_sharpen_long_answers_less(log_p, alpha, kappa, data):
    """T20: p^{1+(α-1)/|y|^κ}: optimal for E_π[(α-1) log p/|y|^κ] - KL(π‖p), whose return is constant there."""
    length = np.array(data.draw(st.lists(st.integers(1, 40), min_size=len(log_p), max_size=len(log_p))))
    log_pi = trainers.length_normalised_optimum(log_p, length, alpha, kappa)
    np.testing.assert_allclose(np.exp(log_pi).sum(), 1.0)
    on = ~np.isneginf(log_p)
    total = (alpha - 1) * log_p[on] / length[on] ** kappa + log_p[on] - log_pi[on]
    np.testing.assert_allclose(total, total[0], atol=1e-8)
    assert np.isneginf(log_pi[~on]).all()
    if kappa == 0:
        np.testing.assert_allclose(log_pi, log_tilt(log_p, np.zeros(len(log_p)), alpha, 0), atol=1e-9)


def test_length_normalisation_by_the_mean_is_the_default():
    lengths = np.array([1, 2, 10, 4])
    exponent = np.array([3.0, 2.0, 1.2, 1.5])
    np.testing.assert_allclose(
        trainers.length_normalised_optimum(LOG_P, lengths, 3.0), log_softmax(exponent * LOG_P), atol=1e-12
    )


@given(policies(), st.floats(0, 10), st.data())
def test_trajectory_balance_with_mean_residuals_has_one_rate_and_sums_to_one(log_p, alpha, data):
    """T20: Σ p^α e^{-λ|y|} = 1, against scipy's root; π minimises the squared residual, being its zero."""
    length = np.array(data.draw(st.lists(st.integers(1, 40), min_size=len(log_p), max_size=len(log_p))))
    on = ~np.isneginf(log_p)
    rate = trainers.trajectory_balance_rate(log_p, length, alpha)
    expected = brentq(lambda x: logsumexp(alpha * log_p[on] - x * length[on]), -500, 500, xtol=1e-13)
    np.testing.assert_allclose(rate, expected, rtol=1e-9, atol=1e-10)
    log_pi = trainers.trajectory_balance_optimum(log_p, length, alpha)
    np.testing.assert_allclose(logsumexp(log_pi), 0.0, atol=1e-9)
    residual = rate + (log_pi[on] - alpha * log_p[on]) / length[on]
    np.testing.assert_allclose(residual, 0.0, atol=1e-9)
    assert np.isneginf(log_pi[~on]).all()
    if alpha > 1:
        assert rate <= 1e-12


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, 30.0])
def test_a_policy_that_is_nearly_certain_has_its_rate_too(alpha):
    """T20: both ends of a bracket were one in floating point at p = (.9999999, .0000001); to 50 digits."""
    log_p, length = np.log([0.9999999, 0.0000001]), np.array([3, 50])
    p = [mpmath.mpf(float(np.exp(x))) for x in log_p]
    exact = mpmath.findroot(
        lambda x: p[0] ** alpha * mpmath.e ** (-3 * x) + p[1] ** alpha * mpmath.e ** (-50 * x) - 1, 0
    )
    found = trainers.trajectory_balance_rate(log_p, length, alpha)
    np.testing.assert_allclose(found, float(exact), rtol=1e-7, atol=1e-16)
    np.testing.assert_allclose(logsumexp(trainers.trajectory_balance_optimum(log_p, length, alpha)), 0.0, atol=1e-14)


@given(policies(zeros=False, deepest=-15.0, most=10), st.floats(0, 8), st.floats(-3, 3), st.floats(-20, 20), st.data())
def test_the_rate_of_weighted_samples_is_the_root_at_any_scale_of_the_weights(log_p, alpha, b, scale, data):
    """T20: Σ w e^{score - λ|y|} = Σ w; with w = p and score (α-1) log p it is the rate of p."""
    length = np.array(data.draw(st.lists(st.integers(1, 40), min_size=len(log_p), max_size=len(log_p))))
    reward = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(log_p), max_size=len(log_p))))
    count = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(log_p), max_size=len(log_p))))
    assume(count.sum() > 0)
    own = trainers.balance_rate((alpha - 1) * log_p, length, log_p + scale)
    np.testing.assert_allclose(own, trainers.trajectory_balance_rate(log_p, length, alpha), rtol=1e-7, atol=1e-9)
    score = (alpha - 1) * log_p + b * reward
    with np.errstate(divide="ignore"):
        rate = trainers.balance_rate(score, length, np.log(count) + scale)
    on = count > 0
    excess = logsumexp(score[on] - rate * length[on], b=count[on]) - np.log(count.sum())
    np.testing.assert_allclose(excess, 0.0, atol=1e-9 * (1 + abs(rate) * 40))


def test_equal_lengths_make_trajectory_balance_the_plain_power():
    """T20: then λ|y| is only the normaliser."""
    rate = trainers.trajectory_balance_rate(LOG_P, np.full(4, 3), 2.0)
    np.testing.assert_allclose(rate, logsumexp(2 * LOG_P) / 3)
    np.testing.assert_allclose(
        trainers.trajectory_balance_optimum(LOG_P, np.full(4, 3), 2.0), log_softmax(2 * LOG_P), atol=1e-12
    )
    assert isinstance(rate, float)


def test_above_one_trajectory_balance_favours_the_long():
    """T20, by hand: two responses of equal probability, one twice as long; x² + x = 2 for α = ... e^{-λ} = x."""
    log_p, length = np.log([0.5, 0.5]), np.array([1, 2])
    rate = trainers.trajectory_balance_rate(log_p, length, 2.0)
    x = (-1 + np.sqrt(17)) / 2  # (x + x²)/4 = 1
    np.testing.assert_allclose(rate, -np.log(x))
    assert np.diff(trainers.trajectory_balance_optimum(log_p, length, 2.0)) > 0


def test_extremes_of_the_length_trainers_stay_finite():
    log_p = np.array([0.0, -1e4, -1e4, -np.inf])
    length = np.array([5, 1, 2000, 3])
    for alpha in (0.0, 1.0, 1e4):
        assert np.isfinite(trainers.trajectory_balance_rate(log_p, length, alpha))
        assert np.isfinite(trainers.length_normalised_optimum(log_p, length, alpha)[:3]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: trainers.rloo_alpha(0),
            "beta must be finite and > 0, got 0; without a KL weight there is no fixed point",
        ),
        (
            lambda: trainers.k3_in_loss_optimum(LOG_P, REWARD, np.inf),
            "beta must be finite and > 0, got inf; without a KL weight there is no fixed point",
        ),
        (
            lambda: trainers.k3_in_loss_optimum(LOG_P, np.array([0.0, np.nan, 0.0, 0.0]), 1.0),
            "reward holds nan; every entry must be finite",
        ),
        (lambda: trainers.two_cycle(1.0, 0.0), "step_size must be > 0, got 0.0"),
        (
            lambda: trainers.length_normalised_optimum(LOG_P, np.array([1, 2, 0, 3]), 2.0),
            "length holds 0.0; count tokens with EOS, so that each response has >= 1",
        ),
        (
            lambda: trainers.trajectory_balance_rate(LOG_P, np.array([1, 2, 0, 3]), 2.0),
            "length holds 0.0; count tokens with EOS, so that each response has >= 1",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_shapes_that_do_not_match_are_both_named(as_users_call_it):
    for call, name in (
        (trainers.k3_in_loss_optimum, "reward"),
        (trainers.trajectory_balance_rate, "length"),
        (trainers.length_normalised_optimum, "length"),
    ):
        with pytest.raises(ValueError, match=rf"^{name} has shape \(3,\) but log_p has shape \(4,\)"):
            call(LOG_P, np.ones(3), 1.0)


def test_the_deviation_of_a_two_cycle_is_made_of_skewness():
    """T14 by hand: of p = (.2, .8) the skewness is .6/.4 = 1.5 in size, whatever the direction's scale; η = .1."""
    for scale in (1.0, -7.0):
        found = trainers.two_cycle_deviation(np.log([0.2, 0.8]), scale * np.array([1.0, 0.0]), 0.1)
        np.testing.assert_allclose(found, 0.15 * 1.15)


def test_rounding_of_deep_logarithms_is_no_return():
    """T14: of a thousand responses log p is -7 or so, with rounding of its size, which no step is to be made of."""
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(size=1000)
        log_pi, log_target = log_softmax(logits), log_softmax(logits + 17.3)
        assert np.any(log_pi != log_target)
        np.testing.assert_array_equal(trainers.std_normalised_return_step(log_pi, log_target, 0.1), log_pi)
