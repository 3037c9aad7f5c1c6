"""The first sentence of every command: the verdict in words, with what each way costs, or what to do without one."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from llm.base_rollouts import config_beside
from llm.forecasting.settled import Settled, to_json
from llm.wording import disagreement
from theory.estimation.samples import Rollouts
from theory.estimation.verdict import SAMPLES, Look, Reason, Word

TRAIN = "Train on the task reward."
FEWEST = SAMPLES[0]


def verdict_json(settled: Settled, rollouts: Rollouts, path: Path) -> dict[str, Any]:
    """verdict, direction, at_distance, reach and frontier of forecast.json. path: of the rollouts, as it was typed."""
    odd = disagreement(rollouts)
    return to_json(settled, sentence(settled), advice(settled, path), [*reasons(settled), *([odd] if odd else [])])


def sentence(settled: Settled) -> str:
    """What follows the word."""
    verdict = settled.verdict
    match verdict.reason:
        case Reason.LOSES | Reason.LOSES_FIRST | Reason.NO_GAIN | Reason.FAR_BEHIND | Reason.FLAT:
            return f"{TRAIN} {_why_not(settled)}"
        case Reason.ENOUGH:
            best = _seen(verdict.best)
            return (
                f"Sharpening will do, without a verifier: it gains {_points(best.gain.value)} for {best.kl:.2f} nats, "
                f"a task reward {_points(best.reward_gain)} for as many or fewer."
            )
        case Reason.WORTH:
            best = _seen(verdict.best)
            return (
                f"Both help. With a verifier at hand train on the reward: it {_reward_cost(best)} nats (sharpening: "
                f"{_points(best.gain.value)} for {best.kl:.2f} nats). Without one, sharpen."
            )
    return _cannot_tell(settled)


def _why_not(settled: Settled) -> str:
    verdict = settled.verdict
    if verdict.reason == Reason.FLAT:
        return "All samples of a prompt have the same log p, so that sharpening changes nothing."
    best = _seen(verdict.best)
    if verdict.reason == Reason.FAR_BEHIND:
        return (
            f"Sharpening gains {_points(best.gain.value)} for {best.kl:.2f} nats, a reward "
            f"{_points(best.reward_gain)} for as many or fewer."
        )
    if verdict.reason == Reason.NO_GAIN:
        return (
            "Sharpening makes no gain that can be seen; a reward gains "
            f"{_points(settled.distances[-1].reward.value)} at the same distance."
        )
    worst = _seen(verdict.worst)
    if verdict.reason == Reason.LOSES:
        lost = f"{_points(-worst.gain.value)} ({worst.kl:.2f} nats away)"
        return f"Sharpening loses {lost} and wins nothing that can be seen."
    return (
        f"Sharpening first loses {_points(-worst.gain.value)}, then gains {100 * best.gain.value:.1f} for "
        f"{best.kl:.2f} nats; a reward {_reward_cost(best)}."
    )


def _reward_cost(best: Look) -> str:
    """What a reward has to spend for the same gain."""
    return f"gains as much with {'no more' if np.isnan(best.reward_kl) else f'{best.reward_kl:.2f}'}"


def _cannot_tell(settled: Settled) -> str:
    base, verdict = settled.base, settled.verdict
    prompts = f"{base.prompts} prompt{'s are' if base.prompts > 1 else ' is'}"
    samples = f"{base.samples} sample{'s' if base.samples > 1 else ''} a prompt {'are' if base.samples > 1 else 'is'}"
    match verdict.reason:
        case Reason.NO_LOG_P:
            return "Without log p nothing can be told of sharpening. Score the responses, and ask again."
        case Reason.FEW_PROMPTS:
            return f"{prompts} too few. Take at least {verdict.prompts} and ask again."
        case Reason.ALL_RIGHT:
            return "Every response is right: there is nothing to gain on these prompts. Take harder ones."
        case Reason.NONE_RIGHT:
            return "No response is right: nothing here says what a right one is like. Take easier prompts."
        case Reason.FEW_SAMPLES if verdict.samples:
            return f"{samples} too few. Draw at least {verdict.samples} and ask again."
        case Reason.FEW_SAMPLES:
            return "These samples say nothing about sharpening, and more would not either."
        case Reason.NOISE if verdict.prompts:
            return f"{prompts} too few to see whether sharpening helps. Take about {verdict.prompts} and ask again."
    return "Sharpening changes too little to be seen with any number of prompts."


def advice(settled: Settled, rollouts: Path) -> list[str]:
    """The command that would settle it, where one would. rollouts: as it was typed."""
    verdict = settled.verdict
    if verdict.reason == Reason.NO_LOG_P:
        return [f"python -m llm.score {shlex.quote(str(rollouts))} --model MODEL --output-dir runs/scored"]
    if verdict.word != Word.CANNOT_TELL or not (verdict.samples or verdict.prompts):
        return []
    made_by = config_beside(rollouts)
    model, dataset = (made_by.get(name) for name in ("model", "dataset"))
    options = ["--model", str(model or "MODEL")]
    options += ["--dataset", str(dataset)] if dataset else [] if model else ["--dataset", "PROBLEMS.jsonl"]
    options += ["--prompts", str(verdict.prompts)] if verdict.prompts else []
    options += ["--samples", str(verdict.samples or max(settled.base.samples, FEWEST))]
    return [f"python -m llm.sample {shlex.join([*options, '--output-dir', 'runs/base'])}"]


def told(settled: Settled) -> str:
    """What is known even so."""
    reward = settled.distances[-1].reward
    accuracy = f"base accuracy {100 * settled.base.accuracy:.0f} %"
    if not reward.reliable:
        return f"Told: {accuracy}. Not told: what sharpening or a reward would gain."
    at = settled.distances[-1].reward_needed_kl
    return (
        f"Told: {accuracy}; a task reward gains {_points(reward.value)} for {at:.2f} nats. Not told: what sharpening "
        "would gain."
    )


def reasons(settled: Settled) -> list[str]:
    """How the verdict was come by, for --why."""
    verdict = settled.verdict
    if not verdict.looks:
        return []
    found = [
        f"The verdict rests on {verdict.looks} distance{'s' if verdict.looks > 1 else ''} up to "
        f"{max(point.kl for point in settled.judged if point.gain.reliable):.2f} nats; its intervals are wide enough "
        "to hold for all of them at once."
    ]
    for name, look in (("Sharpening at its best", verdict.best), ("At its worst", verdict.worst)):
        if look is not None:
            low, high = 100 * look.gain.low, 100 * look.gain.high
            found.append(
                f"{name}, {look.kl:.2f} nats away: {100 * look.gain.value:+.1f} points [{low:+.1f}, {high:+.1f}]; a "
                f"task reward has {100 * look.reward_gain:+.1f} there."
            )
    return found


def _points(gain: float) -> str:
    return f"{100 * gain:.1f} points"


def _seen(look: Look | None) -> Look:
    assert look is not None  # there is one wherever a word was said for a reason that needs it
    return look
