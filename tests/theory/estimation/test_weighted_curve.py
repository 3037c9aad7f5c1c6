"""Curves of points computed by hand: what is told, how far they reach, and what is read off between points."""

import numpy as np
import pytest

from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.samples import Rollouts
from theory.estimation.target import Target
from theory.estimation.weighted_curve import (
    BEYOND,
    WeightedCurve,
    along_alpha,
    along_b,
    read_off,
    within_sd,
)

PROMPTS = 20


def curve(
    ess=(16.0, 9.0, 4.0), kl=(0.0, 0.4, 1.0), gain=(0.0, 0.1, 0.2), doubts=(), ended=False, plain=None, noise=0.0
):
    """Prompts that agree but for noise, with points at alpha = 1, 2, 3."""
    apart = noise * np.linspace(-1, 1, PROMPTS)[:, None] * np.array([0.0, 1.0, 1.0])[: len(kl)]
    gains = np.tile(np.array(gain), (PROMPTS, 1)) + apart
    return WeightedCurve(
        tuple(Target(1.0 + i, 0.0) for i in range(len(kl))),
        np.tile(np.array(kl), (PROMPTS, 1)),
        gains,
        np.array(kl, float),
        np.array(gain if plain is None else plain),
        np.array(ess, float),
        ClusterBootstrap(PROMPTS, np.random.default_rng(0)),
        tuple(doubts),
        ended,
    )


def test_points_are_told_until_the_effective_samples_run_out():
    assert curve().told == 2 and curve(ess=(16, 5.0, 5.0)).told == 3 and curve(ess=(4.0, 9, 9)).told == 0
    assert curve(ess=(16, 4.0, 9.0)).told == 1  # what comes back beyond is not told either


def test_the_reach_lies_where_five_effective_samples_are_left():
    """From 9 at .4 nats to 4 at 1: four fifths of the way."""
    assert curve().reach == pytest.approx(0.4 + 0.8 * 0.6)
    assert curve(ess=(16, 9, 5.0)).reach == pytest.approx(1.0)
    assert curve(ess=(4.0, 9, 9)).reach == 0 and curve(doubts=["few"]).reach == 0
    assert curve(kl=(0.0, 0.7, 0.5), ess=(16, 9, 6)).reach == pytest.approx(0.7)  # noise does not bring one back


def test_what_is_read_off_is_a_line_in_the_root_of_kl():
    kl, gain = np.array([[0.0, 0.25, 1.0], [0.0, 1.0, 0.81]]), np.array([[0.0, 0.2, 0.1], [0.0, 0.5, 0.9]])
    np.testing.assert_allclose(read_off(kl, gain, 0.0625), [0.1, 0.125])
    np.testing.assert_allclose(read_off(kl, gain, 0.25), [0.2, 0.25])  # at a point: that point
    np.testing.assert_allclose(read_off(kl, gain, 0.5625), [0.15, 0.375])
    np.testing.assert_allclose(read_off(kl, gain, 9.0), [0.1, 0.9])  # beyond the last: its value
    np.testing.assert_allclose(read_off(kl[:, :1], gain[:, :1] + 3, 0.3), [3.0, 3.0])
    np.testing.assert_allclose(read_off(np.array([[-0.1, 0.25]]), np.array([[0.0, 0.2]]), 0.0625), [0.1])


def test_a_reading_has_its_value_and_no_doubt_within_reach():
    found = curve(noise=0.05).at(0.4)
    assert found.value == pytest.approx(0.1) and found.reliable and found.doubts == ()
    se = 0.05 * np.std(np.linspace(-1, 1, PROMPTS), ddof=1) / PROMPTS**0.5
    assert (found.high - found.low) / 2 == pytest.approx(2.09 * se, rel=0.1)
    assert curve(noise=0.05).at(0.9).doubts == (BEYOND,)
    whole = {"ess": (16, 9, 6), "noise": 0.05}
    assert curve(**whole).at(1.5).doubts == (BEYOND,) and curve(**whole, ended=True).at(1.5).doubts == ()
    assert curve(noise=0.05, ended=True).at(1.5).doubts == (BEYOND,)
    assert curve(noise=0.05, doubts=["few"]).at(0.1).doubts == ("few", BEYOND)  # doubted curves reach nowhere


