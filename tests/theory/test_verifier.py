"""T27: reinforcement learning on a verifier that errs ends at its precision on base samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.tilt import log_tilt, task_limit
from theory.verifier import noisy_verdict_weight, verified_accuracy, verifier_precision

inside = st.floats(0.01, 0.99)


def four_kinds(accuracy, true_accept, false_accept):
    """p over right/wrong times accepted/refused."""
    wrong = 1 - accuracy
    return np.log(
        [accuracy * true_accept, accuracy * (1 - true_accept), wrong * false_accept, wrong * (1 - false_accept)]
    )


RIGHT, ACCEPTED = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])


@given(inside, inside, inside, st.floats(0, 40))
def test_accuracy_under_a_faulty_verifier_is_that_of_the_tilt_by_its_verdict(accuracy, true_accept, false_accept, b):
    """T27: against the sum over right/wrong times accepted/refused, and its limit."""
    log_p = four_kinds(accuracy, true_accept, false_accept)
    found = verified_accuracy(accuracy, true_accept, false_accept, b)
    np.testing.assert_allclose(found, np.exp(log_tilt(log_p, ACCEPTED, 1, b)) @ RIGHT, atol=1e-9)
    precision = verifier_precision(accuracy, true_accept, false_accept)
    np.testing.assert_allclose(precision, np.exp(task_limit(log_p, ACCEPTED)) @ RIGHT, atol=1e-9)
    np.testing.assert_allclose(verified_accuracy(accuracy, true_accept, false_accept, 800.0), precision, atol=1e-9)


@given(inside, inside, inside, st.floats(0, 20), st.floats(0.1, 5))
def test_it_gains_exactly_when_right_responses_are_accepted_more_often(accuracy, true_accept, false_accept, b, more):
    """T27: monotone in b, upwards iff P(C|V) > P(C|V^c)."""
    change = verified_accuracy(accuracy, true_accept, false_accept, b + more)
    change -= verified_accuracy(accuracy, true_accept, false_accept, b)
    assert change * (true_accept - false_accept) >= -1e-12
    if abs(true_accept - false_accept) > 0.01 and b < 1:
        assert change * (true_accept - false_accept) > 0


@given(inside, st.floats(0, 1), st.floats(0, 1), st.floats(0, 20))
def test_verdicts_that_err_anew_each_time_only_rescale_the_weight(accuracy, false_reject, false_accept, b):
    """T27: a policy is paid the mean verdict, 1 - f or f'; the tilt by it is that of a smaller b."""
    log_p = np.log([accuracy, 1 - accuracy])
    paid = log_tilt(log_p, np.array([1 - false_reject, false_accept]), 1, b)
    exact = log_tilt(log_p, np.array([1.0, 0.0]), 1, noisy_verdict_weight(b, false_reject, false_accept))
    np.testing.assert_allclose(paid, exact, atol=1e-9)


def test_a_graded_reward_may_raise_accuracy_and_then_destroy_it():
    """T27: rewards (0, 1, 1.5), the last for a wrong response: .450, .689 at b = 2, .000 in the end."""
    log_p = np.log([0.5, 0.45, 0.05])
    accuracy = [np.exp(log_tilt(log_p, np.array([0, 1, 1.5]), 1, b))[1] for b in (0, 2, 60)]
    np.testing.assert_allclose(accuracy, [0.45, 0.689, 0.0], atol=5e-4)


def test_nothing_accepted_and_a_share_above_one(as_users_call_it):
    assert np.isnan(verifier_precision(0.3, 0.0, 0.0)) and verified_accuracy(0.3, 0.0, 0.0, 2.0) == 0.3
    with pytest.raises(ValueError, match=r"true_accept must be between 0 and 1, got 1.2"):
        verifier_precision(0.3, 1.2, 0.0)
    with pytest.raises(ValueError, match="b must be >= 0, got -1"):
        verified_accuracy(0.3, 0.5, 0.1, -1.0)


def test_one_share_out_of_range_among_many_is_refused():
    for wrong in (-0.1, 1.1):
        for name, at in (("accuracy", 0), ("true_accept", 1), ("false_accept", 2)):
            with pytest.raises(ValueError, match=f"{name} must be between 0 and 1, got {wrong}"):
                verified_accuracy(*(wrong if i == at else 0.5 for i in range(3)), 1.0)
        for name, at in (("false_reject", 0), ("false_accept", 1)):
            with pytest.raises(ValueError, match=f"{name} must be between 0 and 1, got {wrong}"):
                noisy_verdict_weight(1.0, *(wrong if i == at else 0.5 for i in range(2)))
    with pytest.raises(ValueError, match="accuracy must be between 0 and 1"):
        verified_accuracy(np.array([0.5, 1.5]), 0.9, 0.1, 1.0)
    with pytest.raises(ValueError, match="accuracy must be between 0 and 1"):
        verified_accuracy(np.array([-0.5, 0.5]), 0.9, 0.1, 1.0)
