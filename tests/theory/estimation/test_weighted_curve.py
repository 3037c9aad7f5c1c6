"""Curves of points computed by hand: what is told, how far they reach, and what is read off between points."""

from dataclasses import replace

import numpy as np
import pytest

from theory.estimation import weighted_curve
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.samples import Rollouts
from theory.estimation.target import Reweighted, Target
from theory.estimation.weighted_curve import (
    BEYOND,
    STEPS,
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
    apart = noise * np.linspace(-1, 1, PROMPTS)[:, None] * np.array([0.0, 1.0, 1.0, 1.0])[: len(kl)]
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
    assert curve(ess=(16, 4.0, 9)).reach == pytest.approx(11 / 12 * 0.4)
    assert curve(ess=(16, 9, 4, 3), kl=(0, 0.4, 1.0, 2.0), gain=(0.0,) * 4).reach == pytest.approx(0.4 + 0.8 * 0.6)
    assert curve(ess=(4.0, 9, 9)).reach == 0 and curve(doubts=["few"]).reach == 0
    assert curve(kl=(0.0, 0.7, 0.5), ess=(16, 9, 6)).reach == pytest.approx(0.7)  # noise does not bring one back


def test_what_is_read_off_is_a_line_in_the_root_of_kl():
    kl, gain = np.array([[0.0, 0.25, 1.0], [0.0, 1.0, 0.81]]), np.array([[0.0, 0.2, 0.1], [0.0, 0.5, 0.9]])
    np.testing.assert_allclose(read_off(kl, gain, 0.0625), [0.1, 0.125])
    np.testing.assert_allclose(read_off(kl[::-1], gain[::-1], 0.0625), [0.125, 0.1])
    np.testing.assert_allclose(read_off(kl, gain, 0.25), [0.2, 0.25])  # at a point: that point
    np.testing.assert_allclose(read_off(kl, gain, 0.5625), [0.15, 0.375])
    np.testing.assert_allclose(read_off(kl, gain, 9.0), [0.1, 0.9])  # beyond the last: its value
    np.testing.assert_allclose(read_off(kl[:, :1], gain[:, :1] + 3, 0.3), [3.0, 3.0])
    np.testing.assert_allclose(read_off(np.array([[-0.1, 0.25]]), np.array([[0.0, 0.2]]), 0.0625), [0.1])
    still = np.array([[0.0, 0.25, 0.25]]), np.array([[0.0, 0.2, 0.5]])  # two points at one distance
    with np.errstate(all="raise"):
        assert read_off(*still, 0.25) == 0.2  # where it is reached first
        assert read_off(*still, 9.0) == 0.5  # the last value


def test_a_reading_has_its_value_and_no_doubt_within_reach():
    found = curve(noise=0.05).at(0.4)
    assert found.value == pytest.approx(0.1) and found.reliable and found.doubts == ()
    se = 0.05 * np.std(np.linspace(-1, 1, PROMPTS), ddof=1) / PROMPTS**0.5
    assert (found.high - found.low) / 2 == pytest.approx(2.09 * se, rel=0.1)
    assert curve(noise=0.05).at(0.9).doubts == (BEYOND,)
    assert curve(noise=0.05, ess=(16, 9, 5.0)).at(1.0).doubts == ()  # as far as it reaches
    whole = {"ess": (16, 9, 6), "noise": 0.05}
    assert curve(**whole).at(1.5).doubts == (BEYOND,) and curve(**whole, ended=True).at(1.5).doubts == ()
    assert curve(noise=0.05, ended=True).at(1.5).doubts == (BEYOND,)
    assert curve(noise=0.05, doubts=["few"]).at(0.1).doubts == ("few", BEYOND)  # doubted curves reach nowhere


def test_a_reading_at_a_point_has_the_interval_of_the_mean_there():
    """Skewed gains, whose interval is not symmetric: few prompts gain much."""
    made = curve()
    gain = made.gain + np.random.default_rng(1).exponential(0.15, (PROMPTS, 1)) ** 2 * [0, 1, 1]
    found = replace(made, gain=gain, plain_gain=gain.mean(axis=0)).at(0.4)
    low, high = made.bootstrap.interval(gain[:, [1]])[:, 0]
    assert (found.value, found.low, found.high) == pytest.approx((gain[:, 1].mean(), low, high), abs=1e-6)
    assert high - found.value > 1.2 * (found.value - low)


def test_a_single_prompt_has_a_value_and_no_interval():
    made = curve()
    one = replace(
        made, kl=made.kl[:1], gain=made.gain[:1], bootstrap=ClusterBootstrap(1, np.random.default_rng(0)), doubts=()
    )
    with np.errstate(all="raise"):
        found = one.at(0.4)
    assert found.value == pytest.approx(0.1) and np.isnan([found.low, found.high]).all() and not found.reliable


def test_what_the_jackknife_took_off_is_added_by_half_or_wholly():
    """An error below half the interval adds a half of itself, a larger one all, and then the reading is in doubt."""
    plain = curve(noise=0.05).at(0.4)
    half = (plain.high - plain.low) / 2
    little, much = (curve(noise=0.05, plain=(0.0, 0.1 + e, 0.2)).at(0.4) for e in (0.5 * half, 2 * half))
    assert plain.low - little.low == pytest.approx(0.25 * half) and little.high - plain.high == pytest.approx(
        0.25 * half
    )
    assert plain.low - much.low == pytest.approx(2 * half) and much.high - plain.high == pytest.approx(2 * half)
    nearly = curve(noise=0.05, plain=(0.0, 0.1 + 0.9 * half, 0.2)).at(0.4)
    assert plain.low - nearly.low == pytest.approx(0.45 * half)
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
    assert along_alpha(samples(log_p[:10]), generator, (0.1,)).doubts == ()
    assert along_alpha(samples(log_p[:9]), generator, (0.1,)).doubts == ("fewer than 10 prompts",)
    flat = along_alpha(samples(np.full((40, 16), -30.0)), generator, (0.1,))
    assert flat.doubts == ("no two responses to a prompt differ in log p",) and flat.targets == (Target(1.0, 0.0),)
    assert not flat.ended and (flat.told, flat.reach) == (1, 0.0)
    one = samples(log_p)
    kept = np.ones(640, bool)
    kept[1:16] = False  # one prompt keeps a single sample
    assert along_alpha(one.rows(kept), generator, (0.1,)).doubts == ("prompts with a single sample",)
    assert along_alpha(one.rows(kept | (np.arange(640) == 1)), generator, (0.1,)).doubts == ()


def followed(monkeypatch, along, rollouts, kl, ess=None, bias=0.0):
    """The curve where the i-th target has these KL and effective samples, an accuracy of .5 + .01 i and a bias of KL.

    Prompts have a tenth more or less of it. The last ones stand for all that follow.
    """
    asked = []

    def scripted(rollouts, target):
        i, apart = len(asked), np.tile([0.9, 1.1], len(rollouts.start) // 2)
        asked.append(target)
        at = kl[min(i, len(kl) - 1)] * apart
        known = np.where(np.arange(len(apart)) == 0, np.nan, bias)  # a prompt with a single sample has none
        own = 20.0 if ess is None else ess[min(i, len(ess) - 1)]
        value = {"kl": at, "accuracy": 0.5 + 0.01 * (i + 1) * apart}
        return Reweighted(value, {"kl": known, "accuracy": known / 2}, own * apart, None, np.nan)

    monkeypatch.setattr(weighted_curve, "reweight", scripted)
    return along(rollouts, np.random.default_rng(0)), asked


def spread(sd=0.1, prompts=10):
    """Two samples a prompt, log p of -2 and less, with this standard deviation within prompts; half are right."""
    return samples(-2 - sd * np.sqrt(2) * np.tile([0.0, 1.0], (prompts, 1)))


def test_the_curve_holds_what_the_weights_say_at_each_target(monkeypatch):
    found, asked = followed(monkeypatch, along_b, spread(), (0.5, 0.4, 3.0, 9.0), (20, 8, 5, 4.9), bias=0.06)
    apart = np.tile([0.9, 1.1], 5)
    assert found.targets == (Target(1.0, 0.0), *asked) and len(asked) == 4 and not found.ended
    np.testing.assert_allclose(found.kl, np.outer(apart, [0, 0.5, 0.4, 3.0, 9.0]))
    np.testing.assert_allclose(found.gain, np.outer(apart, [0, 0.01, 0.02, 0.03, 0.04]))
    np.testing.assert_allclose(found.plain_kl, np.array([0, 0.5, 0.4, 3.0, 9.0]) + 0.9 * 0.06 * (np.arange(5) > 0))
    np.testing.assert_allclose(found.plain_gain, 0.01 * np.arange(5) + 0.9 * 0.03 * (np.arange(5) > 0))
    np.testing.assert_allclose(found.ess, [2, 20, 8, 5, 4.9])
    assert found.bootstrap.prompts == 10 and found.doubts == ()


@pytest.mark.parametrize(
    ("kl", "points", "ended"),
    [
        ([0.1], 11, True),  # still from the beginning: not before ten points
        ([*0.1 * np.arange(11), 1.0049], 13, True),
        ([*0.1 * np.arange(11), 1.006, 1.0109], 14, True),
        ([*0.1 * np.arange(40)], 31, False),  # the line ends
    ],
)
def test_a_curve_has_arrived_where_kl_grows_by_less_than_half_a_hundredth(kl, points, ended, monkeypatch):
    found, _ = followed(monkeypatch, along_b, spread(), kl)
    assert (len(found.targets), found.ended) == (points, ended)


def test_the_steps_of_both_lines(monkeypatch):
    """alpha - 1 in spreads: tenths, then by a third each up to 2,000; b from a tenth to 30 in equal ratios."""
    kl = 0.01 * np.arange(40)
    rollouts = spread()
    assert within_sd(rollouts) == pytest.approx(0.1)
    found, _ = followed(monkeypatch, along_alpha, rollouts, kl)
    steps = [(target.alpha - 1) * 0.1 for target in found.targets[1:]]
    assert steps == pytest.approx(STEPS) and {target.b for target in found.targets} == {0.0}
    assert steps[:7] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8])
    assert np.array(steps[7:]) / steps[6:-1] == pytest.approx([1.31] * 29, abs=0.005)
    assert steps[-1] == pytest.approx(2000)
    found, _ = followed(monkeypatch, along_b, rollouts, kl)
    b = np.array([target.b for target in found.targets[1:]])
    assert (b[0], b[-1]) == pytest.approx((0.1, 30)) and {target.alpha for target in found.targets} == {1.0}
    assert b[1:] / b[:-1] == pytest.approx([300 ** (1 / 29)] * 29)


def test_no_power_is_farther_than_the_likeliest_response_is_rare(monkeypatch):
    """KL(q‖p) <= -max log p, 2 nats here; the weights of a reward know no such bound."""
    far = [1.0, 1.9, 5.0]
    found, _ = followed(monkeypatch, along_alpha, spread(), far)
    np.testing.assert_allclose(found.kl[:2, 1:4], [[0.9, 1.71, 2.0], [1.1, 2.0, 2.0]])
    found, _ = followed(monkeypatch, along_b, spread(), far)
    np.testing.assert_allclose(found.kl[:2, 1:4], np.outer([0.9, 1.1], far))
