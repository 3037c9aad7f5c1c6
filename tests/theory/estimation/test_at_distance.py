from itertools import pairwise

import numpy as np
import pytest

from theory.budget import sharpening_at_budget
from theory.estimation.at_distance import BS, KS, Walked, at_distance, direction, frontier, reach
from theory.estimation.samples import Rollouts
from theory.estimation.weighted_curve import STEPS
from theory.tilt import log_tilt


def policy(sd, slope, prompts=40, responses=150, seed=0):
    """log p of Gaussian spread sd under p itself, and rewards that follow it with the given slope."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(prompts, responses)) + sd  # e^z-weighting of a Gaussian moves its mean by its variance
    log_p = sd * (z - sd)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return log_p, (generator.random(z.shape) < 1 / (1 + np.exp(-slope * (z - sd)))).astype(float)


def drawn(log_p, reward, samples, seed=1):
    generator = np.random.default_rng(seed)
    y = np.stack([generator.choice(len(p), size=samples, p=np.exp(p)) for p in log_p])
    rows = np.arange(len(y))[:, None]
    return Rollouts.of_arrays(log_p[rows, y], reward[rows, y], np.ones(y.shape), y)


def spread(sd, samples=16, slope=0.8, prompts=120, seed=0):
    """No two responses alike: log p Gaussian of standard deviation sd."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(prompts, samples))
    reward = generator.random(z.shape) < 1 / (1 + np.exp(-slope * z))
    y = np.arange(z.size).reshape(z.shape)
    return Rollouts.of_arrays(sd * z - 5 * sd - 50, reward, np.ones(z.shape), y)


def test_what_is_told_at_a_distance_does_not_depend_on_the_unit_of_log_p():
    """T23, on a grid in units of the data: log p of 5 and 40 nats with the same ranks say the same."""
    five, forty = (at_distance(spread(sd), [0.2], np.random.default_rng(0))[0] for sd in (5, 40))
    assert five.sharpening.value == pytest.approx(forty.sharpening.value, abs=1e-6)
    assert five.sharpening.reliable and forty.sharpening.reliable


def test_a_reward_gains_at_least_as_much_as_sharpening_and_holds_its_last_value():
    """T5."""
    near, far = at_distance(spread(15, samples=64), [0.2, 50.0], np.random.default_rng(0))
    assert near.reward.value > near.sharpening.high
    assert near.reward_needed_kl == 0.2
    assert far.reward_needed_kl < 50
    assert far.reward.value >= near.reward.value
    assert not far.sharpening.reliable


@pytest.mark.parametrize("sign", [1, -1])
def test_the_direction_of_a_little_sharpening(sign):
    told = direction(spread(40, slope=sign * 1.0), np.random.default_rng(0))
    assert told.reliable
    assert sign * told.value > 0
    assert told.low * told.high > 0


def test_reach_grows_with_the_logarithm_of_the_samples():
    found = [reach(spread(15, samples=samples)) for samples in (8, 16, 64)]
    assert found == sorted(found)
    for samples, nats in zip((8, 16, 64), found, strict=True):
        assert np.log(samples / 5) / 2 - 0.1 <= nats < np.log(samples)


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_fewer_than_five_samples_a_prompt_reach_nowhere(samples):
    few = spread(15, samples=samples)
    assert reach(few) == 0
    assert not direction(few, np.random.default_rng(0)).reliable
    (found,) = at_distance(few, [0.2], np.random.default_rng(0))
    assert not found.sharpening.reliable
    assert found.reward.low <= found.reward.value <= found.reward.high
    sharpening, reward = frontier(few, np.random.default_rng(0))
    assert [point.k for point in sharpening] == [k for k in (2, 3, 4) if k <= samples]
    assert len(reward) > 3


def test_equal_log_p_cannot_be_sharpened_but_rewarded():
    flat = spread(0.0)
    (found,) = at_distance(flat, [0.2], np.random.default_rng(0))
    assert not found.sharpening.reliable
    assert found.reward.low > 0
    assert reach(flat) == 0


def test_frontier_covers_both_ways_of_sharpening_and_the_reward():
    sharpening, reward = frontier(spread(15), np.random.default_rng(0))
    assert [p.k for p in sharpening if p.k][:3] == [2, 3, 4]
    powers = [p for p in sharpening if p.alpha]
    assert all(p.alpha > 1 and p.kl > 0 for p in powers)
    assert [p.kl for p in reward] == sorted(p.kl for p in reward)
    assert [(p.alpha, p.b, p.k) for p in reward] == [(1.0, b, None) for b in BS]
    assert 0 < reward[0].gain.value < 0.01 and reward[-1].gain.value < 0.6
    # Of two of 16 samples the i-th likeliest from below is picked in i - 1 of 120 pairs.
    table = spread(15)
    ranked = np.take_along_axis(table.reward.reshape(120, 16), np.argsort(table.log_p.reshape(120, 16)), axis=1)
    gain = (ranked @ np.arange(16) / 120 - ranked.mean(axis=1)).mean()
    assert next(p for p in sharpening if p.k == 2).gain.value == pytest.approx(gain)


