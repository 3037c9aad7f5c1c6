"""T15: sampled gradients and steps are the exact ones on average."""

import jax
import jax.numpy as jnp
import numpy as np

from theory.objectives import Objective
from toysims.learners import advantages, natural_gradient, policy_gradient, rloo
from toysims.learners.objective import one, returns
from toysims.policies import categorical


def drawn(*arguments, **options):
    """A problem as JAX arrays."""
    problem = categorical.draw(*arguments, **options)
    return jnp.asarray(problem.log_p), jnp.asarray(problem.reward)


def test_the_rloo_gradient_is_unbiased():
    """T15: E[Σ A_i ∇log π(y_i)/G] = ∇J, the mean over 4000 groups within four standard errors."""
    log_p, reward = drawn(jax.random.key(3), 5, 0.4)
    objective = Objective(1.0, 0.7, 0.4)
    theta = jnp.asarray([0.4, -1.2, 0.3, 0.0, 1.1])
    log_pi = jax.nn.log_softmax(theta)
    gain = returns(one(objective), log_pi, log_p, reward)

    def estimate(key):
        sampled = rloo.sample(log_pi, key, 6)
        scores = jax.nn.one_hot(sampled, 5) - jnp.exp(log_pi)
        return advantages.rloo(gain[sampled]) @ scores / 6

    estimates = np.asarray(jax.vmap(estimate)(jax.random.split(jax.random.key(8), 4000)))
    error = estimates.std(axis=0, ddof=1) / 4000**0.5
    truth = policy_gradient.gradient(one(objective), theta, log_p, reward)
    assert (np.abs(estimates.mean(axis=0) - truth) < 4 * error).all()


def test_an_untruncated_rloo_step_is_the_natural_gradient_on_average():
    """T8 from samples: the mean move of the logits is c η (R - E R), up to a common shift."""
    log_p, reward = drawn(jax.random.key(3), 5, 0.4, spread=0.5)
    objective = Objective(1.0, 0.7, 0.4)
    log_pi = jax.nn.log_softmax(jnp.asarray([0.4, -0.6, 0.3, 0.0, 0.5]))
    truncation, step_size, group = 1e-3, 2.0, 8

    def move(key):
        state = rloo.start(log_pi, key)
        after, _ = rloo.step(one(objective), state, log_p, reward, step_size, group, truncation)
        return (after.theta - log_pi) / (truncation * step_size)

    moves = np.asarray(jax.vmap(move)(jax.random.split(jax.random.key(1), 20_000)))
    truth = natural_gradient.velocity(one(objective), log_pi, log_p, reward)
    error = moves.std(axis=0, ddof=1) / len(moves) ** 0.5
    # Leaving one out makes A_i unbiased given y_i, so no shift remains.
    assert (np.abs(moves.mean(axis=0) - truth) < 4 * error).all()


def test_samples_come_in_proportion_to_their_probabilities():
    log_pi = jnp.log(jnp.asarray([0.5, 0.25, 0.2, 0.05]))
    counts = np.bincount(rloo.sample(log_pi, jax.random.key(0), 40_000), minlength=4) / 40_000
    error = np.sqrt(np.exp(log_pi) * (1 - np.exp(log_pi)) / 40_000)
    assert (np.abs(counts - np.exp(log_pi)) < 4 * error).all()
