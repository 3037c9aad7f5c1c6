"""Noise in the log p of every token, in weights of samples and in the reward of a run: which favours length (T32)."""

import numpy as np
from jaxtyping import Float

from theory.distribution import expectation
from theory.score_noise import log_weight_bonus, noisy_power
from toysims.experiment import Part, Row
from toysims.learners.counted import Policies, drawn, pushed, rloo, train
from toysims.verdict import Check, monte_carlo

LOG_P = np.log([0.4, 0.3, 0.2, 0.1])
LENGTH = np.array([1.0, 4.0, 16.0, 40.0])
ALPHA = 2.0
SD = 0.15  # nats of noise in the log p of one token
GROUPS, GROUP = 32, 8


def weights(generator: np.random.Generator, draws: int, replicas: int) -> Part:
    """Samples of p weighted by e^{(α-1)(ℓ + noise)}: the mass that each response gets, and the mean length."""
    which = generator.choice(len(LOG_P), size=(replicas, draws // replicas), p=np.exp(LOG_P))
    noise = SD * np.sqrt(LENGTH[which]) * generator.standard_normal(which.shape)
    weight = np.exp((ALPHA - 1) * (LOG_P[which] + noise))
    checks: list[Check] = []
    rows: list[Row] = []
    for y, (log_p, length) in enumerate(zip(LOG_P, LENGTH, strict=True)):
        predicted = float(np.exp(ALPHA * log_p + log_weight_bonus(ALPHA, SD, length)))
        mass = (weight * (which == y)).ravel()
        claim = f"weights of noisy log p, response of {length:g} tokens: mean weight"
        checks.append(monte_carlo(claim, "T32", predicted, mass))
        row = {"mass": mass.mean(), "theory": predicted, "clean": float(np.exp(ALPHA * log_p))}
        rows.append({"part": "score noise", "policy": "weights", "x": length, **row})
    told = (weight * LENGTH[which]).sum(axis=1) / weight.sum(axis=1)
    predicted = float(expectation(noisy_power(LOG_P, LENGTH, ALPHA, SD), LENGTH))
    checks.append(monte_carlo("weights of noisy log p: mean length", "T32", predicted, told))
    return checks, rows


def run(generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """RLOO rewarded with log p and fresh noise in every sample: it ends at p^α, without the bonus."""

    def push(log_pi: Policies, generator: np.random.Generator) -> Policies:
        counts = drawn(log_pi, GROUPS, GROUP, generator)
        # The noise of the n samples of a response in a group: only its mean counts, sd √(L/n).
        noise = ALPHA * SD * np.sqrt(LENGTH / np.maximum(counts, 1)) * generator.standard_normal(counts.shape)
        others = (np.sum(counts * noise, axis=-1, keepdims=True) - noise) / (GROUP - 1)
        weight = rloo(counts, ALPHA * LOG_P - log_pi) + noise - others
        return pushed(counts, weight, log_pi, 0.2 / (GROUPS * GROUP))

    found = train(push, LOG_P, steps, replicas, 0.3, generator).mean_pi @ LENGTH
    clean, noisy = _mean_length(0.0), _mean_length(SD)
    checks = [monte_carlo("run on noisy log p: mean length", "T32", clean, found)]
    row = {"mean_length": float(found.mean()), "theory": clean, "of_weights": noisy}
    return checks, [{"part": "score noise", "policy": "run", **row}]


def _mean_length(sd: float) -> float:
    """Of p^α, sd = 0, or of what noisy weights make of it."""
    log_q: Float[np.ndarray, " k"] = noisy_power(LOG_P, LENGTH, ALPHA, sd)
    return float(expectation(log_q, LENGTH))
