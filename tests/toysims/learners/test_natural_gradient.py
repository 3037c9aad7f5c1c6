"""T8, T9: the flow and the mirror steps of J."""

import jax
import numpy as np
from any_objective import log_softmax, objectives, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import dynamics
from toysims.learners import natural_gradient, policy_gradient
from toysims.learners.objective import one

GRADIENT, VELOCITY, MIRROR = map(
    jax.jit, (policy_gradient.gradient, natural_gradient.velocity, natural_gradient.mirror_step)
)


@settings(deadline=None, max_examples=30)
@given(logits=vectors, other=vectors, reward=vectors, objective=objectives)
def test_the_flow_is_the_gradient_of_j_under_the_inverse_fisher_metric(logits, other, reward, objective):
    """T8, T9: F · velocity = ∇_θ J with F = diag π - ππᵀ, the gradient by automatic differentiation."""
    log_p, log_pi = log_softmax(logits), log_softmax(other)
    pi = np.exp(log_pi)
    velocity = VELOCITY(one(objective), log_pi, log_p, reward)
    by_autodiff = GRADIENT(one(objective), other, log_p, reward)
    np.testing.assert_allclose((np.diag(pi) - np.outer(pi, pi)) @ velocity, by_autodiff, rtol=1e-7, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(logits=vectors, reward=vectors, objective=objectives, step_size=st.floats(0.01, 0.6))
def test_mirror_ascent_walks_the_predicted_line_at_every_step_size(logits, reward, objective, step_size):
    """T8, discrete: after three steps from p, log π is on mirror_line."""
    log_p = log_softmax(logits)
    log_pi = log_p
    for _ in range(3):
        log_pi, _ = MIRROR(one(objective), log_pi, log_p, reward, step_size)
    alpha, b = dynamics.mirror_line(objective, step_size, 3)
    np.testing.assert_allclose(log_pi, log_softmax(alpha * log_p + b * reward), rtol=1e-9, atol=1e-9)
