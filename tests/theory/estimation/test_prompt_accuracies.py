import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, chi2

from theory.estimation.prompt_accuracies import PromptAccuracies, thinned


def counted(n, prompts, seed, a=0.6, b=0.9):
    generator = np.random.default_rng(seed)
    accuracy = generator.beta(a, b, prompts)
    return accuracy, generator.binomial(n, accuracy)


def log_likelihood(known, weight, n, correct):
    return np.sum(
        np.log(binom.pmf(correct[:, None], np.broadcast_to(n, correct.shape)[:, None], known.accuracy) @ weight)
    )


@pytest.mark.parametrize("n", [2, 8, 32])
def test_expectation_maximisation_cannot_raise_the_likelihood(n):
    _, correct = counted(n, 60, n)
    known = PromptAccuracies.of_counts(np.full(60, n), correct)
    pmf = binom.pmf(correct[:, None], n, known.accuracy)
    weight = known.weight * 0.99 + 0.01 / len(known.weight)
    for _ in range(3000):
        weight = weight * np.mean(pmf / (pmf @ weight)[:, None], axis=0)
    best, other = (log_likelihood(known, w, n, correct) for w in (known.weight, weight))
    assert best >= other - 1e-4
    assert best == pytest.approx(other, abs=0.05)


def test_limits_are_those_of_a_search_over_weights():
    """SLSQP on a coarse problem: the largest mean within the drop of the likelihood that χ² allows."""
    n, correct = 3, np.repeat([0, 1, 2, 3], [9, 6, 4, 11])
    known = PromptAccuracies.of_counts(np.full(30, n), correct)
    values = known.accuracy**2
    low, high = known.limits(values[None])[:, 0]
    places = np.linspace(0, len(known.accuracy) - 1, 25).astype(int)
    pmf = binom.pmf(correct[:, None], n, known.accuracy[places])
    floor = log_likelihood(known, known.weight, n, correct) - chi2.ppf(0.95, 1) / 2
    constraints = [
        {"type": "ineq", "fun": lambda w: np.sum(np.log(pmf @ w)) - floor},
        {"type": "eq", "fun": lambda w: np.sum(w) - 1},
    ]
    start = np.full(25, 1 / 25)
    ends = [
        minimize(lambda w, s=s: s * values[places] @ w, start, bounds=[(0, 1)] * 25, constraints=constraints).fun * s
        for s in (1, -1)
    ]
    np.testing.assert_allclose([low, high], ends, atol=0.005)
    assert low <= ends[0] + 1e-3 and high >= ends[1] - 1e-3


def test_a_single_sample_tells_the_mean_accuracy_and_leaves_its_square_open():
    correct = np.repeat([0, 1], [120, 80])
    known = PromptAccuracies.of_counts(np.ones(200, int), correct)
    (mean_low, square_low), (mean_high, square_high) = known.limits(np.stack([known.accuracy, known.accuracy**2]))
    assert 0.32 < mean_low < 0.4 < mean_high < 0.48
    assert square_low == pytest.approx(mean_low**2, abs=0.005)  # all prompts alike
    assert square_high == pytest.approx(mean_high, abs=0.005)  # prompts always or never solved


def test_prompts_always_solved_are_bounded_as_by_the_binomial():
    known = PromptAccuracies.of_counts(np.full(100, 8), np.full(100, 8))
    high = known.limits((known.accuracy == 1)[None].astype(float))[1, 0]
    assert high == pytest.approx(1, abs=1e-4)
    everything = known.limits(known.accuracy[None])[0, 0]
    assert everything == pytest.approx(np.exp(-chi2.ppf(0.95, 1) / 2 / 100), abs=2e-3)  # a few prompts never solved


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"between 0 and n >= 1, got \[3\] of \[2\]"):
        PromptAccuracies.of_counts(np.array([2]), np.array([3]))


def test_many_different_numbers_of_samples_are_thinned_without_bias():
    generator = np.random.default_rng(4)
    n = generator.integers(40, 300, 2000)
    accuracy = generator.beta(0.6, 0.9, 2000)
    correct = generator.binomial(n, accuracy)
    known = PromptAccuracies.of_counts(n, correct)
    assert len(known.share) <= 70
    means = np.stack([known.accuracy, known.accuracy**2])
    error = np.std(np.stack([accuracy, accuracy**2]), axis=1) / np.sqrt(2000)
    assert np.all(np.abs(known.mean(means) - [accuracy.mean(), np.mean(accuracy**2)]) < 4 * error)
    kept, right = thinned(np.full(20_000, 50), np.full(20_000, 10))
    assert set(kept) == {32} and right.mean() == pytest.approx(6.4, abs=4 * 1.4 / np.sqrt(20_000))
