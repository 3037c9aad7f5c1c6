"""Numbers that share their draws of prompts and seeds: differences and ratios keep what the runs have in common."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from theory.estimation.intervals import ClusterBootstrap, Resampled, function_of, seed_draws

PROMPTS = 300


@pytest.fixture
def generator():
    return np.random.default_rng(4)


def resampled(prompts: ClusterBootstrap, columns: list[np.ndarray], generator) -> list[Resampled]:
    """One number for each array of prompts × seeds, all over the same draws of prompts."""
    places, places_of = 0, []
    for column in columns:
        places_of.append(places)
        places += column.shape[1]
    return [
        prompts.mean_over_seeds(column, seed_draws(column.shape[1], generator), place, places)
        for column, place in zip(columns, places_of, strict=True)
    ]


def test_the_interval_of_a_ratio_is_the_bca_interval_of_scipy(generator):
    """An independent BCa, paired; the widening for few prompts is below a percent at 300."""
    top = generator.exponential(size=PROMPTS)
    below = 0.5 * top + generator.exponential(size=PROMPTS)
    parts = resampled(ClusterBootstrap(PROMPTS, generator), [top[:, None], below[:, None]], generator)
    ours = function_of(np.divide, *parts)
    theirs = bootstrap(
        (top, below),
        lambda x, y, axis: x.mean(axis) / y.mean(axis),
        paired=True,
        method="BCa",
        n_resamples=4000,
        rng=generator,
    ).confidence_interval
    assert ours.value == pytest.approx(top.mean() / below.mean())
    assert ours.interval() == pytest.approx(list(theirs), abs=0.06 * (theirs.high - theirs.low))


def test_a_mean_has_the_same_interval_however_it_is_asked_for(generator):
    values = generator.beta(8, 0.5, size=(PROMPTS, 1))
    prompts = ClusterBootstrap(PROMPTS, generator)
    (mean,) = resampled(prompts, [values], generator)
    assert mean.interval() == pytest.approx(prompts.interval(values)[:, 0])


def test_what_two_runs_have_in_common_cancels(generator):
    hard = generator.uniform(size=(PROMPTS, 1))
    first, second = resampled(ClusterBootstrap(PROMPTS, generator), [hard + 0.1, hard], generator)
    assert (first - second).interval() == pytest.approx((0.1, 0.1)) and (first - second).sign == 1
    assert np.diff(first.interval()) > 0.05


def test_more_prompts_than_are_drawn_one_by_one_have_the_same_interval(generator):
    values = generator.exponential(size=(7000, 1))
    (mean,) = resampled(ClusterBootstrap(7000, generator), [values], generator)
    error = values.mean(axis=1).std() / np.sqrt(7000)
    assert np.diff(mean.interval()) == pytest.approx(2 * 1.96 * error, rel=0.15)


@pytest.mark.parametrize("shifts", [(0.0, 0.4), (0.0, 0.1, 0.4)])
def test_seeds_add_their_variance_over_their_number(generator, shifts):
    values = generator.uniform(size=(PROMPTS, 1)) + np.array(shifts)
    (mean,) = resampled(ClusterBootstrap(PROMPTS, generator), [values], generator)
    expected = np.var(values[:, 0], ddof=1) / PROMPTS + np.var(shifts, ddof=1) / len(shifts)
    assert mean.draws.var() == pytest.approx(expected, rel=0.1)


def test_nine_intervals_in_ten_and_more_hold_a_difference_of_skewed_runs(generator):
    """95 % of 200 differences of 40 prompts: the binomial's 99.9 % range is 0.895 to 0.99."""
    held = []
    for _ in range(200):
        hard = generator.beta(0.3, 2, size=40)
        runs = [generator.binomial(8, np.clip(hard * factor, 0, 1))[:, None] / 8 for factor in (1.0, 1.5)]
        base, better = resampled(ClusterBootstrap(40, generator), runs, generator)
        held.append((better - base).interval())
    grid = np.random.default_rng(0).beta(0.3, 2, size=1_000_000)
    truth = np.mean(np.clip(1.5 * grid, 0, 1) - grid)
    assert 0.895 <= np.mean([low <= truth <= high for low, high in held]) <= 0.99


@pytest.mark.parametrize("prompts", [1, 2])
def test_a_single_prompt_has_no_interval_and_two_have_one(generator, prompts):
    (mean,) = resampled(ClusterBootstrap(prompts, generator), [generator.uniform(size=(prompts, 1))], generator)
    assert np.isnan(mean.interval()).all() == (prompts == 1)
    assert mean.sign == 0 or prompts == 2


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_shares_of_seeds_are_those_of_one_seed_fewer(seeds):
    """n - 1 of n are drawn in each of 2,000 draws, so that the mean of numbers has the variance s²/n."""
    shares = seed_draws(seeds, np.random.default_rng(0))
    assert shares.shape == (2000, seeds) and shares.sum(axis=1) == pytest.approx(1)
    if seeds > 1:
        numbers = np.arange(seeds) ** 2.0
        assert np.var(shares @ numbers) == pytest.approx(numbers.var(ddof=1) / seeds, rel=0.15)
        assert np.isin(np.round(shares * (seeds - 1), 9), np.arange(seeds)).all()


def test_a_draw_is_a_mean_over_the_seeds_that_are_drawn(generator):
    """Three seeds that differ by a constant alone: a draw of prompts and seeds adds the mean constant of its seeds."""
    column = generator.normal(size=(40, 1))
    seeds = seed_draws(3, generator)
    prompts = ClusterBootstrap(40, generator)
    shifted = prompts.mean_over_seeds(column + np.array([0.0, 3.0, 9.0]), seeds, 0, 3)
    plain = prompts.mean_over_seeds(column, np.ones((2000, 1)), 0, 1)
    assert shifted.value == pytest.approx(plain.value + 4)
    assert shifted.draws == pytest.approx(plain.draws + seeds @ [0.0, 3.0, 9.0])
