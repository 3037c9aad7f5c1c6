import jax
import numpy as np
import pytest

from theory.problem import Problem
from toysims.policies import categorical


def test_a_drawn_policy_has_the_asked_share_correct_and_at_least_one_of_each():
    assert categorical.draw(jax.random.key(0), 50, 0.2).reward.sum() == 10
    assert categorical.draw(jax.random.key(0), 2, 0.01).reward.sum() == 1
    assert categorical.draw(jax.random.key(0), 2, 0.99).reward.sum() == 1
    for fraction in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            categorical.draw(jax.random.key(0), 50, fraction)


def test_a_learner_is_given_the_support_alone_and_something_to_choose():
    """T24: what has no probability cannot be learned, so it is left out."""
    log_p = np.log([0.75, 0.25])
    padded = Problem(np.append(log_p, -np.inf), np.array([0.0, 1.0, 1.0]))
    np.testing.assert_array_equal(categorical.trainable(padded, "x").log_p, log_p)
    with pytest.raises(ValueError, match="--policy f: every response has reward 1"):
        categorical.trainable(Problem(log_p, np.ones(2)), "--policy f")
    with pytest.raises(ValueError, match="--policy f lists 1 distinct response"):
        categorical.trainable(Problem(np.array([0.0, -np.inf]), np.array([0.0, 1.0])), "--policy f")
