import numpy as np

from theory.estimation.forecast import forecast
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
