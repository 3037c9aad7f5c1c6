"""Draws from an optimum miss its forecast by nothing, whatever the prompts are; a shift is found, with its sign."""

import numpy as np
import pandas as pd
import pytest

from llm.comparison.paired import misses
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts

PROMPTS, RESPONSES = 40, 6


@pytest.fixture(scope="module")
def tables():
    """(base rollouts, responses drawn from p²) of policies that are solved in nearly no or nearly all cases."""
    generator = np.random.default_rng(0)
    log_p = np.log(generator.dirichlet(np.full(RESPONSES, 0.7), PROMPTS))
    length = generator.integers(3, 30, (PROMPTS, RESPONSES))
    reward = generator.random((PROMPTS, RESPONSES)) < generator.random((PROMPTS, 1))
    power = np.exp(2 * log_p)
    power /= power.sum(axis=1, keepdims=True)

    def drawn(law, n):
        chosen = np.stack([generator.choice(RESPONSES, n, p=row) for row in law])
        at = (np.arange(PROMPTS)[:, None], chosen)
        return log_p[at], reward[at], length[at], chosen, np.log(power[at])

    base = Rollouts.of_arrays(*drawn(np.exp(log_p), 400)[:4])
    own_log_p, own_reward, own_length, _, log_pi = (x.ravel() for x in drawn(power, 200))
    run = pd.DataFrame({"log_p": own_log_p, "reward": own_reward * 1.0, "length": own_length, "log_pi": log_pi})
    return base, run.assign(prompt_id=np.repeat(np.arange(PROMPTS), 200), finished=True)


def test_draws_from_the_optimum_miss_by_nothing_and_more_narrowly_than_prompts_differ(tables):
    base, run = tables
    for name, (value, low, high) in misses(base, Target(2.0, 0.0), run).items():
        assert low < 0 < high, (name, value, low, high)
    _, low, high = misses(base, Target(2.0, 0.0), run)["accuracy"]
    assert high - low < 0.25 * 4 * run.groupby("prompt_id")["reward"].mean().std() / np.sqrt(PROMPTS)


def test_a_run_beyond_its_forecast_misses_upwards(tables):
    base, run = tables
    value, low, _ = misses(base, Target(1.0, 0.0), run)["log_p"]  # p² lies above p in log p
    assert value > low > 0
    worse = run.assign(reward=np.where(run.index % 10 == 0, 0.0, run["reward"]))
    assert misses(base, Target(2.0, 0.0), worse)["accuracy"][0] == pytest.approx(
        misses(base, Target(2.0, 0.0), run)["accuracy"][0] - 0.1 * run["reward"][run.index % 10 == 0].mean(), abs=1e-9
    )


def test_what_is_not_known_is_nan(tables):
    base, run = tables
    assert np.isnan(misses(base, Target(2.0, 0.0), run.drop(columns="log_pi"))["kl"]).all()
    one = base.in_order(np.array([0]))
    assert np.isnan(misses(one, Target(2.0, 0.0), run[run["prompt_id"] == 0])["accuracy"]).all()