def test_real_valued_rewards_are_weighed_since_they_cannot_be_counted():
    table = spread(15)
    graded = Rollouts.of_arrays(
        *(x.reshape(120, 16) for x in (table.log_p, table.reward * 0.7 + 0.1, table.length, table.response))
    )
    walked = Walked.of(graded, np.random.default_rng(0))
    found, far = walked.at_distance([0.1, 50.0])
    reward = walked.frontier()[1]
    assert all(0 < one.b < other.b for one, other in pairwise(reward))
    assert found.reward_needed_kl == 0.1
    # All that a reward can spend: -log of the share of the best, .8, on prompts that have some.
    share = table.reward.reshape(120, 16).mean(axis=1)
    assert far.reward_needed_kl == pytest.approx(-np.log(share[share > 0]).sum() / 120, rel=0.2)
    (counted,) = at_distance(table, [0.1], np.random.default_rng(0))
    assert found.reward.value == pytest.approx(0.7 * counted.reward.value, abs=0.02)


@pytest.mark.parametrize("kl", [0.0, -0.1, np.inf, np.nan])
def test_a_distance_of_nothing_or_without_end_is_refused(kl):
    with pytest.raises(ValueError, match=rf"kls must be finite and > 0 nats, got \[0.2, {kl}\]"):
        at_distance(spread(5, samples=2, prompts=3), [0.2, kl], np.random.default_rng(0))


def test_sharpening_at_a_distance_is_that_of_the_exact_policy():
    log_p, reward = policy(2.0, 0.7)
    table = drawn(log_p, reward, 100)
    (found,) = at_distance(table, [0.2], np.random.default_rng(0))
    alphas = np.linspace(1, 3, 200)
    q = np.stack([np.exp(log_tilt(log_p, reward, a, 0)) for a in alphas])
    kl = np.sum(q * (np.log(q) - log_p), axis=-1).mean(axis=1)
    gain = (np.sum(q * reward, axis=-1) - np.sum(np.exp(log_p) * reward, axis=-1)).mean(axis=1)
    assert found.sharpening.low <= np.interp(0.2, kl, gain) <= found.sharpening.high
    assert found.sharpening.value == pytest.approx(np.interp(0.2, kl, gain), abs=0.01)
    assert sharpening_at_budget(log_p[0], 0.2) > 1


def test_sharpening_never_leads_farther_than_to_the_likeliest_response():
    """KL(q‖p) <= -max log p, the end of the line (T2's limit): samples that repeat had been carried beyond it."""
    log_p, reward = policy(sd=1.5, slope=0.5, responses=12)
    end = -log_p.max(axis=1).mean()
    sharpening, _ = frontier(drawn(log_p, reward, 64), np.random.default_rng(0))
    farthest = max(point.kl for point in sharpening if point.k is None)
    assert 0.9 * end < farthest <= end + 0.05  # the likeliest sample is the likeliest response on nearly all prompts


def test_a_curve_is_read_off_points_in_order():
    """The axis is walked outwards from the base model, and the steps grow only where 10 points have been passed."""
    assert np.all(np.diff(STEPS) > 0) and np.all(np.diff(STEPS)[:6] <= 0.15 + 1e-9)
    assert np.all(np.diff(BS) > 0)
    halves = sorted({2**i for i in range(1, 9)} | {3 * 2**i for i in range(7)})  # powers of two, and half way on
    assert list(KS) == halves and list(BS[-7:]) == [k / 2 for k in halves[:7]]


def test_a_picture_has_every_step_of_alpha_that_is_told_but_the_base_model():
    walked = Walked.of(spread(15), np.random.default_rng(0))
    powers = [point for point in walked.frontier()[0] if point.k is None]
    assert [point.alpha for point in powers] == [target.alpha for target in walked.sharpening.targets][
        1 : len(powers) + 1
    ]


def test_two_prompts_have_a_likeliest_of_k_up_to_the_fewer_samples_and_one_has_no_interval():
    log_p, rows, start = -np.arange(1.0, 7.0), np.zeros(6, int), np.array([0, 2])
    uneven = Rollouts(np.arange(2), start, log_p, (log_p > -3) * 1.0, -log_p, np.arange(6), rows == 0, rows, 0 * start)
    assert [point.k for point in frontier(uneven, np.random.default_rng(0))[0]] == [2]
    alone = uneven.rows(np.arange(6) > 1)
    assert frontier(alone, np.random.default_rng(0))[0] == []
