"""T22: pass@k and maj@k against enumeration of subsets."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from theory import passk
from theory.tilt import log_odds_terms


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_one_minus_the_ratio_of_binomials(drawn):
    """T22 with exact integers."""
    n, c, k = drawn
    expected = 1 - math.comb(n - c, k) / math.comb(n, k)
    np.testing.assert_allclose(passk.pass_at_k(n, c, k), expected, atol=1e-13)


def test_pass_at_k_is_unbiased_and_takes_arrays():
    """T22: over n = 6 samples of accuracy 0.3 its mean is 1 - 0.7³; prompts with other n and c beside it."""
    c = np.arange(7)
    weights = np.array([math.comb(6, i) * 0.3**i * 0.7 ** (6 - i) for i in c])
    np.testing.assert_allclose(weights @ passk.pass_at_k(6, c, 3), 1 - 0.7**3)
    np.testing.assert_allclose(passk.pass_at_k(np.array([4, 10**6]), np.array([1, 0]), 2), [0.5, 0.0])
    assert passk.pass_at_k(5, 4, 2) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 40))
def test_population_pass_at_k_is_one_minus_the_mean_of_all_failing(accuracy, k):
    """T22: 1 - E_x (1 - A_x)^k."""
    accuracy = np.array(accuracy)
    np.testing.assert_allclose(passk.population_pass_at_k(accuracy, k), 1 - np.mean((1 - accuracy) ** k), atol=1e-13)


def test_sharpening_can_raise_pass_at_one_and_lower_pass_at_k_and_the_curves_cross_once():
    """T22: p^4 on a prompt whose likeliest response is right and on one where it is wrong, powers taken by hand."""
    policies, correct = np.array([[0.4, 0.3, 0.3], [0.3, 0.5, 0.2]]), np.array([True, False, False])
    base, sharpened = (log_odds_terms(np.log(policies), correct, alpha, 0.0).total for alpha in (1.0, 4.0))
    base, sharpened = expit(base), expit(sharpened)
    np.testing.assert_allclose(sharpened, [256 / (256 + 81 + 81), 81 / (81 + 625 + 16)])
    ks = np.arange(1.0, 60.0, 1e-3)
    lead = [(np.sum((1 - base) ** k) - np.sum((1 - sharpened) ** k)) / 2 for k in ks]
    assert lead[0] > 0 > lead[-1] and np.sum(np.diff(np.sign(lead)) != 0) == 1
    assert passk.population_pass_at_k(sharpened, 1) > passk.population_pass_at_k(base, 1)
    assert passk.population_pass_at_k(sharpened, 8) < passk.population_pass_at_k(base, 8)
    np.testing.assert_allclose(passk.crossover(sharpened, base), ks[np.argmax(np.array(lead) < 0)], atol=2e-3)


def test_where_two_curves_meet_by_hand():
    """T22: certain on two prompts of three and lost on one, against 0.5 everywhere: 2/3 = 1 - 2^{-k} at k = log₂ 3."""
    sharpened, base = np.array([1.0, 1.0, 0.0]), np.full(3, 0.5)
    assert passk.population_pass_at_k(sharpened, 1) > passk.population_pass_at_k(base, 1)
    assert passk.population_pass_at_k(sharpened, 8) < passk.population_pass_at_k(base, 8)
    np.testing.assert_allclose(passk.crossover(sharpened, base), np.log2(3), rtol=1e-9)
    np.testing.assert_allclose(passk.crossover(base, sharpened), np.log2(3), rtol=1e-9)


def test_of_two_crossings_the_first_is_found():
    """T22: these curves cross twice, at 3.6 and 4.9; brute force on a fine grid."""
    one, other = np.array([0.45, 0.09, 0.33]), np.array([0.2, 0.14, 0.6])
    ks = np.arange(1.0, 8.0, 1e-3)
    lead = np.array([passk.population_pass_at_k(one, k) - passk.population_pass_at_k(other, k) for k in ks])
    crossings = ks[np.flatnonzero(np.diff(np.sign(lead)))]
    assert len(crossings) == 2
    np.testing.assert_allclose(passk.crossover(one, other), crossings[0], atol=2e-3)


@settings(max_examples=40)
@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5), st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5))
def test_at_the_crossover_the_curves_meet_and_before_it_none_changes_place(one, other):
    """T22: a zero of the difference, and no sign change on the integers before it (to 2¹⁴)."""
    one, other = np.array(one), np.array(other)
    k = passk.crossover(one, other, largest_k=2**14)
    ks = np.arange(1, 2**14 if np.isnan(k) else math.ceil(k))
    lead = [passk.population_pass_at_k(one, x) - passk.population_pass_at_k(other, x) for x in ks[:100].astype(float)]
    lead = np.array([x for x in lead if abs(x) > 1e-12])
    if not np.isnan(k):
        np.testing.assert_allclose(passk.population_pass_at_k(one, k), passk.population_pass_at_k(other, k), atol=1e-9)
    assert (np.sign(lead) == np.sign(lead[:1])).all()


def test_curves_that_coincide_or_never_meet_have_no_crossover():
    same = np.array([0.3, 0.6])
    assert np.isnan(passk.crossover(same, same[::-1]))
    assert np.isnan(passk.crossover(same, same / 2))
    # They cross at log₂ 3 = 1.58: found up to 2^0.75 = 1.68, but not up to 1.
    np.testing.assert_allclose(
        passk.crossover(np.array([1.0, 1.0, 0.0]), np.full(3, 0.5), largest_k=2**0.75), np.log2(3), rtol=1e-9
    )
    assert np.isnan(passk.crossover(np.array([1.0, 1.0, 0.0]), np.full(3, 0.5), largest_k=1))


def test_curves_that_touch_at_one_and_part_have_their_crossing_later():
    """T22: equal pass@1 is no crossing; these meet again where 0.5 (0.9^k + 0.1^k) = ... never: nan."""
    assert np.isnan(passk.crossover(np.array([0.9, 0.1]), np.array([0.5, 0.5])))


@pytest.mark.parametrize("counts", [[3, 2, 2, 1], [4, 0, 1], [1, 1, 1, 1, 1], [7]])
def test_majority_at_k_is_the_enumeration_of_all_subsets_with_ties_shared(counts):
    """T22: maj@k without replacement, every k."""
    answers = np.repeat(np.arange(len(counts)), counts)
    for k in range(1, sum(counts) + 1):
        wins = np.zeros(len(counts))
        for subset in itertools.combinations(answers, k):
            votes = np.bincount(subset, minlength=len(counts))
            best = votes == votes.max()
            wins += best / best.sum()
        expected = wins / math.comb(sum(counts), k)
        np.testing.assert_allclose(passk.majority_at_k(np.array(counts), k), expected, atol=1e-13)


def test_majority_of_one_is_a_sample_and_of_all_is_the_plurality():
    counts = np.array([90, 100, 66])
    np.testing.assert_allclose(passk.majority_at_k(counts, 1), counts / 256)
    np.testing.assert_allclose(passk.majority_at_k(counts, 256), [0, 1, 0], atol=1e-12)
    assert (np.diff([passk.majority_at_k(counts, k)[1] for k in (1, 3, 15, 63)]) > 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: passk.pass_at_k(5, 6, 1), "c must be between 0 and n, got c = 6 of n = 5"),
        (lambda: passk.pass_at_k(5, -1, 1), "c must be between 0 and n, got c = -1 of n = 5"),
        (lambda: passk.pass_at_k(5, 2, 6), "k must be between 1 and the 5 samples, got 6"),
        (lambda: passk.pass_at_k(np.array([5, 3]), 1, 4), "k must be between 1 and the 3 samples, got 4"),
        (lambda: passk.pass_at_k(5, 2, 2.5), "k must be a whole number, got 2.5"),
        (lambda: passk.pass_at_k(5, 1.5, 2), "c must be a whole number, got 1.5"),
        (lambda: passk.pass_at_k(np.inf, 1, 2), "n must be a whole number, got inf"),
        (lambda: passk.majority_at_k(np.array([2, 1]), 1.5), "k must be a whole number, got 1.5"),
        (lambda: passk.majority_at_k(np.array([2, 0.5]), 1), "counts must be a whole number, got [2.0, 0.5]"),
        (lambda: passk.majority_at_k(np.array([2, 1]), 0), "k must be between 1 and the 3 samples, got 0"),
        (lambda: passk.majority_at_k(np.array([2, -1]), 1), "counts must be >= 0, got [2, -1]"),
        (lambda: passk.population_pass_at_k(np.array([0.5]), -1), "k must be > 0, got -1"),
        (lambda: passk.population_pass_at_k(np.array([0.5]), np.nan), "k must be > 0, got nan"),
        (lambda: passk.population_pass_at_k(np.array([1.5]), 1), "accuracy must be between 0 and 1, got [1.5]"),
        (lambda: passk.population_pass_at_k(np.array([np.nan]), 1), "accuracy must be between 0 and 1, got [nan]"),
        (lambda: passk.population_pass_at_k(np.array([-0.1]), 1), "accuracy must be between 0 and 1, got [-0.1]"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_one_sentence(call, message, as_users_call_it):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_a_crossing_beyond_what_is_asked_is_none():
    """A few prompts solved three times as often win at first, all prompts in the end: here beyond 2^20 samples."""
    one, other = np.array([3e-7, 0.0]), np.array([1e-7, 1e-7])
    assert np.isnan(passk.crossover(one, other))
    found = passk.crossover(one, other, largest_k=2**26)
    assert 2**20 < found < 2**26
    np.testing.assert_allclose(
        passk.population_pass_at_k(one, found), passk.population_pass_at_k(other, found), rtol=1e-9
    )


def test_a_crossing_just_above_one_and_one_far_out_are_found_without_being_asked_how_far():
    """T22: 2/3 = 1 - (1-c)^k at a k that is chosen, within the first step of the grid or thousands of samples out."""
    for k in (1.02, 1.05, 1.2):
        other = np.full(3, 1 - 3 ** (-1 / k))
        np.testing.assert_allclose(passk.crossover(np.array([1.0, 1.0, 0.0]), other), k, rtol=1e-9)
    one, other = np.array([3e-4, 0.0]), np.array([1e-4, 1e-4])
    k = passk.crossover(one, other)
    np.testing.assert_allclose(1 + (1 - 3e-4) ** k, 2 * (1 - 1e-4) ** k, rtol=1e-9)
    assert 1000 < k < 2**20


def test_one_count_above_its_samples_among_many_is_refused():
    with pytest.raises(ValueError, match=r"c must be between 0 and n, got c = \[1, 5\] of n = \[4, 4\]"):
        passk.pass_at_k(4, np.array([1, 5]), 1)
    with pytest.raises(ValueError, match="k must be > 0, got 0"):
        passk.population_pass_at_k(np.array([0.5]), 0)


def test_one_accuracy_out_of_range_among_many_is_refused():
    with pytest.raises(ValueError, match=r"accuracy must be between 0 and 1, got \[0.5, 1.5\]"):
        passk.population_pass_at_k(np.array([0.5, 1.5]), 2)


def test_unless_more_is_asked_curves_are_followed_to_a_million_samples():
    """T22 by hand: 1 - (1 - a)^k is a half at k = log 2/a, here 1.5 million; 2^20 is less, 2^21 more."""
    half, slow = np.array([1.0, 0.0]), np.full(2, np.log(2) / 1.5e6)
    assert np.isnan(passk.crossover(half, slow))
    assert passk.crossover(half, slow, 2**21) == pytest.approx(1.5e6, rel=1e-6)
