"""RLOO on the verdicts of a verifier that errs, always alike or anew each time: where accuracy ends (T27)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit

from theory.verifier import noisy_verdict_weight, verified_accuracy
from toysims.experiment import Part, Row
from toysims.learners.counted import Policies, drawn, pushed, rloo, train
from toysims.verdict import Check, at_most, monte_carlo

ACCURACY = 0.3
WEIGHTS = (0.5, 1.0, 2.0, 4.0)  # b = 1/β
GROUPS, GROUP = 32, 8


class Verifier(NamedTuple):
    """Which share of right responses it accepts, and of wrong ones."""

    name: str
    true_accept: float
    false_accept: float


VERIFIERS = (Verifier("good", 0.9, 0.05), Verifier("lenient", 0.9, 0.5), Verifier("misled", 0.3, 0.5))
NOISE = (0.2, 0.1)  # false rejects and false accepts of a verifier that errs anew each time


def ends(generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """Accuracy after training on each verifier, by weight b; and on verdicts with noise of their own."""
    checks: list[Check] = []
    rows: list[Row] = []
    for verifier in VERIFIERS:
        for b in WEIGHTS:
            predicted = float(verified_accuracy(ACCURACY, *verifier[1:], b))
            found = _train(_kinds(verifier), np.array([1.0, 0.0, 1.0, 0.0]), 0, b, generator, steps, replicas)
            farthest = np.max(np.abs(found[:, :2].sum(axis=1) - predicted))
            checks.append(
                at_most(f"{verifier.name} verifier, b = {b:g}: accuracy, farthest replica", "T27", farthest, 1e-6)
            )
            accuracy = float(found[:, :2].sum(axis=1).mean())
            rows.append(
                {"part": "verifier", "policy": verifier.name, "x": b, "accuracy": accuracy, "theory": predicted}
            )
    for b in WEIGHTS:
        weight = noisy_verdict_weight(b, *NOISE)
        predicted = float(expit(logit(ACCURACY) + weight))
        log_p = np.log([ACCURACY, 1 - ACCURACY])
        found = _train(log_p, np.array([1 - NOISE[0], NOISE[1]]), 1, b, generator, steps, replicas)[:, 0]
        checks.append(monte_carlo(f"verdicts with noise, b = {b:g}: accuracy", "T27", predicted, found))
        rows.append(
            {"part": "verifier", "policy": "noisy", "x": b, "accuracy": float(found.mean()), "theory": predicted}
        )
    return checks, rows


def _kinds(verifier: Verifier) -> Float[np.ndarray, "4"]:
    """log p of right and accepted, right and refused, wrong and accepted, wrong and refused."""
    _, t, f = verifier
    right, wrong = ACCURACY, 1 - ACCURACY
    return np.log([right * t, right * (1 - t), wrong * f, wrong * (1 - f)])


def _train(
    log_p: Float[np.ndarray, " k"],
    accepts: Float[np.ndarray, " k"],
    noise: int,
    b: float,
    generator: np.random.Generator,
    steps: int,
    replicas: int,
) -> Policies:
    """π at the end, or its mean over the second half where verdicts are drawn (noise = 1) and never settle."""
    beta = 1 / b

    def push(log_pi: Policies, generator: np.random.Generator) -> Policies:
        counts = drawn(log_pi, GROUPS, GROUP, generator)
        weight = rloo(counts, accepts - beta * (log_pi - log_p))
        if noise:
            # The verdicts of the n samples of a response: only their sum counts, binomial around its mean.
            extra = (generator.binomial(counts, accepts) - counts * accepts) / np.maximum(counts, 1)
            others = (np.sum(counts * extra, axis=-1, keepdims=True) - extra) / (GROUP - 1)
            weight = weight + extra - others
        return pushed(counts, weight, log_pi, 0.2 / (GROUPS * GROUP))

    ended = train(push, log_p, steps, replicas, 0.5 / beta, generator)
    return ended.mean_pi if noise else np.exp(ended.log_pi)
