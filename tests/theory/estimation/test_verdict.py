"""The rules that lead from two curves to a word."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from theory.estimation.at_distance import CurvePoint
from theory.estimation.records import Estimate
from theory.estimation.verdict import LOOKS, Base, Reason, Word, judge, reward_curve, widened, widening

BASE = Base(prompts=96, samples=64, accuracy=0.5, flat=False)
DOUBT = ("for a reason",)


def curve(gains, half=0.02, far=1.0, doubts=()):
    """Gains at evenly spaced distances up to `far`, with intervals of half that width on either side."""
    kls = far * np.arange(1, len(gains) + 1) / len(gains)
    return [CurvePoint(float(kl), Estimate(g, g - half, g + half, doubts)) for kl, g in zip(kls, gains, strict=True)]


REWARD = curve([0.2, 0.3, 0.4], far=0.5)


@pytest.mark.parametrize(
    ("sharpening", "word", "reason"),
    [
        (curve([-0.1, -0.2, -0.3]), Word.REWARD, Reason.LOSES),
        (curve([-0.1, 0.1, 0.35]), Word.REWARD, Reason.LOSES_FIRST),
        (curve([0.01, 0.02, 0.0]), Word.REWARD, Reason.NO_GAIN),
        (curve([0.05, 0.1, 0.15]), Word.REWARD, Reason.FAR_BEHIND),
        (curve([0.05, 0.15, 0.25]), Word.EITHER, Reason.WORTH),
        (curve([0.15, 0.25, 0.38]), Word.SHARPEN, Reason.ENOUGH),
        (
            curve([0.15, 0.2, 0.25], half=0.08),
            Word.EITHER,
            Reason.WORTH,
        ),  # surely a gain, and half by value
        (curve([0.15, 0.25, 0.32], half=0.05), Word.EITHER, Reason.WORTH),  # three quarters, but not surely
        (curve([0.01, 0.02, 0.0], half=0.3), Word.CANNOT_TELL, Reason.NOISE),
        (curve([0.15, 0.25, 0.38], doubts=DOUBT), Word.CANNOT_TELL, Reason.FEW_SAMPLES),
        ([], Word.CANNOT_TELL, Reason.FEW_SAMPLES),
    ],
)
def test_each_shape_has_its_word(sharpening, word, reason):
    found = judge(BASE, sharpening, REWARD)
    assert (found.word, found.reason) == (word, reason)


@pytest.mark.parametrize(
    ("base", "word", "reason"),
    [
        (Base(9, 64, 0.5, False), "CANNOT TELL", "few prompts"),
        (Base(96, 64, 1.0, False), "CANNOT TELL", "all right"),
        (Base(96, 64, 0.0, False), "CANNOT TELL", "none right"),
        (Base(96, 64, 0.5, True), "REWARD", "equal log p"),
    ],
)
def test_what_no_curve_can_change(base, word, reason):
    found = judge(base, curve([0.15, 0.25, 0.38]), REWARD)
    assert (found.word, found.reason) == (word, reason)
    assert (found.best, found.worst, found.looks, found.samples) == (None, None, 0, None)
    assert found.prompts == (10 if base.prompts == 9 else None)


def test_beyond_its_largest_kl_the_reward_has_its_last_value():
    """T5: who may spend more than there is to buy may stop; the comparison is not dropped there."""
    best = judge(BASE, curve([0.1, 0.2, 0.25], far=5.0), REWARD).best
    assert best.kl == 5.0 and best.reward_gain == pytest.approx(0.4)
    # On the line from (0, 0): 0.25 lies halfway between 0.2 at a sixth of a nat and 0.3 at a third.
    assert best.reward_kl == pytest.approx(0.25)


def test_a_reward_whose_curve_is_in_doubt_may_gain_all_that_is_left():
    """T24: right answers that were never sampled can only add to it, so that SHARPEN needs more than its curve says."""
    short = curve([0.2, 0.3, 0.35], far=0.5, doubts=DOUBT)
    sharpening = curve([0.15, 0.25, 0.33])
    assert judge(BASE, sharpening, curve([0.2, 0.3, 0.35], far=0.5)).word == Word.SHARPEN
    assert judge(BASE, sharpening, short).word == Word.EITHER


def test_one_distance_that_surely_loses_is_enough_for_the_reward():
    good = curve([0.15, 0.2, 0.25, 0.3, 0.35, 0.38])
    assert judge(BASE, good, REWARD).word == Word.SHARPEN
    for place in range(len(good)):
        bad = [*good]
        bad[place] = replace(good[place], gain=Estimate(-0.1, -0.12, -0.08))
        assert judge(BASE, bad, REWARD).word == Word.REWARD


@given(st.integers(1, 12), st.integers(2, 300))
def test_intervals_that_are_wide_enough_for_all_looks(looks, prompts):
    """Bonferroni: m looks each leave out the truth in 1/m of the cases that one may; for many prompts the normal's."""
    wider = widening(looks, prompts)
    assert wider == pytest.approx(1) if looks == 1 else wider > 1
    many = widening(looks, 10**7)
    assert many == pytest.approx(norm.ppf(0.025 / looks) / norm.ppf(0.025), rel=1e-4)
    assert wider >= many - 1e-9


