"""The interval of a mean over prompts against an independent one."""

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t

from theory.estimation.intervals import ClusterBootstrap, mean_interval


def test_the_interval_is_the_bca_interval_of_scipy_but_for_its_widening():
    """An independent BCa on skewed values; at 400 prompts the widening for few prompts is below a percent."""
    values = np.random.default_rng(1).beta(8, 0.5, size=(400, 1))
    ours = ClusterBootstrap(400, np.random.default_rng(2)).interval(values)[:, 0]
    theirs = bootstrap(
        (values[:, 0],), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(3)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.06 * width)  # noise of 2,000 draws in the tails


def test_prompts_in_groups_have_the_same_interval_as_prompts():
    values = np.random.default_rng(1).exponential(size=(7000, 1))
    low, high = ClusterBootstrap(7000, np.random.default_rng(2)).interval(values)[:, 0]
    error = values.std() / np.sqrt(7000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_the_last_digit_of_equal_means_does_not_move_an_interval():
    """Shares of two samples, as they are and as a sum of weights would have them: many draws have the mean itself."""
    shares = np.repeat([0.0, 0.5, 1.0], [6, 7, 7])[:, None]
    bootstrap = ClusterBootstrap(20, np.random.default_rng(2))
    ends = [bootstrap.interval(shares + rounding * (shares == 0.5))[:, 0] for rounding in (-4e-16, 0, 4e-16)]
    assert ends[0] == pytest.approx(ends[1], abs=1e-9) and ends[2] == pytest.approx(ends[1], abs=1e-9)


def test_an_interval_of_few_prompts_is_that_of_student():
    """Eight prompts: 1.21 times as wide as normal quantiles would be, and not 1.07 times too narrow.

    Symmetric values have neither bias nor skewness; means of many sets of draws leave no noise to speak of.
    """
    values = norm.ppf((np.arange(8) + 0.5) / 8)
    error = values.std(ddof=1) / np.sqrt(8)
    for level in (0.5, 0.8, 0.95):
        bootstraps = [ClusterBootstrap(8, np.random.default_rng(seed)) for seed in range(60)]
        ends = np.mean([bootstrap.interval(values[:, None], level)[:, 0] for bootstrap in bootstraps], axis=0)
        expected = t.ppf((1 + level) / 2, 7) * error
        assert ends == pytest.approx([-expected, expected], rel=0.035)


def test_every_way_to_an_interval_keeps_the_level():
    """Half of all intervals at level .5: .674 standard errors to either side, not 1.96."""
    values = norm.ppf((np.arange(300) + 0.5) / 300)
    error = values.std() / np.sqrt(300)
    bootstrap = ClusterBootstrap(300, np.random.default_rng(0))
    for level, width in ((0.5, 0.674), (0.95, 1.96)):
        for low, high in (
            bootstrap.interval(values[:, None], level)[:, 0],
            bootstrap.mean_of(values).interval(level),
            mean_interval(values, np.random.default_rng(1), level)[1:],
        ):
            assert low == pytest.approx(-width * error, abs=0.12 * error)
            assert high == pytest.approx(width * error, abs=0.12 * error)
    assert mean_interval(np.append(values + 3, np.nan), np.random.default_rng(1))[0] == pytest.approx(3)


def test_draws_that_are_made_once_are_those_of_the_generator_and_leave_it_where_they_would():
    def drawn(generator):
        first = ClusterBootstrap(40, generator).drawn
        return first, ClusterBootstrap(40, generator).drawn, generator.random()

    generator = np.random.default_rng(123)
    plain = [generator.multinomial(40, np.full(40, 1 / 40), size=2000) / 40 for _ in range(2)]
    expected = (*plain, generator.random())
    for _ in range(2):  # made, and remembered
        for own, true in zip(drawn(np.random.default_rng(123)), expected, strict=True):
            np.testing.assert_array_equal(own, true)
