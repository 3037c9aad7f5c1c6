"""What every command says of a base model first: the verdict, and the curves and distances that it rests on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from theory.estimation.at_distance import AtDistance, CurvePoint, Walked, at_distance, frontier
from theory.estimation.records import Estimate
from theory.estimation.samples import Rollouts
from theory.estimation.verdict import Base, Look, Reason, Verdict, Word, judge

NEAR, FAR = 0.2, 0.6  # nats: a little sharpening, and as far as 16 samples a prompt can tell


class Settled(NamedTuple):
    """Of some rollouts, whatever powers are asked for beside it."""

    base: Base
    verdict: Verdict
    judged: list[CurvePoint]
    """the way that the verdict is about: powers as far as they can be told, then the likeliest of k"""
    sharpening: list[CurvePoint]
    """every point of both"""
    reward: list[CurvePoint]
    shown: CurvePoint | None
    """the point of sharpening that the report names"""
    direction: Estimate
    """gain of a little sharpening, NEAR nats away"""
    distances: list[AtDistance]
    """at NEAR, FAR and, last, where `shown` is (FAR if it is nowhere)"""
    reach: float
    """nats along sharpening to which these rollouts can tell"""


def settle(rollouts: Rollouts, seed: int = 0) -> Settled:
    """The draws behind each number are made of the seed, so that none depends on what else was asked."""
    walked = Walked.of(rollouts, np.random.default_rng(seed))
    sharpening, reward = walked.frontier()
    base, farthest = facts(rollouts), walked.reach
    judged = one_way(sharpening, farthest)
    verdict = judge(base, judged, reward)
    place = shown(verdict, judged)
    kls = [NEAR, FAR, FAR if place is None else place.kl]
    return Settled(
        base,
        verdict,
        judged,
        sharpening,
        reward,
        place,
        walked.direction(),
        walked.at_distance(kls),
        farthest,
    )


def settle_reward(rollouts: Rollouts, why: str, seed: int = 0) -> Settled:
    """Of rollouts whose log p is not known (all 0 here): where a reward leads, which counts right answers alone [T24].

    why: the doubt that stands at all that is said of sharpening.
    """
    unknown = Estimate(np.nan, np.nan, np.nan, (why,))
    _, reward = frontier(rollouts, np.random.default_rng(seed))
    distances = at_distance(rollouts, [NEAR, FAR], np.random.default_rng(seed))
    distances = [replace(at, sharpening=unknown) for at in distances]
    verdict = Verdict(Word.CANNOT_TELL, Reason.NO_LOG_P)
    return Settled(facts(rollouts), verdict, [], [], reward, None, unknown, distances, 0.0)


def one_way(sharpening: Sequence[CurvePoint], farthest: float) -> list[CurvePoint]:
    """Powers, and beyond the farthest of them that can be told the likeliest of k, in order of KL."""
    powers = [point for point in sharpening if point.alpha is not None]
    beyond = [point for point in sharpening if point.k is not None and point.kl > farthest]
    return sorted([*powers, *beyond], key=lambda point: point.kl)


def facts(rollouts: Rollouts) -> Base:
    flat = bool((rollouts.max(rollouts.log_p) == -rollouts.max(-rollouts.log_p)).all())
    several = bool((rollouts.count > 1).all())
    accuracy = float(rollouts.mean(rollouts.reward).mean())
    return Base(len(rollouts.start), int(rollouts.count.min()), accuracy, flat and several)


def shown(verdict: Verdict, judged: Sequence[CurvePoint]) -> CurvePoint | None:
    """Where sharpening surely gains most, or else as far as can be told; None where nothing can."""
    if verdict.best is not None and verdict.best.gain.low > 0:
        return judged[verdict.best.place]
    return next((point for point in reversed(judged) if point.gain.reliable and point.kl > 0), None)


def to_json(settled: Settled, sentence: str, advice: Sequence[str], reasons: Sequence[str]) -> dict[str, Any]:
    """As forecast.json holds it."""
    verdict = settled.verdict
    return {
        "verdict": {
            "word": str(verdict.word),
            "sentence": sentence,
            "reason": str(verdict.reason),
            "advice": list(advice),
            "sentences": list(reasons),
            "best": _look(verdict.best, settled.judged),
            "worst": _look(verdict.worst, settled.judged),
            "looks": verdict.looks,
        },
        "direction": {"kl": NEAR} | _estimate("gain", settled.direction),
        "at_distance": [_distance(at) for at in settled.distances],
        "reach": settled.reach,
        "frontier": [
            {"line": name} | _point(point, settled.base.accuracy)
            for name, line in _pictured(settled).items()
            for point in line
        ],
    }


def _pictured(settled: Settled) -> dict[str, list[CurvePoint]]:
    powers = [point for point in settled.sharpening if point.alpha is not None]
    likeliest = [point for point in settled.sharpening if point.k is not None]
    return {"sharpening": powers, "best-of-k": likeliest, "reward": settled.reward}


def coordinate(point: CurvePoint) -> dict[str, float]:
    """The alpha, b or k of a point; nothing where it has none."""
    named = {name: getattr(point, name, None) for name in ("alpha", "b", "k")}
    return {name: float(value) for name, value in named.items() if value is not None}


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        "reliable": estimate.reliable,
        "doubts": list(estimate.doubts),
    }


def _point(point: CurvePoint, accuracy: float) -> dict[str, Any]:
    return (
        {"kl": point.kl} | _estimate("gain", point.gain) | {"accuracy": accuracy + point.gain.value} | coordinate(point)
    )


def _look(look: Look | None, line: Sequence[CurvePoint]) -> dict[str, Any] | None:
    if look is None:
        return None
    costs = {"reward_gain": look.reward_gain, "reward_most": look.reward_most, "reward_kl": look.reward_kl}
    return {"kl": look.kl} | _estimate("gain", look.gain) | costs | coordinate(line[look.place])


def _distance(at: AtDistance) -> dict[str, Any]:
    return {
        "kl": at.kl,
        "sharpening": _estimate("gain", at.sharpening),
        "reward": _estimate("gain", at.reward),
        "reward_needed_kl": at.reward_needed_kl,
    }
