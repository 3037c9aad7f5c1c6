"""What the model itself says of its rollouts: how likely it is to stop at once, and a few of them scored again."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from llm.forecasting.config import ForecastConfig
from llm.scoring.agreement import other_tokens
from theory.estimation.diagnosis import Finding, empty_response
from theory.estimation.records import Forecast
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import Suspicion, beside_the_models_own, of_entropy

SCORED_PROMPTS, SCORED_SAMPLES = 16, 2  # 32 responses: enough to tell units, and temperatures of .8 and below

FEWEST_COMPARED = 8


class Answers(NamedTuple):
    """What a model was asked."""

    log_p_stop: np.ndarray
    """log p(stop at once | prompt) of every prompt, in the order of the rollouts"""
    suspicions: list[Suspicion]
    """how its own log p of 32 responses differ from those of the file"""
    findings: list[Finding]
    """whether it would end in silence and, with --gradient-cosine, whether its first steps gain"""
    forecasts: list[Forecast]
    """with --smc: p^alpha by particles"""


def ask(config: ForecastConfig, rollouts: Rollouts) -> Answers:
    """ValueError: there is no such model, or no prompt to ask it with."""
    from llm.forecasting import gradient_cosine, power_smc
    from llm.forecasting.model import Model
    from llm.sampling.scoring import response_log_probs, stop_log_probs

    behind = Model.behind(config)
    few = behind.some(SCORED_PROMPTS, _samples(rollouts))
    texts = behind.texts(few)
    pad = behind.tokenizer.pad_token_id
    scores = response_log_probs(behind.model, texts.prompts, texts.responses, pad, SCORED_SAMPLES, with_entropy=True)
    own, entropy = scores.double().numpy().T
    stop = stop_log_probs(behind.model, behind.prompt_ids, pad, behind.stops)
    findings: list[Finding] = [empty_response(stop, rollouts)]
    if config.gradient_cosine:
        findings.append(gradient_cosine.finding(behind, config.seed))
    return Answers(
        stop,
        _compared(few, own, entropy, np.array([len(ids) for ids in texts.responses], float)),
        findings,
        power_smc.forecasts(behind, rollouts, config) if config.smc else [],
    )


def _samples(rollouts: Rollouts) -> int:
    """Of each prompt: more where there are few prompts."""
    return max(SCORED_SAMPLES, SCORED_PROMPTS * SCORED_SAMPLES // min(len(rollouts.start), SCORED_PROMPTS))


def _compared(few: pd.DataFrame, own: np.ndarray, entropy: np.ndarray, length: np.ndarray) -> list[Suspicion]:
    """The file's log p beside the model's; where they agree, whether such responses are what it samples.

    A text that is read back as other tokens than were sampled says nothing of either.
    """
    same = ~other_tokens(few, length)
    if same.sum() < FEWEST_COMPARED:
        return []
    few, own, entropy, length = few[same], own[same], entropy[same], length[same]
    prompt = pd.factorize(few["prompt_id"])[0]
    odd = beside_the_models_own(few["log_p"].to_numpy(float), own, length, prompt)
    return [odd] if odd is not None else of_entropy(_as_rollouts(prompt, own, length), own, entropy, True)


def _as_rollouts(prompt: np.ndarray, log_p: np.ndarray, length: np.ndarray) -> Rollouts:
    """As of_entropy reads them: nothing of answers is known. The responses to a prompt stand side by side."""
    numbers, start = np.unique(prompt, return_index=True)
    zeros = np.zeros(len(prompt), int)
    return Rollouts(
        numbers, start, log_p, zeros.astype(float), length, np.arange(len(prompt)), zeros == 0, zeros, 0 * numbers
    )
