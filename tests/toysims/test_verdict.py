"""How a prediction is judged."""

import numpy as np
import pytest

from toysims.verdict import Check, at_most, failures, monte_carlo, worst_of


def test_a_check_holds_within_its_tolerance_and_never_with_nan():
    assert Check("a", "T1", 1.0, 1.1, 0.1 + 1e-9).holds
    assert not Check("a", "T1", 1.0, 0.8, 0.1).holds
    assert not Check("a", "T1", 1.0, float("nan"), 0.1).holds
    assert failures([Check("a", "T1", 1.0, 2.0, 0.1)]) == ["a [T1]: predicted 1, simulated 2, tolerance 0.1"]
    assert at_most("a", "T1", 0.1, 0.1).holds and not at_most("a", "T1", 0.11, 0.1).holds


def test_of_many_measurements_the_farthest_is_judged_on_either_side():
    assert worst_of("a", "T1", 1.0, np.array([[1.0, 1.2], [0.7, 1.1]]), 0.1).simulated == 0.7
    assert worst_of("a", "T1", 1.0, np.array([1.0, 1.4, 0.7]), 0.1).simulated == 1.4


def test_a_monte_carlo_check_uses_the_larger_standard_error():
    replicas = np.array([1.0, 2.0, 3.0])
    observed = 1 / 3**0.5
    assert monte_carlo("a", "T1", 0.0, replicas).tolerance == pytest.approx(4 * observed)
    assert monte_carlo("a", "T1", 0.0, replicas, predicted_error=2.0).tolerance == pytest.approx(8)
    agreeing = monte_carlo("a", "T1", 1 - 1e-15, np.ones(3))
    assert agreeing.holds and agreeing.tolerance == pytest.approx(1e-9)