def test_independent_looks_together_miss_as_seldom_as_one_may():
    generator = np.random.default_rng(0)
    tables = 20_000
    noise = generator.normal(size=(tables, LOOKS))
    wide = 1.96 * widening(LOOKS, 10**7)
    assert np.mean((noise > wide).any(axis=1)) <= 0.025 + 3 * np.sqrt(0.025 / tables)
    assert np.mean((noise > 1.96).any(axis=1)) > 0.1  # what the best of six would do without


def test_at_most_six_looks_that_span_the_curve_however_fine_it_is():
    gains = np.linspace(0.1, 0.38, 200)
    found = judge(BASE, curve(gains), REWARD)
    assert found.looks == LOOKS == 6 and found.best.kl == pytest.approx(1.0)
    assert judge(BASE, curve(gains), REWARD).word == judge(BASE, curve(gains[9::10]), REWARD).word


def test_gains_stay_within_what_accuracy_can_gain():
    assert widened(Estimate(0.5, -0.9, 0.9), 3.0) == Estimate(0.5, -1.0, 1.0)


def test_the_reward_never_falls_along_its_curve():
    frontier, told = reward_curve([*curve([0.2, 0.1, 0.3]), *curve([0.2], far=5.0, doubts=DOUBT)])
    assert (np.diff(frontier.mean_reward) >= 0).all() and frontier.kl[0] == 0 and told == 5.0


def test_few_samples_that_see_only_the_beginning_do_not_say_where_it_leads():
    """Two tell as far as 0.19 nats: a sure loss there is one, and nothing else is anything."""
    few, near = Base(96, 2, 0.5, False), 0.19
    for gains in ([0.15], [0.0]):
        assert judge(few, curve(gains, far=near), REWARD).samples == 16
        assert judge(BASE, curve(gains, far=near), REWARD).word != Word.CANNOT_TELL  # with 64 that is all there is
    assert judge(few, curve([-0.1], far=near), REWARD).word == Word.REWARD


@pytest.mark.parametrize(("samples", "advised"), [(1, 16), (2, 16), (15, 16), (16, 64), (100, 256), (256, None)])
def test_samples_that_are_advised_are_the_same_for_all_tables_that_have_too_few(samples, advised):
    found = judge(Base(96, samples, 0.5, False), curve([0.1], doubts=DOUBT), REWARD)
    assert found.samples == advised


def test_prompts_that_are_advised_settle_it():
    """An interval shrinks as the root of the number of prompts."""
    found = judge(BASE, curve([0.01, 0.02, 0.05], half=0.15), REWARD)
    assert found.reason == Reason.NOISE and found.prompts % BASE.prompts == 0
    smaller = 0.15 * np.sqrt(BASE.prompts / found.prompts)
    assert judge(BASE, curve([0.01, 0.02, 0.05], half=smaller), REWARD).word != Word.CANNOT_TELL


def gain(value, low, high, kl=0.5):
    return [CurvePoint(kl, Estimate(value, low, high))]


