"""A number of samples to ask for, or none where nobody would draw so many."""

import numpy as np

from llm.rollout_table import from_table
from tests.rollout_tables import sampled
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
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


def drawn(counts, log_p):
    """Prompts of so many samples each, all of reward 0."""
    start, rows = np.cumsum([0, *counts])[:-1], np.zeros(sum(counts), int)
    log_p = np.array(log_p)
    return Rollouts(np.arange(len(counts)), start, log_p, 0 * log_p, 1 + 0 * log_p, rows, rows == 0, rows, 0 * start)


def test_at_a_limit_only_the_error_says_how_many_and_a_million_is_the_most():
    """T23: an error that falls as 1/n; at b = inf no number of samples settles which prompts can be solved."""
    rollouts = drawn([2, 5], np.linspace(-5, -1, 7))
    assert samples_needed(rollouts, Target(np.inf, 0.0), 10.0) == 64  # 5 samples, the largest number, times 10
    assert samples_needed(rollouts, Target(np.inf, 0.0), 1.0) == 16  # twice 5
    assert samples_needed(rollouts, Target(np.inf, 0.0), 200_000.0) == 2**20
    assert samples_needed(rollouts, Target(np.inf, 0.0), 200_000.1) == np.inf
    assert samples_needed(rollouts, Target(1.0, np.inf), 10.0) == np.inf
    assert samples_needed(rollouts, Target(np.inf, 0.0), np.inf) == np.inf


def test_the_spread_within_prompts_counts_and_with_one_sample_each_that_between_them():
    """T23 by hand: 5 e^Var(t), Var of seven samples with two means taken off, or of three samples."""
    log_p = np.array([-1.0, -3.0, -10.0, -11.0, -12.0, -13.0, -14.0])
    variance = (2 * 1.0 + 10.0) / 5  # squares about the means -2 and -12
    assert samples_needed(drawn([2, 5], log_p), Target(2.0, 0.0), 0.0) == 2 ** np.ceil(np.log2(5 * np.exp(variance)))
    assert samples_needed(drawn([1, 1, 1], [-1.0, -3.0, -5.0]), Target(2.0, 0.0), 0.0) == 128  # 5 e^{8/3} = 72


def test_without_any_spread_five_samples_are_five_effective_ones():
    """T23: 5 e^0, at the next power of two; twice the two that there are would be four."""
    assert samples_needed(drawn([2, 2], [-1.0, -1.0, -4.0, -4.0]), Target(3.0, 0.0), 0.0) == 8
