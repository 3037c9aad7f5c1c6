"""The interval of a mean over prompts against an independent one."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from theory.estimation.intervals import ClusterBootstrap


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