def told(base=BASE, reward=None, **look):
    """The verdict on one look, whose interval needs no widening."""
    return judge(base, gain(**look), curve([0.4], far=0.5) if reward is None else reward)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        ({"value": -0.1, "low": -0.2, "high": -1e-9}, Reason.LOSES),
        ({"value": -0.1, "low": -0.2, "high": 0.0}, Reason.NO_GAIN),
        ({"value": 0.1, "low": 0.0, "high": 0.19}, Reason.NO_GAIN),
        ({"value": 0.1, "low": 0.0, "high": 0.2}, Reason.NOISE),  # it holds 0 and half of .4
        ({"value": 0.1, "low": 1e-9, "high": 0.2}, Reason.FAR_BEHIND),
        ({"value": 0.2, "low": 1e-9, "high": 0.25}, Reason.WORTH),
        ({"value": 0.35, "low": 0.301, "high": 0.38}, Reason.ENOUGH),
        ({"value": 0.35, "low": 0.299, "high": 0.38}, Reason.WORTH),
    ],
)
def test_each_rule_at_its_threshold(look, reason):
    """Half and three quarters of a reward's gain of .4, and 0."""
    found = told(**look)
    assert found.reason == reason and found.looks == 1
    assert (found.worst is not None) == (reason == Reason.LOSES)
    assert (found.prompts is None) == (reason != Reason.NOISE)


def test_ten_prompts_are_enough_to_look():
    assert judge(replace(BASE, prompts=10), curve([0.15, 0.25, 0.38]), REWARD).reason == Reason.ENOUGH


def test_three_quarters_are_enough_and_a_look_that_gains_nothing_surely_leaves_a_loss_a_loss():
    """Exactly: .375 of .5; and beside a sure loss a gain of 0 whose interval begins there."""
    half = curve([0.5], far=0.5)
    assert told(value=0.5, low=0.375, high=0.6, reward=half).reason == Reason.ENOUGH
    both = [*gain(-0.2, -0.25, -0.1, kl=0.25), *gain(0.0, 0.0, 0.1)]
    assert judge(BASE, both, half).reason == Reason.LOSES
    # One look that may gain half of the reward's gain is enough for a doubt.
    both = [*gain(0.0, -0.01, 0.01, kl=0.25), *gain(0.1, -0.2, 0.4)]
    found = judge(BASE, both, half)
    assert found.reason == Reason.NOISE and found.looks == 2


def test_where_a_reward_is_first_in_doubt_it_may_gain_all_that_is_left():
    for kl, most in ((0.49, 0.392), (0.5, 0.5)):
        doubted = [*curve([0.2], far=0.25), CurvePoint(0.5, Estimate(0.4, 0.3, 0.5, DOUBT))]
        assert judge(BASE, gain(0.2, 0.1, 0.25, kl=kl), doubted).best.reward_most == pytest.approx(most)


def test_where_nothing_is_gained_no_reward_is_needed_and_no_number_of_prompts_helps():
    found = judge(BASE, gain(0.0, -0.1, 0.1), [])
    assert found.reason == Reason.NOISE and found.prompts is None and np.isnan(found.best.reward_kl)
    assert np.isnan(told(value=0.0, low=-0.1, high=0.1).best.reward_kl)


@pytest.mark.parametrize(("looks", "prompts"), [(2, 3), (6, 10), (6, 2)])
def test_the_widening_is_that_of_students_quantiles(looks, prompts):
    expected = student.ppf(0.025 / looks, prompts - 1) / student.ppf(0.025, prompts - 1)
    assert widening(looks, prompts) == pytest.approx(expected)
    assert widening(looks, 1) == pytest.approx(norm.ppf(0.025 / looks) / norm.ppf(0.025))


