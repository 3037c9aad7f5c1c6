import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.sequences import log_conditionals
from toysims.policies import trees


@pytest.fixture(scope="module")
def tree():
    return trees.grow(jax.random.key(3), vocabulary=2, depth=3, stop_bias=0.7, spread=1.5)


def test_the_tree_is_the_autoregressive_policy_of_its_logits(tree):
    """Against theory.sequences, which finds the conditionals from the responses' masses alone."""
    np.testing.assert_allclose(np.exp(tree.log_p).sum(), 1)
    np.testing.assert_allclose(
        trees.log_tokens(tree, jnp.asarray(tree.logits)), log_conditionals(tree.tokens, tree.log_p), atol=1e-12
    )
    assert sorted(tree.length) == sorted(n + 1 for n in range(4) for _ in itertools.product("ab", repeat=n))


def test_the_natural_step_is_the_policy_gradient_over_the_fisher_matrix(tree):
    """T9's gradient by automatic differentiation, context by context, at a policy that is not p."""
    logits = jax.nn.log_softmax(1.3 * jnp.asarray(tree.logits))
    gain = jax.random.normal(jax.random.key(1), tree.log_p.shape)
    slope = jax.grad(lambda theta: jnp.exp(trees.log_policy(tree, theta)) @ gain)(logits)
    per_token = jnp.broadcast_to(gain[:, None], tree.tokens.shape)
    new, advantage = trees.natural_step(tree, logits, per_token, 0.5)
    visits = np.zeros(len(logits))
    for context, tokens, mass in zip(tree.context, tree.tokens, np.exp(trees.log_policy(tree, logits)), strict=True):
        visits[context[tokens != trees.PAD]] += mass
    np.testing.assert_allclose(visits[:, None] * np.exp(logits) * advantage, slope, atol=1e-12)
    allowed = np.isfinite(logits)
    moved = np.asarray(new - logits - 0.5 * advantage)[allowed]
    shift = np.repeat(jax.nn.logsumexp(logits + 0.5 * advantage, axis=1), allowed.sum(axis=1))
    np.testing.assert_allclose(moved, -shift, atol=1e-12)


def test_a_tree_without_content_is_refused():
    with pytest.raises(ValueError, match="vocabulary and depth must be at least 1, got 0 and 3"):
        trees.grow(jax.random.key(0), vocabulary=0, depth=3)
