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
