"""The findings of theory.estimation.diagnosis in sentences: each says a number and what to do about it."""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from llm.wording import interval, number
from theory.estimation.diagnosis import (
    ContentCovariance,
    Covariance,
    DiversityGap,
    Efficiency,
    EmptyResponse,
    Finding,
    GradientCosine,
    KnobRatio,
    RelaxationTime,
    Silent,
    Turn,
    TurningPoint,
)

PAPER_WEIGHTS = (1, 100, 10_000)  # values of b = 1/beta in the paper's grid
REASONS = {
    Silent.SINGLE_SAMPLES: "no prompt has two samples",
    Silent.EQUAL_REWARDS: "the samples of a prompt all have the same reward",
    Silent.EQUAL_LOG_P: "the samples of a prompt all have the same log p, so that sharpening has nothing to act on",
    Silent.FEW_PROMPTS: "it takes two prompts or more",
    Silent.LENGTHS_APART: "too many samples have no equal in length",
    Silent.NO_LENGTHS: "the rollouts have no lengths",
    Silent.NOISE: "it is lost in the noise of these samples",
    Silent.GRADED_REWARDS: "rewards between 0 and 1 tell no right responses from wrong ones",
}
TURNS = {
    Turn.PEAK: "rises up to alpha = {:g} ({:.3f}) and falls beyond: stop there at the latest.",
    Turn.VALLEY: "falls up to alpha = {:g} ({:.3f}) and rises beyond: a little sharpening is worse than none.",
    Turn.FALLS: "is largest at alpha = {:g} ({:.3f}): do not sharpen.",
    Turn.RISES: "is largest at alpha = {:g} ({:.3f}), the end of what these rollouts can tell.",
    Turn.NOISE: "moves less than its noise: it is largest at alpha = {:g} ({:.3f}), and that could be chance.",
    Turn.FLAT: "is the same from alpha = {:g} on ({:.3f}): sharpening changes nothing.",
}


def described(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """As forecast.json holds them."""
    return [{"name": f.name, "value": f.value, "low": f.low, "high": f.high, "sentence": sentence(f)} for f in findings]


@singledispatch
def sentence(finding: Finding) -> str:
    """What a finding says, and what to do about it."""
    raise TypeError(f"{type(finding).__name__} has no sentence; write one in llm.forecasting.words")


@sentence.register
def _(finding: Covariance) -> str:
    if finding.silent:
        return f"Cov(r, log p) tells nothing: {REASONS[finding.silent]}."
    advice = _by_sign(
        finding, "a little sharpening raises accuracy", "even a little sharpening costs accuracy: use the task reward"
    )
    return f"Cov(r, log p) = {_shown(finding, 3)} per unit of alpha: {advice}."


@sentence.register
def _(finding: ContentCovariance) -> str:
    if finding.silent == Silent.FEW_PROMPTS:
        return (
            "How much of it is content at equal length cannot be told: it takes two prompts with equally long samples."
        )
    if finding.silent == Silent.NO_LENGTHS:
        return f"How much of it is content at equal length cannot be told: {REASONS[finding.silent]}."
    if finding.silent == Silent.LENGTHS_APART:
        return (
            f"How much of it is content at equal length cannot be told: {100 * finding.alone:.0f} % of the samples "
            "have no other of their prompt within 10 % of their length; more samples a prompt would help."
        )
    if finding.silent:
        return f"Nor does its part at equal length: {REASONS[finding.silent]}."
    advice = _by_sign(
        finding,
        "sharpening content at equal length would help",
        "likelier content is worse even at equal length: correcting for length will not rescue sharpening",
    )
    return f"Of it {_shown(finding, 3)} is content at equal length and {finding.by_length:.3f} is length: {advice}."


@sentence.register
def _(finding: DiversityGap) -> str:
    if finding.silent:
        return (
            f"The diversity gap cannot be told: {finding.mixed} of {finding.prompts} prompts have right and wrong "
            f"samples, and {REASONS[finding.silent]}."
        )
    advice = _by_sign(
        finding,
        "right answers are written in fewer ways than their odds pay for, sharpening helps at first",
        "there are too many ways to be right for their odds, sharpening hurts at first",
    )
    return (
        f"On prompts with right and wrong samples ({finding.mixed} of {finding.prompts}, the undecided ones most) base "
        f"log-odds {finding.base_log_odds:.2f} stand against a diversity gap of {finding.gap:.2f} nats, difference "
        f"{_shown(finding, 2)}: {advice}."
    )


@sentence.register
def _(finding: Efficiency) -> str:
    if finding.silent:
        return f"Corr(r, log p) is not defined: {REASONS[finding.silent]}."
    return f"At the same small KL sharpening gains {_shown(finding, 2)} times what the task reward gains."


@sentence.register
def _(finding: TurningPoint) -> str:
    if finding.turn == Turn.UNKNOWN:
        return "Too few reliable values along alpha for a turning point."
    return f"Accuracy along alpha {TURNS[finding.turn].format(finding.value, finding.accuracy)}"


@sentence.register
def _(finding: KnobRatio) -> str:
    if finding.silent:
        return f"Whether sharpening or a reward would rule cannot be told: {REASONS[finding.silent]}."
    ratios = ", ".join(f"{finding.value / weight:.2g} at b = {weight}" for weight in PAPER_WEIGHTS)
    return (
        f"With reward and sharpening together, (alpha - 1) sd(log p)/b at alpha = 2 is {ratios}: far above 1 is "
        f"sharpening alone, far below the task reward alone; they weigh the same at b = {finding.value:.2g}."
    )


@sentence.register
def _(finding: RelaxationTime) -> str:
    at_balance = "" if finding.silent else f"; at the balanced b above that is {finding.value:.2g} such steps"
    return (
        "A target with weight b = 1/beta is approached as e^(-t/b): a run must be several b long, in steps that move "
        f"log-odds by 1 for a reward of 1{at_balance}."
    )


@sentence.register
def _(finding: EmptyResponse) -> str:
    advice = (
        "sharpening ends in silence there"
        if finding.value > 0
        else "sharpening does not end in the empty response on these prompts"
    )
    return (
        f"On {100 * finding.value:.1f} % of prompts stopping at once is likelier than every sample (the likeliest "
        f"sample leads by {finding.margin:.1f} nats on the median prompt): {advice}."
    )


@sentence.register
def _(finding: GradientCosine) -> str:
    if finding.silent:
        return f"Whether the network's first steps of sharpening gain cannot be told: {REASONS[finding.silent]}."
    table = finding.table
    if finding.sign and np.isfinite(table) and finding.sign != np.sign(table):
        beside = "the other sign: what one response would do by itself is not what this network does first"
    else:
        beside = "the same sign" if finding.sign else "and no sign can be told of the network's"
    advice = _by_sign(finding, "first steps of sharpening gain reward", "first steps of sharpening lose reward")
    return (
        f"In the network the gradients of reward and of log p have a cosine of {_shown(finding, 2)} (in the metric of "
        f"the diagonal Fisher matrix {number(finding.natural, 2)} ± {number(finding.natural_error, 2)}): {advice}. "
        f"The table of the same samples says {number(table, 2)}, {beside}."
    )


def _shown(finding: Finding, digits: int) -> str:
    return f"{number(finding.value, digits)} {interval(finding.low, finding.high, digits)}"


def _by_sign(finding: Finding, positive: str, negative: str) -> str:
    unknown = "the interval holds 0, so the rollouts cannot tell"
    return {1: positive, -1: negative, 0: unknown}[finding.sign]
