"""A file's prompts and responses as the tokens that a model reads and would have written.

A text is not the tokens that were sampled: a model may write a word in two ways, and a file keeps the text alone. What
is scored is the tokenizer's own way, whose log p is never above that of the text. Where the file says how many tokens
were sampled, a different number shows that they were others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from llm.base_rollouts import config_beside
from llm.models.organisms import ORGANISMS
from llm.problems import MathProblem
from llm.prompts.form import BARE, PromptForm, prompt_form
from llm.scoring.config import ScoreConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ANCHOR = "\n"  # before a text, where a tokenizer would begin a text with a space of its own
SPACE = "▁"


@dataclass(frozen=True)
class Texts:
    """What is scored, row by row of the table, each prompt and response as tokens."""

    rendered: Sequence[str] | None
    """what the model reads; None of the bundled task, where it is the column prompt"""
    prompts: Sequence[list[int]]
    responses: Sequence[list[int]]
    finished: Sequence[bool]
    chat: bool
    """a chat template wrote the prompts, special tokens included"""


def texts_of(
    config: ScoreConfig, table: pd.DataFrame, tokenizer: "PreTrainedTokenizerBase", stops: Sequence[int]
) -> Texts:
    """ValueError: there are no prompts in the file, the options do not fit them, or a response has no token."""
    rendered, prompts, chat = prompts_of(config, table, tokenizer)
    end = _end(config, tokenizer)
    plain = [_tokens(tokenizer, text) for text in table["response"].astype(str)]
    known = table["finished"].astype(bool) if "finished" in table else [None] * len(table)
    finished, responses = [], []
    for ids, said in zip(plain, known, strict=True):
        ended = bool(ids) and ids[-1] in stops  # some tools leave the end in the text
        cut_off = config.max_new_tokens is not None and len(ids) >= config.max_new_tokens
        done = bool(said) if said is not None else ended or not cut_off
        finished.append(done)
        responses.append(ids if ended or not done else [*ids, *end])
    empty = next((row for row, ids in enumerate(responses, start=1) if not ids), None)
    if empty is not None:
        raise ValueError(
            f"ROLLOUTS {config.rollouts} row {empty}: the response has no tokens, and nothing ended it; drop the row, "
            "or say with --end eos that the model ended it"
        )
    return Texts(rendered, prompts, responses, finished, chat)


def prompts_of(
    config: ScoreConfig, table: pd.DataFrame, tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[str] | None, list[list[int]], bool]:
    """(what the model reads, the same as tokens, whether a chat template wrote it); each prompt is read once."""
    if "rendered_prompt" in table and not config.asks_for_prompts:
        special = config_beside(config.rollouts).get("chat") is False  # a template writes its own
        texts = [str(text) for text in table["rendered_prompt"]]
        of = {text: tokenizer(text, add_special_tokens=special).input_ids for text in dict.fromkeys(texts)}
        return texts, [of[text] for text in texts], not special
    if "prompt" not in table:
        raise ValueError(
            f"ROLLOUTS {config.rollouts} has no column prompt to put to --model {config.model}; name it with "
            "--column prompt=THEIRS"
        )
    form = form_of(config, tokenizer)
    texts = [str(text) for text in table["prompt"]]
    problems = {text: MathProblem(text, text, "") for text in dict.fromkeys(texts)}
    of = {text: form.encode(tokenizer, problem) for text, problem in problems.items()}
    if form is BARE:
        return None, [of[text] for text in texts], False
    shown = {text: form.rendered(tokenizer, problem) for text, problem in problems.items()}
    return [shown[text] for text in texts], [of[text] for text in texts], form.chat


def form_of(config: ScoreConfig, tokenizer: "PreTrainedTokenizerBase") -> PromptForm:
    form = prompt_form(config, bundled=config.model in ORGANISMS)
    form.fit(tokenizer, config.model)
    return form


def _end(config: ScoreConfig, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The tokens that end a finished response."""
    if config.end == "none":
        return []
    if config.end != "eos":
        return _tokens(tokenizer, config.end)
    if tokenizer.eos_token_id is None:
        raise ValueError(f"--model {config.model} has no end-of-sequence token; pass --end none")
    return [tokenizer.eos_token_id]


def _tokens(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """The tokens of a text that goes on another. ValueError: the tokenizer has none for a character of it."""
    try:
        first = tokenizer.convert_ids_to_tokens(tokenizer("1", add_special_tokens=False).input_ids[:1])
        if not first or not str(first[0]).startswith(SPACE):
            return tokenizer(text, add_special_tokens=False).input_ids
        anchor = tokenizer(ANCHOR, add_special_tokens=False).input_ids
        return tokenizer(ANCHOR + text, add_special_tokens=False).input_ids[len(anchor) :]
    except Exception as error:  # the tokenizers library raises Exception itself
        short = " ".join(text.split())[:60]
        raise ValueError(
            f"--model: its tokenizer cannot read the text {short!r} ({error}); is it of this model?"
        ) from None
