"""The first sentences of a forecast: will sharpening help, by how much, up to which alpha; and a task reward?"""

from collections.abc import Sequence

import numpy as np

from llm.wording import disagreement, interval, number
from theory.budget import Frontier, reward_at
from theory.estimation.forecast import FEWEST_PROMPTS
from theory.estimation.records import Forecast
from theory.estimation.samples import Rollouts

MOST_SAMPLES = 1e9  # nobody draws more


def verdict(rollouts: Rollouts, along_alpha: Sequence[Forecast], along_b: Sequence[Forecast]) -> list[str]:
    """Of sharpening, what the same distance buys with a task reward, of that reward, and what is odd about rewards."""
    sentences = [*_sharpening(rollouts, along_alpha, along_b), task_reward(rollouts, along_b)]
    if odd := disagreement(rollouts):
        sentences.append(odd)
    return sentences


def _sharpening(rollouts: Rollouts, along_alpha: Sequence[Forecast], along_b: Sequence[Forecast]) -> list[str]:
    known = [record for record in along_alpha if record["gain"].reliable and record.target.alpha > 1]
    if not known:
        return [f"Sharpening: {_cannot_tell(rollouts, [record for record in along_alpha if record.target.alpha > 1])}"]
    top, last = max(known, key=lambda record: record["gain"].value), known[-1].target.alpha
    helped = [record.target.alpha for record in known if record["gain"].low > 0]
    where = f"alpha = {top.target.alpha:g} gives {_gain(top)}, length {top['length'].value:.1f}"
    if helped:
        sentences = [f"Sharpening helps: {where}; it still helps at alpha = {max(helped):g}."]
    elif all(record["gain"].high < 0 for record in known):
        sentences = [f"Sharpening hurts at every alpha that can be told (up to {last:g}): {where}."]
    else:
        sentences = [f"Sharpening makes no gain that can be seen (up to alpha = {last:g}): {where}."]
    rewarded = [record for record in along_b if record["gain"].reliable]
    frontier = Frontier(*(np.array([record[name].value for record in rewarded]) for name in ("kl", "gain")))
    if len(rewarded) > 1 and top["kl"].value <= frontier.kl.max():
        gain = reward_at(frontier, top["kl"].value)
        sentences.append(
            f"At the same KL of {top['kl'].value:.2f} nats a task reward would gain {100 * gain:+.1f} points instead."
        )
    return sentences


def task_reward(rollouts: Rollouts, along_b: Sequence[Forecast]) -> str:
    """What a task reward alone would gain."""
    beyond = [record for record in along_b if record.target.b > 0]
    known = [record for record in beyond if record["gain"].reliable]
    if not known:
        return f"Task reward: {_cannot_tell(rollouts, beyond)}"
    last = known[-1]
    return f"Task reward: b = {last.target.b:g} (beta = {1 / last.target.b:g}) gives {_gain(last)}."


def _gain(record: Forecast) -> str:
    gain = record["gain"]
    points = f"{number(100 * gain.value, 1, '+')} points {interval(100 * gain.low, 100 * gain.high, 1, '+')}"
    return f"accuracy {record['accuracy'].value:.3f}, {points}"


def _cannot_tell(rollouts: Rollouts, records: Sequence[Forecast]) -> str:
    if len(rollouts.start) < FEWEST_PROMPTS:
        return f"cannot tell from these rollouts; it takes {FEWEST_PROMPTS} prompts or more."
    known = [record.samples_needed for record in records if record.samples_needed is not None]
    needed = min(known, default=np.inf)
    if needed > MOST_SAMPLES:
        return "cannot tell from these rollouts; no number of samples that can be drawn would do."
    return f"cannot tell from these rollouts; about {int(float(f'{needed:.1g}')):,} samples a prompt might."
