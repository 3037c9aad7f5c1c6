"""Distributions of prompt accuracies behind counts: the likelihood against other solvers, limits, and the grid."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, chi2

from theory.estimation import prompt_accuracies
from theory.estimation.prompt_accuracies import PromptAccuracies, _longest, _most_likely, grid, thinned
from theory.estimation.samples import Rollouts


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


def shortfall(known, n, correct):
    """By how much the log-likelihood may at most fall short of the greatest, mean over prompts: its steepest slope."""
    pmf = binom.pmf(correct[:, None], np.broadcast_to(n, correct.shape)[:, None], known.accuracy)
    return np.max(np.mean(pmf / (pmf @ known.weight)[:, None], axis=0)) - 1


@pytest.mark.parametrize(("n", "prompts"), [(1, 50), (4, 10), (8, 400), (16, 60), (50, 30)])
def test_the_likelihood_is_greatest_to_a_thousandth_of_a_nat(n, prompts):
    """Kiefer and Wolfowitz: no accuracy would be worth more weight. All prompts together, so 1/P of it a prompt."""
    _, correct = counted(n, prompts, n + prompts)
    known = PromptAccuracies.of_counts(np.full(prompts, n), correct)
    assert (known.weight >= 0).all() and known.weight.sum() == pytest.approx(1, abs=1e-12)
    assert shortfall(known, n, correct) < 1.01e-3 / prompts
    assert known.prompts == prompts and known.share.sum() == pytest.approx(1)
    kinds, times = np.unique(correct, return_counts=True)
    assert known.share == pytest.approx(times / prompts)
    pmf = binom.pmf(kinds[:, None], n, known.accuracy)
    np.testing.assert_allclose(known.likelihood, pmf / binom.pmf(kinds, n, kinds / n)[:, None], atol=1e-12)


@pytest.mark.parametrize(("n", "prompts", "level"), [(2, 20, 0.95), (8, 200, 0.5)])
def test_limits_on_a_coarse_grid_are_those_of_another_solver(n, prompts, level):
    """SLSQP on the very problem: the drop is met to 2 %, so the way from the mean to either end to 1 %."""
    _, correct = counted(n, prompts, n + prompts)
    kinds, times = np.unique(correct, return_counts=True)
    accuracy, share = np.linspace(0, 1, 13), times / prompts
    pmf = binom.pmf(kinds[:, None], n, accuracy)
    weight = _most_likely(pmf[None], share[None], 1e-6)[0]
    known = PromptAccuracies(accuracy, pmf, share, prompts, weight)
    values = np.stack([accuracy, accuracy**3, np.minimum(accuracy, 0.5)])
    floor = np.sum(times * np.log(pmf @ weight)) - chi2.ppf(level, 1) / 2
    constraints = [
        {"type": "ineq", "fun": lambda w: np.sum(times * np.log(np.maximum(pmf @ w, 1e-300))) - floor},
        {"type": "eq", "fun": lambda w: np.sum(w) - 1},
    ]
    for own, ends in zip(values, known.limits(values, level).T, strict=True):
        for end, sign in zip(ends, (1, -1), strict=True):
            found = minimize(
                lambda w, sign=sign, own=own: sign * own @ w, weight, bounds=[(0, 1)] * 13,
                constraints=constraints, options={"maxiter": 500, "ftol": 1e-12},
            )  # fmt: skip
            assert found.success and end - own @ weight == pytest.approx(found.fun * sign - own @ weight, rel=0.015)


def test_many_functions_have_the_limits_that_each_has_and_a_constant_has_its_value():
    """Forty at once, which are more than one stack of problems."""
    _, correct = counted(4, 50, 0)
    known = PromptAccuracies.of_counts(np.full(50, 4), correct)
    values = np.stack([known.accuracy ** (1 + i % 3) * 10.0 ** (i % 2) for i in range(40)])
    low, high = known.limits(values)
    each = np.concatenate([known.limits(values[[i]]) for i in range(6)], axis=1)
    for found, expected in zip((low, high), each, strict=True):
        assert found == pytest.approx(np.tile(expected, 7)[:40], rel=0.02)
        assert found[3:6] == pytest.approx([10, 0.1, 10] * found[:3], rel=0.02)
    moved = known.limits(3 - 2 * known.accuracy[None]).ravel()  # a mean goes along with its unit and origin
    assert moved == pytest.approx([3 - 2 * high[0], 3 - 2 * low[0]], abs=0.02 * (high - low)[0])
    assert known.limits(np.full((1, len(known.accuracy)), 0.3)).ravel() == pytest.approx([0.3, 0.3], abs=1e-12)


@pytest.mark.parametrize("n", [1, 8, 32])
def test_the_grid_is_fine_where_estimates_and_powers_are(n):
    """Four points to a standard error of arcsin √a, 1/(2√n), and 41 besides; 23 steps in ratios at either end."""
    found = grid(n)
    middle = 41 + int(4 * np.pi * np.sqrt(n))
    angle = np.linspace(0, np.pi / 2, middle)
    assert found[0] == 0 and found[-1] == 1 and (np.diff(found) > 0).all() and len(found) == middle + 46
    assert found[1] == pytest.approx(1e-6) and 1 - found[-2] == pytest.approx(1e-6)
    assert found[24:-24] == pytest.approx(np.sin(angle[1:-1]) ** 2)
    ratio = found[2:25] / found[1:24]
    assert ratio == pytest.approx(np.full(23, ratio[0])) and 1 - found == pytest.approx(found[::-1], abs=1e-12)


@pytest.mark.parametrize(("n", "correct", "refused"), [(1, 0, False), (1, 1, False), (0, 0, True), (2, -1, True)])
def test_counts_are_between_none_and_all_of_at_least_one(n, correct, refused):
    prompts = np.array([3, n]), np.array([1, correct])
    if refused:
        with pytest.raises(ValueError, match=r"right answers must be between 0 and n >= 1, got \[1, "):
            PromptAccuracies.of_counts(*prompts)
    else:
        assert PromptAccuracies.of_counts(*prompts).prompts == 2


def test_up_to_seventy_kinds_of_counts_are_kept_as_they_are():
    for prompts, kinds in ((70, 70), (71, 33)):
        known = PromptAccuracies.of_counts(np.full(prompts, 100), np.arange(prompts))
        assert (len(known.share) == kinds) if prompts == 70 else (len(known.share) <= kinds)
    kept, right = thinned(np.array([1, 2, 3, 31, 32, 33, 100]), np.array([1, 0, 3, 31, 0, 33, 100]))
    assert kept.tolist() == [1, 2, 2, 16, 32, 32, 32] and right.tolist() == [1, 0, 2, 16, 0, 32, 32]


def test_rewards_are_counted_where_they_are_right_or_wrong():
    y = np.arange(24).reshape(6, 4)
    right = Rollouts.of_arrays(np.full(y.shape, -9.0), y % 4 < np.arange(6)[:, None], y * 0 + 3, y)
    known = PromptAccuracies.of_rollouts(right)
    assert known.share == pytest.approx(np.array([1, 1, 1, 1, 2]) / 6)
    graded = Rollouts.of_arrays(np.full(y.shape, -9.0), np.full(y.shape, 0.5), y * 0 + 3, y)
    with pytest.raises(ValueError, match=r"^rewards must be 0 or 1 to be counted"):
        PromptAccuracies.of_rollouts(graded)


def test_the_longest_step_leaves_everything_above_nothing_problem_by_problem():
    """Up to 1/.99, so that 99 % of it are a whole step; a change that is next to none allows any."""
    values = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 1.0], [1.0, 1.0]])
    change = np.array([[-4.0, 1.0], [-0.5, -8.0], [0.0, 9.0], [-1e-310, -0.1]])
    assert _longest(values, change).ravel() == pytest.approx([0.25, 0.5, 1 / 0.99, 1 / 0.99])


def test_the_grid_is_that_of_the_prompt_with_the_most_samples():
    known = PromptAccuracies.of_counts(np.array([2, 50, 3]), np.array([1, 20, 3]))
    np.testing.assert_array_equal(known.accuracy, grid(50))


@pytest.mark.parametrize(("n", "prompts", "first", "searches", "systems"), [(4, 10, 13, 6, 80), (16, 60, 28, 5, 135)])
def test_a_few_dozen_systems_are_solved_and_no_more(n, prompts, first, searches, systems, monkeypatch):
    """What a step costs is one system: the steps end where they have arrived, and so does the search of a limit."""
    asked = {"system": 0, "search": 0}

    def counting(name, function):
        def counted(*arguments):
            asked[name] += 1
            return function(*arguments)

        return counted

    monkeypatch.setattr(np.linalg, "solve", counting("system", np.linalg.solve))
    monkeypatch.setattr(prompt_accuracies, "_most_likely", counting("search", _most_likely))
    _, correct = counted(n, prompts, n + prompts)
    known = PromptAccuracies.of_counts(np.full(prompts, n), correct)
    assert asked["system"] <= first
    asked.update(system=0, search=0)
    known.limits(np.stack([known.accuracy, known.accuracy**3]))
    assert asked["search"] <= searches and asked["system"] <= systems
