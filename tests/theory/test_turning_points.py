"""T29: how often accuracy turns along alpha, and the slope that says when to stop."""

import itertools
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hard_policies import graded
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from theory.turning_points import accuracy_slope, most_turning_points


def turns(log_p, correct, alphas):
    """Sign changes of the numerator of dA/dα on a grid, to 50 digits."""
    on = ~np.isneginf(log_p)
    of_right, of_wrong = ([mpmath.mpf(x) for x in log_p[on & kind]] for kind in (correct, ~correct))
    pairs = [(i - j, i + j) for i in of_right for j in of_wrong]
    slopes = [mpmath.fsum(c * mpmath.e ** (a * s) for c, s in pairs) for a in alphas]
    signs = [mpmath.sign(x) for x in slopes if x != 0]
    return sum(x != y for x, y in zip(signs[1:], signs[:-1], strict=True))


@settings(max_examples=40, deadline=None)
@given(graded(most=5, deepest=-8.0))
def test_accuracy_never_turns_more_often_than_the_signs_change(graded_policy):
    """T29: Descartes' rule for sums of exponentials, over negative and positive alpha."""
    log_p, correct = graded_policy
    assert turns(log_p, correct, np.linspace(-30, 60, 300)) <= most_turning_points(log_p, correct)


@settings(max_examples=40)
@given(st.lists(st.floats(-6, -1), min_size=1, max_size=4), st.lists(st.floats(0.1, 6), min_size=1, max_size=4))
def test_one_wrong_mode_over_right_ones_over_wrong_ones_is_one_maximum(right, below):
    """T29: exactly one turn, from rising to falling."""
    logits = np.array([0.0, *right, *(min(right) - np.array(below))])
    log_p = log_softmax(logits)
    correct = np.array([False] + [True] * len(right) + [False] * len(below))
    assert most_turning_points(log_p, correct) == 1
    assert accuracy_slope(log_p, correct, 60.0) <= 0


def test_accuracy_can_turn_more_than_once():
    """T29: one turn is not all there is: right and wrong levels in turn, 1, 20, 20 and 1 responses, turn twice."""
    log_p = log_softmax(np.repeat([0.0, -2.0, -4.0, -6.0], [1, 20, 20, 1]))
    correct = np.repeat([False, True, False, True], [1, 20, 20, 1])
    assert turns(log_p, correct, np.linspace(-6, 6, 60)) == most_turning_points(log_p, correct) == 2
    assert most_turning_points(np.log([0.4, 0.6]), np.array([True, True])) == 0
    assert most_turning_points(np.log([0.4, 0.6]), np.array([True, False])) == 0


@settings(max_examples=60)
@given(graded(most=12, deepest=-12.0), st.floats(0.1, 6))
def test_the_slope_is_the_derivative_of_accuracy(graded_policy, alpha):
    """T29: A(1-A)(E[ℓ|C] - E[ℓ|W]) against a 50-digit difference."""
    log_p, correct = graded_policy

    def accuracy(a):
        weight = [mpmath.e ** (a * mpmath.mpf(x)) if not np.isneginf(x) else mpmath.mpf(0) for x in log_p]
        return mpmath.fsum(w for w, right in zip(weight, correct, strict=True) if right) / mpmath.fsum(weight)

    h = mpmath.mpf("1e-12")
    derivative = (accuracy(mpmath.mpf(alpha) + h) - accuracy(mpmath.mpf(alpha) - h)) / (2 * h)
    np.testing.assert_allclose(accuracy_slope(log_p, correct, alpha), float(derivative), atol=1e-9)


def test_at_the_best_alpha_current_right_and_wrong_samples_are_equally_likely_on_average():
    """T29: the stopping rule over prompts, at the maximum found by brute force."""
    log_p = log_softmax(np.array([[0.0, -0.4, -1.5, -2.0], [-1.0, -0.2, -0.5, -3.0], [0.3, 0.1, -2.0, -1.0]]), axis=1)
    correct = np.array([[False, True, False, False], [True, True, False, False], [False, True, True, False]])
    alphas = np.linspace(0.2, 8, 4001)
    accuracy = [np.mean(np.sum(np.exp(log_softmax(a * log_p, axis=1)) * correct, axis=1)) for a in alphas]
    best = int(np.argmax(accuracy))
    assert 0 < best < len(alphas) - 1
    slopes = [accuracy_slope(log_p, correct, float(alphas[best + step])).mean() for step in (-2, 2)]
    assert slopes[0] > 0 > slopes[1]


def test_responses_without_probability_turn_nothing():
    log_p, correct = np.log([0.5, 0.3, 0.2]), np.array([False, True, False])
    with_nothing = np.append(log_p, [-np.inf, -np.inf])
    assert most_turning_points(with_nothing, np.append(correct, [True, False])) == 1
    assert most_turning_points(log_p, np.ones(3, bool)) == most_turning_points(log_p, np.zeros(3, bool)) == 0


@pytest.mark.parametrize("deep", [-3.3, -690.1])
def test_sums_that_rounding_sets_apart_are_one(deep):
    """T29: with right at 1, 3 and wrong at 2, 4 steps above `deep` two sums are equal, and their terms -3 and 1 merge.

    Apart they would be two more changes of sign. The likeliest response is right, which is the one turn there is.
    """
    below = deep + 0.17 * np.array([1, 3, 2, 4])
    log_p = np.append(np.log1p(-np.exp(below).sum()), below)
    assert deep > -10 or (below[0] + below[3] != below[1] + below[2])
    assert most_turning_points(log_p, np.array([True, True, True, False, False])) == 1


def test_equal_sums_of_deep_logarithms_are_one_term():
    """T29: -204.6 - 560.2 and -740.4 - 24.4 are one exponent, in decimals; in floats they are 1e-13 apart."""
    right, wrong = [0.0, -204.6, -740.4], [-560.2, -24.4]
    terms: dict[Fraction, Fraction] = {}
    for i, j in itertools.product(right, wrong):
        one, other = Fraction(str(i)), Fraction(str(j))
        terms[one + other] = terms.get(one + other, Fraction(0)) + one - other
    signs = [terms[exponent] > 0 for exponent in sorted(terms)]
    expected = sum(a != b for a, b in itertools.pairwise(signs))
    correct = np.array([True] * 3 + [False] * 2)
    assert most_turning_points(np.array(right + wrong), correct) == expected == 3


def test_where_all_or_nothing_is_right_no_power_changes_that():
    """T29, and in a batch beside a prompt in between."""
    log_p = np.log([[0.5, 0.3, 0.2]] * 3)
    found = accuracy_slope(log_p, np.array([[True] * 3, [False] * 3, [True, False, False]]), 2.0)
    assert found[0] == found[1] == 0 < found[2]
