"""T1: the J that learners ascend is theory's."""

import jax
import pytest
from any_objective import log_softmax, objectives, vectors
from hypothesis import given, settings

from theory.objectives import Objective
from theory.objectives import value as value_by_theory
from toysims.learners.objective import one, value, weights

VALUE = jax.jit(value)


def test_one_objective_is_a_row_of_many():
    """(w, c, τ) in their places."""
    many, single = weights([Objective(9.0, 8.0, 7.0), Objective(1.0, 2.0, 3.0)]), one(Objective(1.0, 2.0, 3.0))
    assert [float(x) for x in single] == [1.0, 2.0, 3.0] == [float(row[1]) for row in many]


@settings(deadline=None, max_examples=30)
@given(logits=vectors, other=vectors, reward=vectors, objective=objectives)
def test_the_j_that_is_ascended_is_the_j_of_theory(logits, other, reward, objective):
    """T1: the JAX and the NumPy J are one function."""
    log_p, log_pi = log_softmax(logits), log_softmax(other)
    ours = VALUE(one(objective), other, log_p, reward)
    assert float(ours) == pytest.approx(value_by_theory(objective, log_pi, log_p, reward), rel=1e-9, abs=1e-9)
