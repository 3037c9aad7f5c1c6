"""What each trainer makes of a group's returns."""

import jax.numpy as jnp
import numpy as np
import pytest

from toysims.learners import advantages


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
