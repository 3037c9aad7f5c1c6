"""The parts that simulations share: J, its gradients, advantages, and how a prediction is judged."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from theory import coordinates, dynamics, objectives, tilt
from toysims import verdict
from toysims.learners import advantages, natural_gradient, policy_gradient, rloo
from toysims.learners.objective import returns, value, weights
from toysims.policies import categorical

vectors = arrays(np.float64, 6, elements=st.floats(-4, 4).map(lambda x: x + 0.01 * x**2))
objectives_drawn = st.builds(
    objectives.Objective, st.floats(-2, 2), st.floats(-2, 2), st.sampled_from([-1.5, -0.3, 0.0, 0.2, 1.0, 3.0])
)


def log_softmax(x):
    return x - np.log(np.exp(x - x.max()).sum()) - x.max()


VALUE, GRADIENT, VELOCITY, MIRROR = map(
    jax.jit, (value, policy_gradient.gradient, natural_gradient.velocity, natural_gradient.mirror_step)
)


def drawn(*arguments, **options):
    """A problem as JAX arrays."""
    problem = categorical.draw(*arguments, **options)
    return jnp.asarray(problem.log_p), jnp.asarray(problem.reward)


def one(objective):
    return jax.tree.map(lambda w: w[0], weights([objective]))


@settings(deadline=None, max_examples=30)
@given(logits=vectors, other=vectors, reward=vectors, objective=objectives_drawn)
def test_the_j_that_is_ascended_is_the_j_of_theory(logits, other, reward, objective):
    """T1: the JAX and the NumPy J are one function."""
    log_p, log_pi = log_softmax(logits), log_softmax(other)
    ours = VALUE(one(objective), other, log_p, reward)
    assert float(ours) == pytest.approx(objectives.value(objective, log_pi, log_p, reward), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(logits=vectors, other=vectors, reward=vectors, objective=objectives_drawn)
def test_the_flow_is_the_gradient_of_j_under_the_inverse_fisher_metric(logits, other, reward, objective):
    """T8, T9: F · velocity = ∇_θ J with F = diag π - ππᵀ, the gradient by automatic differentiation."""
    log_p, log_pi = log_softmax(logits), log_softmax(other)
    pi = np.exp(log_pi)
    velocity = VELOCITY(one(objective), log_pi, log_p, reward)
    by_autodiff = GRADIENT(one(objective), other, log_p, reward)
    np.testing.assert_allclose((np.diag(pi) - np.outer(pi, pi)) @ velocity, by_autodiff, rtol=1e-7, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(logits=vectors, reward=vectors, objective=objectives_drawn, step_size=st.floats(0.01, 0.6))
def test_mirror_ascent_walks_the_predicted_line_at_every_step_size(logits, reward, objective, step_size):
    """T8, discrete: after three steps from p, log π is on mirror_line."""
    log_p = log_softmax(logits)
    log_pi = log_p
    for _ in range(3):
        log_pi, _ = MIRROR(one(objective), log_pi, log_p, reward, step_size)
    alpha, b = dynamics.mirror_line(objective, step_size, 3)
    np.testing.assert_allclose(log_pi, log_softmax(alpha * log_p + b * reward), rtol=1e-9, atol=1e-9)


def test_rloo_is_the_return_less_the_mean_of_the_others():
    """T15, by the definition, one group member at a time."""
    returns_G = np.array([0.3, -1.0, 4.0, 0.5, 0.1])
    expected = [r - np.delete(returns_G, i).mean() for i, r in enumerate(returns_G)]
    np.testing.assert_allclose(advantages.rloo(jnp.asarray(returns_G)), expected)


def test_dr_grpo_is_rloo_shrunk_and_grpo_has_unit_deviation():
    """2503.20783, 2402.03300: same direction, different length."""
    returns_G = jnp.asarray([0.3, -1.0, 4.0, 0.5, 0.1])
    np.testing.assert_allclose(advantages.dr_grpo(returns_G), 4 / 5 * advantages.rloo(returns_G))
    assert np.std(advantages.grpo(returns_G, epsilon=0.0), ddof=1) == pytest.approx(1)
    np.testing.assert_allclose(advantages.grpo(jnp.ones(4)), 0)


def test_the_rloo_gradient_is_unbiased():
    """T15: E[Σ A_i ∇log π(y_i)/G] = ∇J, the mean over 4000 groups within four standard errors."""
    log_p, reward = drawn(jax.random.key(3), 5, 0.4)
    objective = objectives.Objective(1.0, 0.7, 0.4)
    theta = jnp.asarray([0.4, -1.2, 0.3, 0.0, 1.1])
    log_pi = jax.nn.log_softmax(theta)
    gain = returns(one(objective), log_pi, log_p, reward)

    def estimate(key):
        sampled = rloo.sample(log_pi, key, 6)
        scores = jax.nn.one_hot(sampled, 5) - jnp.exp(log_pi)
        return advantages.rloo(gain[sampled]) @ scores / 6

    estimates = np.asarray(jax.vmap(estimate)(jax.random.split(jax.random.key(8), 4000)))
    error = estimates.std(axis=0, ddof=1) / 4000**0.5
    truth = GRADIENT(one(objective), theta, log_p, reward)
    assert (np.abs(estimates.mean(axis=0) - truth) < 4 * error).all()


def test_an_untruncated_rloo_step_is_the_natural_gradient_on_average():
    """T8 from samples: the mean move of the logits is c η (R - E R), up to a common shift."""
    log_p, reward = drawn(jax.random.key(3), 5, 0.4, spread=0.5)
    objective = objectives.Objective(1.0, 0.7, 0.4)
    log_pi = jax.nn.log_softmax(jnp.asarray([0.4, -0.6, 0.3, 0.0, 0.5]))
    truncation, step_size, group = 1e-3, 2.0, 8

    def move(key):
        state = rloo.start(log_pi, key)
        after, _ = rloo.step(one(objective), state, log_p, reward, step_size, group, truncation)
        return (after.theta - log_pi) / (truncation * step_size)

    moves = np.asarray(jax.vmap(move)(jax.random.split(jax.random.key(1), 20_000)))
    truth = VELOCITY(one(objective), log_pi, log_p, reward)
    error = moves.std(axis=0, ddof=1) / len(moves) ** 0.5
    # Leaving one out makes A_i unbiased given y_i, so no shift remains.
    assert (np.abs(moves.mean(axis=0) - truth) < 4 * error).all()


def test_samples_come_in_proportion_to_their_probabilities():
    log_pi = jnp.log(jnp.asarray([0.5, 0.25, 0.2, 0.05]))
    counts = np.bincount(rloo.sample(log_pi, jax.random.key(0), 40_000), minlength=4) / 40_000
    error = np.sqrt(np.exp(log_pi) * (1 - np.exp(log_pi)) / 40_000)
    assert (np.abs(counts - np.exp(log_pi)) < 4 * error).all()


@settings(deadline=None, max_examples=15)
@given(alpha=st.floats(0.1, 6), b=st.floats(-4, 4))
def test_coordinates_are_read_back_from_a_member_of_the_family(alpha, b):
    """T2: the moments fix the point, and so do the logarithms."""
    problem = categorical.draw(jax.random.key(5), 9, 0.3)
    log_q = tilt.log_tilt(problem.log_p, problem.reward, alpha, b)
    for read in (coordinates.coordinates, coordinates.projection):
        np.testing.assert_allclose(read(log_q, problem.log_p, problem.reward), (alpha, b), rtol=1e-3, atol=1e-3)


def test_a_check_holds_within_its_tolerance_and_never_with_nan():
    assert verdict.Check("a", "T1", 1.0, 1.1, 0.1 + 1e-9).holds
    assert not verdict.Check("a", "T1", 1.0, 0.8, 0.1).holds
    assert not verdict.Check("a", "T1", 1.0, float("nan"), 0.1).holds
    assert verdict.failures([verdict.Check("a", "T1", 1.0, 2.0, 0.1)]) == [
        "a [T1]: predicted 1, simulated 2, tolerance 0.1"
    ]


def test_a_monte_carlo_check_uses_the_larger_standard_error():
    replicas = np.array([1.0, 2.0, 3.0])
    observed = 1 / 3**0.5
    assert verdict.monte_carlo("a", "T1", 0.0, replicas).tolerance == pytest.approx(4 * observed)
    assert verdict.monte_carlo("a", "T1", 0.0, replicas, predicted_error=2.0).tolerance == pytest.approx(8)
    agreeing = verdict.monte_carlo("a", "T1", 1 - 1e-15, np.ones(3))
    assert agreeing.holds and agreeing.tolerance < 1e-8
