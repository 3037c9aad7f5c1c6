"""maj@k over many prompts: votes among trained policies, the base, sharpened and tilted, against theory (T22).

The correct responses of a prompt are ways to say one answer; the wrong ones share a few others.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.passk import majority_at_k
from theory.tilt import log_tilt
from theory.voting import vote_reward
from toysims.experiment import Part, Row
from toysims.policies.prompts import Prompts, Training, trained
from toysims.verdict import STANDARD_ERRORS, Check

PROMPTS = 60  # the first of them: an exact vote takes milliseconds
VOTES = (1, 4, 9)  # with four a tie is common
SAMPLES = 27  # responses to a prompt, from which maj@k is estimated
REPLICAS = 3
WRONG = 4  # wrong answers to a prompt


def answers(correct: Bool[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
    """The answer of each response: 0 is the correct one, and the wrong responses take turns among the others."""
    return np.where(correct, 0, 1 + (np.cumsum(~correct) - 1) % WRONG)


def log_answers(log_pi: Float[np.ndarray, " k"], correct: Bool[np.ndarray, " k"]) -> Float[np.ndarray, " answers"]:
    """log of the probability of each answer that some response gives."""
    return np.log(np.bincount(answers(correct), np.exp(log_pi - np.logaddexp.reduce(log_pi))))


def curves(policies: Mapping[str, Training], prompts: Prompts, generator: np.random.Generator) -> Part:
    """maj@k estimated from samples of the trained policies, and what training gains in it."""
    prompts = Prompts(prompts.log_p[:PROMPTS], prompts.correct[:PROMPTS])
    log_p, correct = prompts
    checks: list[Check] = []
    rows: list[Row] = []
    predicted, found = {}, {}
    for name, (objective, point) in policies.items():
        learned, target = (
            trained(prompts, objective),
            log_tilt(log_p, correct, float(point.alpha), float(point.b)),
        )
        counts = [
            [generator.multinomial(SAMPLES, np.exp(log_answers(*prompt))) for _ in range(REPLICAS)]
            for prompt in zip(learned, correct, strict=True)
        ]
        for k in VOTES:
            predicted[name, k] = _mean_vote(target, correct, k)
            found[name, k] = _mean_vote(learned, correct, k)
            estimates = np.array([[majority_at_k(c, k)[0] for c in prompt] for prompt in counts])
            # Given the prompts, only the samples are random: their error is that of the mean over prompts.
            error = float(np.sqrt(np.mean(estimates.var(axis=1, ddof=1)) / estimates.size))
            claim = f"{name}: maj@{k} from {SAMPLES} samples"
            exact, estimate = predicted[name, k], float(estimates.mean())
            checks.append(Check(claim, "T22", exact, estimate, STANDARD_ERRORS * error))
            row = {"part": "majority", "policy": name, "x": k, "simulated": estimate, "predicted": exact}
            rows.append({**row, "error": error})
    for name in [name for name in policies if name != "base"]:
        for k in (VOTES[0], VOTES[-1]):
            foreseen, gained = (x[name, k] - x["base", k] for x in (predicted, found))
            checks.append(Check(f"{name}: gain in maj@{k}", "T22", foreseen, gained, 1e-8))
    return checks, rows


def _mean_vote(log_pi: Float[np.ndarray, "prompts k"], correct: Bool[np.ndarray, "prompts k"], k: int) -> float:
    """Mean over prompts of the chance that the correct answer wins k votes, ties shared."""
    return float(np.mean([vote_reward(log_answers(*prompt), k)[0] for prompt in zip(log_pi, correct, strict=True)]))