def test_what_the_jackknife_took_off_is_added_by_half_or_wholly():
    """An error below half the interval adds a half of itself, a larger one all, and then the reading is in doubt."""
    plain = curve(noise=0.05).at(0.4)
    half = (plain.high - plain.low) / 2
    little, much = (curve(noise=0.05, plain=(0.0, 0.1 + e, 0.2)).at(0.4) for e in (0.5 * half, 2 * half))
    assert plain.low - little.low == pytest.approx(0.25 * half) and little.high - plain.high == pytest.approx(
        0.25 * half
    )
    assert plain.low - much.low == pytest.approx(2 * half) and much.high - plain.high == pytest.approx(2 * half)
    assert little.reliable and much.doubts == ("it hangs on few samples",)
    sure = curve(noise=1e-4, plain=(0.0, 0.104, 0.2)).at(0.4)  # half a point is nothing, however narrow the interval
    assert sure.reliable and not curve(noise=1e-4, plain=(0.0, 0.106, 0.2)).at(0.4).reliable


def test_no_gain_is_beyond_what_a_share_can_be():
    found = curve(gain=(0.0, 1.2, 1.3), plain=(0.0, 0.5, 1.3)).at(0.4)
    assert (found.value, found.high) == (1.0, 1.0)
    found = curve(gain=(0.0, -1.2, -1.3), plain=(0.0, -0.5, -1.3)).at(0.4)
    assert (found.value, found.low) == (-1.0, -1.0)


def samples(log_p, reward=None):
    y = np.arange(log_p.size).reshape(log_p.shape)
    return Rollouts.of_arrays(log_p, y % 2 if reward is None else reward, np.ones(log_p.shape), y)


def test_the_spread_is_pooled_over_prompts_with_one_degree_of_freedom_less_each():
    log_p = np.array([[-5.0, -6.0, -9.0], [-2.0, -2.0, -2.5]])
    squares = sum(((x - x.mean()) ** 2).sum() for x in log_p)
    assert within_sd(samples(log_p)) == pytest.approx(np.sqrt(squares / 4))
    assert np.isnan(within_sd(samples(log_p[:, :1])))


def test_steps_are_in_units_of_the_spread_and_one_goes_beyond_what_is_told():
    log_p = -30 + 4 * np.random.default_rng(0).normal(size=(40, 16))
    found = along_alpha(samples(log_p), np.random.default_rng(0))
    sd = within_sd(samples(log_p))
    assert found.targets[0] == Target(1.0, 0.0)
    assert [t.alpha for t in found.targets[1:4]] == pytest.approx([1 + c / sd for c in (0.1, 0.2, 0.3)])
    assert all(t.b == 0 for t in found.targets)
    assert found.ess[0] == 16 and found.told == len(found.ess) - 1 and not found.ended
    assert (
        (found.kl[:, 0] == 0).all() and (found.gain[:, 0] == 0).all() and found.plain_kl[0] == found.plain_gain[0] == 0
    )
    assert found.doubts == ()
    first = samples(log_p)
    weight = np.exp(0.1 / sd * log_p)
    weight /= weight.sum(axis=1, keepdims=True)
    plain = (weight * first.reward.reshape(log_p.shape)).sum(axis=1) - first.reward.reshape(log_p.shape).mean(axis=1)
    assert found.plain_gain[1] == pytest.approx(plain.mean(), abs=1e-3)
    assert (along_alpha(samples(log_p), np.random.default_rng(0), steps=(0.1, 0.2)).told) == 3


def test_a_curve_that_has_arrived_ends():
    """Rewards of 0 and 1: at b = 30 the policy is the face, and KL stands still long before; not before 10 points."""
    log_p = -30 + np.zeros((40, 64))
    found = along_b(samples(log_p), np.random.default_rng(0))
    assert [t.b for t in found.targets[:2]] == pytest.approx([0.0, 0.1]) and {t.alpha for t in found.targets} == {1.0}
    assert found.ended and 10 < len(found.targets) < 30
    assert found.gain[:, -1].mean() == pytest.approx(0.5, abs=0.02)
    steps = np.diff(found.kl.mean(axis=0))
    assert steps[-1] < 0.005 and (steps[10:-1] >= 0.005).all()


def test_what_makes_every_point_doubtful():
    log_p = -30 + np.random.default_rng(0).normal(size=(40, 16))
    generator = np.random.default_rng(0)
    assert along_alpha(samples(log_p[:10]), generator).doubts == ()
    assert along_alpha(samples(log_p[:9]), generator).doubts == ("fewer than 10 prompts",)
    flat = along_alpha(samples(np.full((40, 16), -30.0)), generator)
    assert flat.doubts == ("no two responses to a prompt differ in log p",) and flat.targets == (Target(1.0, 0.0),)
    one = samples(log_p)
    kept = np.ones(640, bool)
    kept[1:16] = False  # one prompt keeps a single sample
    assert along_alpha(one.rows(kept), generator).doubts == ("prompts with a single sample",)
    assert along_alpha(one.rows(kept | (np.arange(640) == 1)), generator).doubts == ()
