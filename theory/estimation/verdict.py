"""Sharpening or a task reward: four words, and the exact rules that lead from estimated curves to one of them.

The question is not which gains more. At an equal KL a task reward is never behind (T5), so sharpening can at best be
nearly as good, and its merit is that it needs no verifier. So what is judged is a share: how much of a reward's gain it
surely has. A rule that can be written down, and not a model of costs, because costs are the reader's; the thresholds
(three quarters, a half) were chosen on two small models and are no law.

Three guards. Intervals hold for all looks together, since the best of six points is a selection. A loss anywhere on the
way counts against sharpening even if the end is good, since a run passes there. And where right answers may have been
missed, the reward's curve is known from below only, and SHARPEN must be good beside all that is left to gain.

>>> def gains(slope):  # a gain of slope √KL, known to two points
...     return [CurvePoint(kl, Estimate(slope * kl**0.5, slope * kl**0.5 - 0.02, slope * kl**0.5 + 0.02))
...             for kl in (0.1, 0.4, 0.9)]
>>> base = Base(prompts=100, samples=16, accuracy=0.4, flat=False)
>>> for slope in (0.28, 0.2, 0.05, -0.1):
...     found = judge(base, gains(slope), gains(0.3))
...     print(f"{slope / 0.3:+.0%} of the reward's gain: {found.word}, {found.reason}")
+93% of the reward's gain: SHARPEN, enough
+67% of the reward's gain: EITHER, worth having
+17% of the reward's gain: REWARD, far behind
-33% of the reward's gain: REWARD, sharpening loses
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.stats import norm, t

from theory.budget import Frontier, reward_at
from theory.estimation.at_distance import CurvePoint
from theory.estimation.forecast import FEWEST_PROMPTS
from theory.estimation.records import Estimate

ENOUGH = 0.75  # of what a reward gains at the same KL: the least that sharpening surely gains where it is enough
WORTH = 0.5  # of the same: what it gains, as far as one can see, where it is worth having
LEVEL = 0.95
LOOKS = 6  # points of the curve that are looked at: more would widen every interval
SAMPLES = (16, 64, 256)  # a prompt: what is worth drawing, and no step between
FAR_ENOUGH = 0.5  # nats: what four samples a prompt tell; from nearer by, few samples do not say where it all leads
MOST_TIMES = 64  # more prompts than this many times those that there are is no advice


class Word(StrEnum):
    """What to do."""

    REWARD = "REWARD"
    """train on the task reward"""
    EITHER = "EITHER"
    """both help; a verifier at hand decides"""
    SHARPEN = "SHARPEN"
    """sharpening gains nearly as much, and needs no verifier"""
    CANNOT_TELL = "CANNOT TELL"
    """these rollouts do not settle it"""


class Reason(StrEnum):
    """Why; the first that holds, in this order."""

    NO_LOG_P = "no log p"
    """the file does not tell it: who has only rewards cannot judge"""
    FEW_PROMPTS = "few prompts"
    ALL_RIGHT = "all right"
    NONE_RIGHT = "none right"
    FLAT = "equal log p"
    FEW_SAMPLES = "few samples"
    LOSES = "sharpening loses"
    LOSES_FIRST = "sharpening loses first"
    NO_GAIN = "no gain"
    NOISE = "noise"
    ENOUGH = "enough"
    WORTH = "worth having"
    FAR_BEHIND = "far behind"


@dataclass(frozen=True)
class Look:
    """One place on the curve of sharpening, beside what a task reward has for the same KL.    [T5]"""

    place: int
    """index of the point in the curve that was judged"""
    kl: float
    """nats"""
    gain: Estimate
    """of accuracy by sharpening; the interval holds for all looks together"""
    reward_gain: float
    """of accuracy by a task reward at that KL, or at its largest where that is less"""
    reward_most: float
    """the same where its curve is reliable as far as this; else all that is left to gain"""
    reward_kl: float
    """nats that a task reward needs for what sharpening gains here; nan where it gains nothing"""


@dataclass(frozen=True)
class Verdict:
    """A word, why, and the looks that it rests on; None where nothing was looked at, or sharpening never loses."""

    word: Word
    reason: Reason
    best: Look | None = None
    """the look at which sharpening surely gains most"""
    worst: Look | None = None
    """the look at which it surely loses most"""
    looks: int = 0
    """how many were looked at: what the intervals allow for"""
    samples: int | None = None
    """samples a prompt that are worth drawing, where these are too few; None: no number would settle it"""
    prompts: int | None = None
    """prompts that might settle it, where these are too few"""


@dataclass(frozen=True)
class Base:
    """What the judge must know of the rollouts beside the curves."""

    prompts: int
    samples: int
    """of the prompt with the fewest"""
    accuracy: float
    flat: bool
    """log p is the same for all samples of each prompt: sharpening has nothing to act on"""


def judge(base: Base, sharpening: Sequence[CurvePoint], reward: Sequence[CurvePoint]) -> Verdict:
    """The word for two curves of gain against KL, which start at the base model and are estimated from its samples.

    At the same KL no policy is above the curve of a task reward [T5], so that sharpening is never ahead, and the
    question is whether it gains enough to do without a verifier:

        CANNOT TELL  fewer than 10 prompts; all samples right, or all wrong; no point of sharpening is reliable, or
                     none beyond half a nat with fewer than 16 samples a prompt and no sure loss nearer by; or an
                     interval holds both 0 and half of the reward's gain
        REWARD       sharpening surely loses somewhere; or it surely gains less than half of the reward at every look;
                     or it gains less than half as far as one can see
        EITHER       it surely gains, loses nowhere, and gains half of the reward or more
        SHARPEN      it surely gains three quarters of the reward or more, and loses nowhere

    "Surely" is by 95 % intervals that hold for all looks together (Bonferroni): the best of several is a selection,
    and where the reward is independent of log p one of m intervals would miss 0 more often than one in 40 times. Beyond
    its largest KL the reward's curve is held at its last value: who may spend more than there is to buy may stop. Where
    it is not reliable, right answers that were never sampled can only add to it: SHARPEN must then be good beside all
    that is left to gain.
    """
    if base.prompts < FEWEST_PROMPTS:
        return Verdict(Word.CANNOT_TELL, Reason.FEW_PROMPTS, prompts=FEWEST_PROMPTS)
    if base.accuracy in (0.0, 1.0):
        return Verdict(Word.CANNOT_TELL, Reason.ALL_RIGHT if base.accuracy else Reason.NONE_RIGHT)
    if base.flat:
        return Verdict(Word.REWARD, Reason.FLAT)
    looks = look(base, sharpening, reward)
    if not looks:
        more = next((n for n in SAMPLES if n > base.samples), None)
        return Verdict(Word.CANNOT_TELL, Reason.FEW_SAMPLES, samples=more)
    best, worst = max(looks, key=lambda own: own.gain.low), min(looks, key=lambda own: own.gain.high)
    if base.samples < SAMPLES[0] and looks[-1].kl < FAR_ENOUGH and worst.gain.high >= 0:
        return Verdict(Word.CANNOT_TELL, Reason.FEW_SAMPLES, best, looks=len(looks), samples=SAMPLES[0])
    word, reason = _word(looks, best, worst)
    return Verdict(
        word,
        reason,
        best,
        worst if worst.gain.high < 0 else None,
        len(looks),
        prompts=_prompts_needed(base, best) if reason == Reason.NOISE else None,
    )


def _word(looks: Sequence[Look], best: Look, worst: Look) -> tuple[Word, Reason]:
    """Losses first, then doubts, then gains: a sure loss outweighs a sure gain elsewhere."""
    gain, of_reward = best.gain, best.reward_gain
    if worst.gain.high < 0:
        return Word.REWARD, Reason.LOSES_FIRST if gain.low > 0 else Reason.LOSES
    if gain.low <= 0:
        behind = all(own.gain.high < WORTH * own.reward_gain for own in looks)
        return (Word.REWARD, Reason.NO_GAIN) if behind else (Word.CANNOT_TELL, Reason.NOISE)
    if gain.low >= ENOUGH * best.reward_most:
        return Word.SHARPEN, Reason.ENOUGH
    if gain.value >= WORTH * of_reward:
        return Word.EITHER, Reason.WORTH
    return Word.REWARD, Reason.FAR_BEHIND


def look(base: Base, sharpening: Sequence[CurvePoint], reward: Sequence[CurvePoint]) -> list[Look]:
    """At most LOOKS reliable points of sharpening, evenly spread over their KL, with intervals that hold for all.

    Few, since each look widens all intervals; evenly, so that none of them depends on how finely a curve was computed.
    """
    known = [place for place, point in enumerate(sharpening) if point.gain.reliable and point.kl > 0]
    known = [place for place in known if np.isfinite([sharpening[place].gain.low, sharpening[place].gain.high]).all()]
    if not known:
        return []
    kl = np.array([sharpening[place].kl for place in known])
    evenly = kl.max() * np.arange(1, LOOKS + 1) / LOOKS
    chosen = sorted({known[int(np.argmin(np.abs(kl - where)))] for where in evenly})
    wider = widening(len(chosen), base.prompts)
    curve, told = reward_curve(reward)
    looks = []
    for place in chosen:
        point, gain = sharpening[place], sharpening[place].gain.value
        of_reward = float(reward_at(curve, point.kl))
        most = of_reward if point.kl < told else 1 - base.accuracy
        # No policy gains more than a reward does [T5]: what seems more is the error of an estimate.
        needs = (
            float(np.interp(gain, curve.mean_reward, curve.kl)) if gain > 0 and curve.mean_reward[-1] > 0 else np.nan
        )
        looks.append(Look(place, point.kl, widened(point.gain, wider), of_reward, max(of_reward, most), needs))
    return looks


def widening(looks: int, prompts: int) -> float:
    """How much wider a 95 % interval over prompts must be to hold for so many looks together (Bonferroni).

    Each look may miss on a sixth of the 5 %, if there are six: the chance that any does is then at most 5 %, however
    they depend on each other. Looks on one curve depend a lot, so that this is more than needed.

    >>> [round(widening(looks, prompts=60), 2) for looks in (1, 6)]
    [1.0, 1.36]
    """
    tail = (1 - LEVEL) / 2
    quantile = (lambda q: t.ppf(q, prompts - 1)) if prompts > 1 else norm.ppf
    return float(quantile(tail / looks) / quantile(tail))


def widened(estimate: Estimate, times: float) -> Estimate:
    """Each end so many times as far from the value, within what a gain of accuracy can be.

    >>> wide = widened(Estimate(0.1, 0.0, 0.3), times=1.5)
    >>> round(wide.low, 2), round(wide.high, 2)
    (-0.05, 0.4)
    """
    low = estimate.value - times * (estimate.value - estimate.low)
    high = estimate.value + times * (estimate.high - estimate.value)
    return replace(estimate, low=max(low, -1.0), high=min(high, 1.0))


def reward_curve(reward: Sequence[CurvePoint]) -> tuple[Frontier, float]:
    """(gain of a task reward against KL, from (0, 0) on and rising; the KL of its first doubt, below which it is sure).

    A curve that is reliable to its end is so beyond it, where reward_at holds its last value.
    """
    points = sorted((p for p in reward if np.isfinite([p.kl, p.gain.value]).all() and p.kl > 0), key=lambda p: p.kl)
    spent = np.array([0.0, *(p.kl for p in points)])
    gained = np.maximum.accumulate([0.0, *(p.gain.value for p in points)])
    doubted = [p.kl for p in points if not p.gain.reliable]
    return Frontier(spent, gained), float(min(doubted)) if doubted else np.inf if points else 0.0


def _prompts_needed(base: Base, best: Look) -> int | None:
    """Prompts at which an interval of this width would leave 0 or half of the reward's gain outside, in doublings.

    Widths fall as the root of the number of prompts. None where more than 64 times as many would be needed: the gain is
    then so small, or so near the threshold, that no sensible number settles it.
    """
    gain = best.gain
    margin = max(abs(gain.value), abs(WORTH * best.reward_gain - gain.value))
    half = (gain.high - gain.low) / 2
    times = (half / margin) ** 2 if margin > 0 else np.inf
    if times > MOST_TIMES:
        return None
    return base.prompts * 2 ** max(1, int(np.ceil(np.log2(times))))