def test_a_look_holds_what_stands_beside_it():
    found = told(value=0.2, low=0.1, high=0.25, reward=curve([0.2, 0.4], far=0.5)).best
    assert (found.place, found.kl, found.reward_gain, found.reward_most) == (0, 0.5, 0.4, 0.4)
    assert found.reward_kl == pytest.approx(0.25)  # where the reward gains .2
    assert (found.gain.value, found.gain.low, found.gain.high) == pytest.approx((0.2, 0.1, 0.25))
    assert np.isnan(told(value=-0.2, low=-0.3, high=-0.1).best.reward_kl)
    none = judge(BASE, gain(0.2, 0.1, 0.3), [])
    assert np.isnan(none.best.reward_kl) and (none.best.reward_gain, none.best.reward_most) == (0.0, 0.5)


def test_points_at_no_distance_or_without_an_interval_are_not_looked_at():
    assert judge(BASE, gain(0.2, 0.1, 0.3, kl=0.0), REWARD).reason == Reason.FEW_SAMPLES
    assert judge(BASE, gain(0.2, np.nan, 0.3), REWARD).reason == Reason.FEW_SAMPLES
    assert judge(BASE, [*gain(0.2, np.nan, 0.3), *gain(0.2, 0.1, 0.3)], REWARD).best.place == 1


def test_the_reward_is_reliable_to_its_first_doubt_or_to_its_end_and_beyond():
    frontier, told_to = reward_curve([*curve([0.2]), CurvePoint(2.0, Estimate(0.3, 0.2, 0.4, DOUBT))])
    assert frontier.kl.tolist() == [0, 1, 2] and frontier.mean_reward.tolist() == [0, 0.2, 0.3] and told_to == 2.0
    assert reward_curve(curve([0.2, 0.3], doubts=DOUBT))[1] == 0.5
    assert reward_curve(curve([0.2]))[1] == np.inf and reward_curve([])[1] == 0.0
    odd = [CurvePoint(0.0, Estimate(0.3, 0, 1)), CurvePoint(np.nan, Estimate(0.3, 0, 1)), *gain(np.nan, 0, 1)]
    assert reward_curve(odd)[1] == 0.0 and reward_curve(odd)[0].kl.tolist() == [0]


def test_few_samples_tell_losses_and_what_lies_beyond_half_a_nat():
    few = replace(BASE, samples=15)
    found = told(few, value=0.35, low=0.3, high=0.38, kl=0.49)
    assert (found.reason, found.looks, found.samples, found.best.kl) == (Reason.FEW_SAMPLES, 1, 16, 0.49)
    assert told(few, value=0.35, low=0.34, high=0.38, kl=0.5).reason == Reason.ENOUGH
    assert told(replace(BASE, samples=16), value=0.35, low=0.34, high=0.38, kl=0.49).reason == Reason.ENOUGH
    assert told(few, value=-0.2, low=-0.3, high=-0.1, kl=0.2).reason == Reason.LOSES
    assert told(few, value=0.0, low=-0.3, high=0.0, kl=0.2).reason == Reason.FEW_SAMPLES


@pytest.mark.parametrize(
    ("half", "prompts"), [(0.1, 192), (0.2, 192), (0.28, 192), (0.29, 384), (0.4, 384), (0.41, 768)]
)
def test_prompts_that_are_needed_grow_with_the_square_of_the_width(half, prompts):
    """A gain of 0 beside half of .4: the margin is .2, and twice the prompts take a √½ off the width."""
    found = told(value=0.0, low=-half, high=max(half, 0.2))
    margin, width = 0.2, (half + max(half, 0.2)) / 2
    doublings = max(1, int(np.ceil(2 * np.log2(width / margin))))
    assert found.prompts == 96 * 2**doublings == prompts
    assert told(value=0.0, low=-1.0, high=1.0, reward=curve([0.2], far=0.5)).prompts is None  # a hundred times as many
    small = {"value": 0.0, "reward": curve([0.2], far=0.5)}  # 64 times as many is the most that is advised
    assert told(low=-0.8, high=0.8, **small).prompts == 96 * 64
    assert told(low=-0.803, high=0.803, **small).prompts is None
    moved = told(value=0.05, low=0.05 - half, high=0.05 + max(half, 0.2))  # .15 from the half, and that decides
    doublings = max(1, int(np.ceil(2 * np.log2((half + max(half, 0.2)) / 2 / 0.15))))
    assert moved.prompts == 96 * 2**doublings
