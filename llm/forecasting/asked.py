"""What the model itself says of its rollouts: how likely it is to stop at once, and a few of them scored again."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from llm.forecasting.config import ForecastConfig
from llm.rollout_file import read_file
from llm.scoring.agreement import other_tokens
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


def ask(config: ForecastConfig) -> Answers:
    """ValueError: there is no such model, or no prompt to ask it with."""
    from llm.models import loading
    from llm.models.organisms import ORGANISMS
    from llm.sampling.scoring import response_log_probs, stop_log_probs
    from llm.scoring.config import ScoreConfig
    from llm.scoring.texts import prompts_of, texts_of

    name, table = config.model, read_file(config.rollouts, config.column, config.answers).table
    assert name is not None
    if not {"prompt", "rendered_prompt"} & set(table):
        raise ValueError(f"--model {name} was given, but {config.rollouts} has no column 'prompt' to ask it with")
    model, tokenizer = loading.load(loading.resolve(name))
    chat = "rendered_prompt" in table or name in ORGANISMS or bool(tokenizer.chat_template)
    asked = ScoreConfig(rollouts=config.rollouts, model=name, chat=chat)
    stops = loading.stop_token_ids(model, tokenizer)
    _, prompts, _ = prompts_of(asked, table.drop_duplicates("prompt_id"), tokenizer)
    few = _a_few(table)
    texts = texts_of(asked, few, tokenizer, sorted(stops))
    scores = response_log_probs(
        model, texts.prompts, texts.responses, tokenizer.pad_token_id, SCORED_SAMPLES, with_entropy=True
    )
    own, entropy = scores.double().numpy().T
    return Answers(
        stop_log_probs(model, prompts, tokenizer.pad_token_id, stops),
        _compared(few, own, entropy, np.array([len(ids) for ids in texts.responses], float)),
    )


def _a_few(table: pd.DataFrame) -> pd.DataFrame:
    """The first responses to some prompts, spread over the file."""
    prompts = table["prompt_id"].unique()
    chosen = prompts[np.linspace(0, len(prompts) - 1, min(SCORED_PROMPTS, len(prompts))).round().astype(int)]
    of_chosen = table[table["prompt_id"].isin(chosen)]
    samples = max(SCORED_SAMPLES, SCORED_PROMPTS * SCORED_SAMPLES // len(chosen))
    few = of_chosen.groupby("prompt_id", sort=False).head(samples)
    return few.sort_values("prompt_id", kind="stable").reset_index(drop=True)


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
