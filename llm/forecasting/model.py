"""The model behind some rollouts, and their prompts as it reads them: what every question to --model begins with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from llm.base_rollouts import config_beside
from llm.forecasting.config import ForecastConfig
from llm.models import loading
from llm.models.organisms import MAX_RESPONSE_TOKENS, ORGANISMS
from llm.rollout_file import read_file
from llm.scoring.config import ScoreConfig
from llm.scoring.texts import Texts, prompts_of, texts_of


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model, and the table that it made."""

    model: Any
    tokenizer: Any
    stops: set[int]
    table: pd.DataFrame
    prompt_ids: list[list[int]]
    """of each prompt, in the order of the rollouts"""
    scoring: ScoreConfig
    max_new_tokens: int
    """its length limit where the folder of the rollouts says one, else the length of the longest response"""

    @classmethod
    def behind(cls, config: ForecastConfig) -> "Model":
        """ValueError: there is no such model, or no prompt to ask it with."""
        name, table = config.model, read_file(config.rollouts, config.column, config.answers).table
        assert name is not None
        if not {"prompt", "rendered_prompt"} & set(table):
            raise ValueError(f"--model {name} was given, but {config.rollouts} has no column 'prompt' to ask it with")
        model, tokenizer = loading.load(loading.resolve(name))
        chat = "rendered_prompt" in table or name in ORGANISMS or bool(tokenizer.chat_template)
        scoring = ScoreConfig(rollouts=config.rollouts, model=name, chat=chat)
        _, prompts, _ = prompts_of(scoring, table.drop_duplicates("prompt_id"), tokenizer)
        said = config_beside(config.rollouts).get("max_new_tokens")
        longest = int(pd.to_numeric(table["length"]).max())
        limit = said or (MAX_RESPONSE_TOKENS if name in ORGANISMS else longest)
        stops = loading.stop_token_ids(model, tokenizer)
        return cls(model, tokenizer, stops, table, prompts, scoring, int(limit))

    def texts(self, table: pd.DataFrame) -> Texts:
        """Some rows of the table as tokens."""
        return texts_of(self.scoring, table, self.tokenizer, sorted(self.stops))

    def some(self, prompts: int, samples: int) -> pd.DataFrame:
        """The first so many responses to so many prompts, spread over the file."""
        ids = self.table["prompt_id"].unique()
        chosen = ids[np.linspace(0, len(ids) - 1, min(prompts, len(ids))).round().astype(int)]
        few = self.table[self.table["prompt_id"].isin(chosen)].groupby("prompt_id", sort=False).head(samples)
        return few.sort_values("prompt_id", kind="stable").reset_index(drop=True)

    def decoded(self, responses: Sequence[Sequence[int]]) -> list[str]:
        return self.tokenizer.batch_decode(responses, skip_special_tokens=True)
