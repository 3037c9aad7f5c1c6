"""A number of samples to ask for, or none where nobody would draw so many."""

import numpy as np

from llm.rollout_table import from_table
from tests.rollout_tables import sampled
from theory.estimation.reweight import Target
from theory.estimation.samples_needed import samples_needed


def test_the_number_of_samples_needed_is_that_of_a_gaussian_tilt():
    """T23: D2 = Var(t), so an effective size of 5 takes 5 e^{Var}."""
    table = sampled(samples=50)
    table["log_p"] = -60 + 2 * np.random.default_rng(0).normal(size=len(table))
    table["response"] = np.arange(len(table)).astype(str)
    rollouts = from_table(table)
    # 273, known to 40 %; the next power of two.
    assert samples_needed(rollouts, Target(2.0, 0.0), 0.0) in (256, 512)
    assert samples_needed(rollouts, Target(1.01, 0.0), 0.0) == 128  # twice 50: one more than there are is no advice
    assert samples_needed(rollouts, Target(4.0, 0.0), 0.0) == np.inf  # 5 e^36
