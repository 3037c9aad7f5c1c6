from dataclasses import replace

import numpy as np
import pytest

from theory.estimation.counted import with_counts
from theory.estimation.counts import along_b
from theory.estimation.forecast import forecast
from theory.estimation.prompt_accuracies import PromptAccuracies
from theory.estimation.records import Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts

TARGETS = [Target(1.0, 0.0), Target(1.0, 1.0), Target(2.0, 1.0), Target(1.0, np.inf)]


def table(reward_of, prompts=200, samples=8, seed=3):
    generator = np.random.default_rng(seed)
    accuracy = generator.beta(0.6, 0.9, (prompts, 1))
    reward = reward_of(generator.random((prompts, samples)) < accuracy)
    log_p = generator.normal(-60, 15, reward.shape)
    return accuracy, Rollouts.of_arrays(log_p, reward, np.full(reward.shape, 9), np.arange(reward.size).reshape(-1, 8))


def test_a_reward_of_0_and_1_is_told_by_counts_to_three_points():
    """The width that weights need three times: 200 prompts, 8 samples, b = 1."""
    accuracy, rollouts = table(lambda right: right.astype(float))
    records = forecast(rollouts, TARGETS, np.random.default_rng(0), (Method.PSIS, Method.COUNTS))
    by = {(record.method, record.target): record for record in records}
    assert set(by) == {(Method.PSIS, t) for t in TARGETS} | {(Method.COUNTS, TARGETS[1]), (Method.COUNTS, TARGETS[3])}
    counted, weighed = (by[method, TARGETS[1]] for method in (Method.COUNTS, Method.PSIS))
    true = np.mean(accuracy / (accuracy + (1 - accuracy) * np.exp(-1)) - accuracy)
    gain = counted["gain"]
    assert gain.reliable
    assert gain.low < true < gain.high
    assert gain.high - gain.low < 0.035
    assert weighed["gain"].high - weighed["gain"].low > 2 * (gain.high - gain.low)
    assert counted["length"] == weighed["length"]


def test_rewards_between_0_and_1_cannot_be_counted():
    _, rollouts = table(lambda right: 0.2 + 0.6 * right)
    records = forecast(rollouts, TARGETS, np.random.default_rng(0), (Method.PSIS, Method.COUNTS))
    assert {record.method for record in records} == {Method.PSIS}


def test_all_that_depends_on_accuracies_is_counted_and_the_rest_stays():
    """pass@k for the ks that the weights have, also where a single record is a reward's."""
    _, rollouts = table(lambda right: right.astype(float), prompts=40)
    weighed, counted = forecast(rollouts, TARGETS[1:2], np.random.default_rng(0), (Method.PSIS, Method.COUNTS), False)
    asked = [name for name in weighed.quantities if name.startswith("pass@")]
    (own,) = along_b(PromptAccuracies.of_rollouts(rollouts), [1.0], [int(name[5:]) for name in asked])
    assert asked and {name: counted[name] for name in own} == own
    assert all(counted[name] == weighed[name] for name in ("length", "log_p", "entropy"))


@pytest.mark.parametrize(("prompts", "needed"), [(40, None), (9, 64.0)])
def test_where_counts_suffice_no_more_samples_are_asked_for(prompts, needed):
    _, rollouts = table(lambda right: right.astype(float), prompts=prompts)
    (weighed,) = forecast(rollouts, [Target(1.0, 0.05)], np.random.default_rng(0), (Method.PSIS,), False)
    record, counted = with_counts(rollouts, [replace(weighed, samples_needed=64.0)])
    assert (record.samples_needed, counted.samples_needed) == (64.0, needed)
