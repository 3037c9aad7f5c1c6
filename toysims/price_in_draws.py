"""Rejection sampling and filtered supervised training, draw by draw: what a target costs, and where it ends (T28)."""

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit

from theory.distribution import expectation
from theory.rejection import reward_log_draws, sharpening_log_draws
from theory.tilt import log_tilt
from toysims.experiment import Part, Row
from toysims.learners.counted import Policies, train
from toysims.verdict import Check, monte_carlo

TOKEN = np.log([0.6, 0.25, 0.15])  # log p of each token, the same at every place
LENGTHS = (1, 2, 5, 10)
ALPHA = 2.0
RIGHT = 1  # a response is right if this is its last token
WEIGHTS = (0.5, 2.0, np.inf)  # b = 1/β of the reward
BATCH = 2048  # draws from p in a step of supervised training


def kept(generator: np.random.Generator, draws: int) -> Part:
    """The share of draws that rejection keeps: for p^α it falls with every token, for a reward it does not."""
    checks: list[Check] = []
    rows: list[Row] = []
    accuracy = float(np.exp(TOKEN[RIGHT]))
    sharpened = float(expectation(log_tilt(TOKEN, np.zeros(3), ALPHA, 0.0), TOKEN))
    for length in LENGTHS:
        tokens = generator.choice(len(TOKEN), size=(draws, length), p=np.exp(TOKEN))
        log_p = TOKEN[tokens].sum(axis=1)
        chance = {"sharpening": np.exp((ALPHA - 1) * (log_p - length * TOKEN.max()))}
        chance |= {f"b = {b:g}": np.where(tokens[:, -1] == RIGHT, 1.0, np.exp(-b)) for b in WEIGHTS}
        price = {"sharpening": length * float(sharpening_log_draws(TOKEN, ALPHA))}
        price |= {f"b = {b:g}": float(reward_log_draws(accuracy, b)) for b in WEIGHTS}
        for target, keep in chance.items():
            keeps = generator.random(draws) < keep
            predicted = float(np.exp(-price[target]))
            claim = f"rejection, {target}, length {length}: share of draws that is kept"
            checks.append(monte_carlo(claim, "T28", predicted, keeps.astype(float)))
            rows.append({"part": "price", "policy": target, "x": length, "kept": keeps.mean(), "theory": predicted})
            if target == "sharpening":
                claim = f"rejection, {target}, length {length}: mean log p of a kept token"
                checks.append(monte_carlo(claim, "T28", sharpened, log_p[keeps] / length))
    return checks, rows


def filtered(generator: np.random.Generator, steps: int, replicas: int) -> Part:
    """Supervised training on right samples of p, and on wrong ones with chance e^{-b}: it ends where tilted RL does."""
    checks: list[Check] = []
    rows: list[Row] = []
    log_p = (TOKEN[:, None] + TOKEN).ravel()  # the nine responses of two tokens
    right = np.tile(np.arange(len(TOKEN)) == RIGHT, len(TOKEN))
    for b in (b for b in WEIGHTS if b < np.inf):  # at b = ∞ wrong ones only die out
        mean_pi = _supervised(log_p, np.where(right, 1.0, np.exp(-b)), generator, steps, replicas)
        accuracy = float(expit(logit(np.exp(TOKEN[RIGHT])) + b))
        first = float(np.exp(TOKEN[0]))  # the first token says nothing of being right, and keeps its chance
        claim = f"supervised training on filtered samples, b = {b:g}: "
        checks.append(monte_carlo(f"{claim}accuracy", "T28", accuracy, mean_pi[:, right].sum(axis=1)))
        checks.append(monte_carlo(f"{claim}chance of a first token", "T28", first, mean_pi[:, :3].sum(axis=1)))
        rows.append({"part": "filtered", "x": b, "accuracy": mean_pi[:, right].sum(axis=1).mean(), "theory": accuracy})
    return checks, rows


def _supervised(
    log_p: Float[np.ndarray, " k"],
    keep: Float[np.ndarray, " k"],
    generator: np.random.Generator,
    steps: int,
    replicas: int,
) -> Policies:
    """π, its mean over the second half: the likelihood of what is kept of BATCH draws from p, climbed on a table."""

    def push(log_pi: Policies, generator: np.random.Generator) -> Policies:
        counts = generator.binomial(generator.multinomial(BATCH, np.exp(log_p), size=replicas), keep)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return (share - np.exp(log_pi)) / np.maximum(np.exp(log_pi), 1 / BATCH)

    return train(push, log_p, steps, replicas, 0.3, generator).mean_pi
