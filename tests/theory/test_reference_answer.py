"""T35: reasoning paid by log p of a reference answer, against sums over reasonings and answers."""

import numpy as np
import pytest
from hard_policies import policies
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from theory.budget import tilting_at_budget
from theory.distribution import expectation, kl
from theory.objectives import Objective, value
from theory.reference_answer import reference_answer_accuracy, reference_answer_optimum
from theory.tilt import kl_to_base, log_tilt, task_limit

answers = st.lists(st.floats(0.01, 0.99), min_size=5, max_size=5).map(lambda s: np.log(np.array(s)))
reasonings = policies(least=5, most=5, zeros=False, deepest=-9.0)


def written_out(log_p, log_p_answer):
    """log p over all (reasoning, answer): the reference answer, and three others that share the rest."""
    rest = np.log1p(-np.exp(log_p_answer))[:, None] + np.log([0.6, 0.3, 0.1])
    return log_p[:, None] + np.column_stack([log_p_answer, rest])


@settings(max_examples=60)
@given(reasonings, answers, st.floats(0.3, 4))
def test_it_is_the_reasoning_of_responses_that_end_right(log_p, log_p_answer, alpha):
    """T35: λ = α is the law of z at (α, b → ∞) of the plane over whole responses, λ = α = 1 Bayes' rule."""
    joint = written_out(log_p, log_p_answer).ravel()
    right = np.tile([1.0, 0.0, 0.0, 0.0], 5)
    conditioned = task_limit(joint, right).reshape(5, 4)[:, 0]
    np.testing.assert_allclose(reference_answer_optimum(log_p, log_p_answer), conditioned, atol=1e-9)
    sharpened = log_tilt(joint, right, alpha, 800.0).reshape(5, 4)[:, 0]
    np.testing.assert_allclose(reference_answer_optimum(log_p, log_p_answer, alpha, alpha), sharpened, atol=1e-9)


@settings(max_examples=60)
@given(reasonings, answers, st.lists(st.floats(-2, 2), min_size=5, max_size=5))
def test_the_best_value_is_the_log_probability_of_the_reference_answer(log_p, log_p_answer, logits):
    """T35: E_q log p(a*|z) - KL(q‖p) is at most log p(a*), the evidence bound, and the optimum reaches it."""
    evidence = logsumexp(log_p + log_p_answer)

    def bound(log_q):
        return expectation(log_q, log_p_answer) - kl(log_q, log_p)

    best = reference_answer_optimum(log_p, log_p_answer)
    np.testing.assert_allclose(bound(best), evidence, atol=1e-9)
    assert bound(log_softmax(np.array(logits))) <= evidence + 1e-12
    np.testing.assert_allclose(value(Objective(1.0, 1.0, 1.0), best, log_p, log_p_answer), evidence, atol=1e-9)


@settings(max_examples=60)
@given(reasonings, answers, st.floats(0, 6), st.floats(0.01, 3))
def test_accuracy_is_a_ratio_of_moments_and_rises_with_the_weight(log_p, log_p_answer, weight, more):
    """T35: E s^{λ+1}/E s^λ by the sum; at λ = 1 A₀ + Var(s)/A₀."""
    p, s = np.exp(log_p), np.exp(log_p_answer)
    found = reference_answer_accuracy(log_p, log_p_answer, weight)
    np.testing.assert_allclose(found, (p @ s ** (weight + 1)) / (p @ s**weight), rtol=1e-9)
    assert reference_answer_accuracy(log_p, log_p_answer, weight + more) >= found - 1e-12
    mean = p @ s
    one = reference_answer_accuracy(log_p, log_p_answer, 1.0)
    np.testing.assert_allclose(one, mean + (p @ (s - mean) ** 2) / mean, rtol=1e-9)


@settings(max_examples=30)
@given(reasonings, answers)
def test_at_the_same_distance_the_task_reward_is_more_accurate(log_p, log_p_answer):
    """T35, T5: paying s instead of log s buys no less accuracy at the KL of the reference-answer reward."""
    s = np.exp(log_p_answer)
    if np.ptp(s) < 1e-3:
        return
    spent = kl(reference_answer_optimum(log_p, log_p_answer), log_p)
    b = tilting_at_budget(log_p, s, float(spent))
    if np.isfinite(b):
        np.testing.assert_allclose(kl_to_base(log_p, s, 1, b), spent, rtol=1e-6)
        bought = expectation(log_tilt(log_p, s, 1, b), s)
        assert bought >= reference_answer_accuracy(log_p, log_p_answer, 1.0) - 1e-9


def test_a_reasoning_that_never_ends_right_gets_no_mass_and_bad_input_is_refused(as_users_call_it):
    log_p, log_p_answer = np.log([0.5, 0.5]), np.array([-np.inf, np.log(0.2)])
    np.testing.assert_allclose(np.exp(reference_answer_optimum(log_p, log_p_answer)), [0, 1])
    np.testing.assert_allclose(reference_answer_accuracy(log_p, log_p_answer, 1.0), 0.2)
    np.testing.assert_allclose(reference_answer_accuracy(log_p, log_p_answer, 0.0), 0.1)
    with pytest.raises(ValueError, match="weight must be >= 0, got -1"):
        reference_answer_optimum(log_p, log_p_answer, 1.0, -1.0)
