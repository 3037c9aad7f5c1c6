"""T12, T13: each trainer's exact velocity is the mean of its sampled weights, and the gradient that it should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.tilt import kl
from toysims.learners import trainer_steps as trainer

LOG_P = np.log([0.4, 0.3, 0.17, 0.08, 0.05])


@pytest.mark.parametrize("name", ["rloo", "grpo", "k3"])
def test_the_mean_weight_of_large_groups_is_the_velocity(name):
    """T12, T13: samples and exact expectations are one trainer; four standard errors."""
    log_pi = jax.nn.log_softmax(jnp.asarray([0.1, -0.5, 0.3, -1.5, 0.0]))
    pi, log_p = jnp.exp(log_pi), jnp.asarray(LOG_P)
    velocity, weight = getattr(trainer, f"{name}_velocity"), getattr(trainer, f"{name}_weight")
    exact = velocity(log_pi, log_p, 0.7)
    slope = pi * (exact - pi @ exact)
    group, replicas = 4000, 400

    def sampled(key):
        y = jax.random.choice(key, 5, (group,), p=pi)
        w = weight(log_pi, log_p, y, 0.7)
        return jnp.zeros(5).at[y].add(w / group) - jnp.mean(w) * pi

    slopes = np.asarray(jax.jit(jax.vmap(sampled))(jax.random.split(jax.random.key(0), replicas)))
    error = slopes.std(axis=0, ddof=1) / replicas**0.5
    # GRPO divides by the sd of its group, a bias of order 1/G beside the noise.
    bias = 2 * np.abs(slope).max() / group if name == "grpo" else 0.0
    np.testing.assert_array_less(np.abs(slopes.mean(axis=0) - slope), 4 * error + bias)


def test_the_k3_velocity_is_the_gradient_of_the_forward_kl():
    """T13: at samples that are held fixed, k3 pulls like KL(p‖π), by automatic differentiation of that."""
    theta = jnp.asarray([0.1, -0.5, 0.3, -1.5, 0.0])
    forward = lambda theta: jnp.sum(jnp.exp(LOG_P) * (LOG_P - jax.nn.log_softmax(theta)))  # noqa: E731
    assert float(forward(theta)) == pytest.approx(float(kl(LOG_P, np.asarray(jax.nn.log_softmax(theta)))))
    log_pi = jax.nn.log_softmax(theta)
    pull = trainer.k3_velocity(log_pi, jnp.asarray(LOG_P), 2.0) - trainer.k3_velocity(log_pi, jnp.asarray(LOG_P), 1.0)
    np.testing.assert_allclose(jnp.exp(log_pi) * pull, -jax.grad(forward)(theta), atol=1e-12)


def test_the_exponent_of_a_power_is_that_power():
    assert float(trainer.exponent(jax.nn.log_softmax(2.3 * LOG_P), jnp.asarray(LOG_P))) == pytest.approx(2.3)
