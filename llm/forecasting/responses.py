"""The responses to one prompt, and what sharpening makes of each: what --prompt prints."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.text_table import display_width, table
from llm.wording import number
from theory.reweighting import log_weights

SHOWN = 12  # different responses
CUT = "…"
NARROWEST = 24  # columns for a response, however little room there is


def check_prompt(rollouts: pd.DataFrame, prompt_id: str) -> None:
    """ValueError where there are no responses to it."""
    known = rollouts["prompt_id"].astype(str)
    if not (known == prompt_id).any():
        raise ValueError(f"--prompt {prompt_id}: there is no such prompt_id; the first is {known.iloc[0]}")


def responses_page(rollouts: pd.DataFrame, prompt_id: str, alphas: Sequence[float], columns: int) -> str:
    """The different responses to a prompt, likeliest first. rollouts: a checked table (llm.rollout_table)."""
    own = rollouts[rollouts["prompt_id"].astype(str) == prompt_id]
    kinds = different(own, alphas)
    right = int((kinds["reward"] >= 1).sum())
    asked = f" {_one_line(str(own['prompt'].iloc[0]), columns - 12)}" if "prompt" in own else ""
    first = f"Prompt {prompt_id}:{asked}" if asked.strip() != prompt_id else f"Prompt {prompt_id}"
    shown = kinds.head(SHOWN)
    header = ("response", "graded", "tokens", "log p", "drawn", *(f"at α = {alpha:g}" for alpha in alphas))
    cells = [
        (
            _graded(row["reward"], row["finished"]),
            number(row["length"], 0),
            number(row["log_p"], 2),
            f"{row['drawn']}/{len(own)}",
            *(f"{100 * row[alpha]:.0f} %" for alpha in alphas),
        )
        for _, row in shown.iterrows()
    ]
    others = sum(max(map(len, column)) + 2 for column in zip(header[1:], *cells, strict=True))
    room = max(columns - others, NARROWEST)
    rows = [(_one_line(text, room), *cell) for text, cell in zip(shown["response"], cells, strict=True)]
    more = f" The likeliest {len(shown)} are shown." if len(kinds) > len(shown) else ""
    return (
        f"{first}\n{len(kinds)} different responses, {right} of them right, among {len(own)} drawn.{more} The last "
        f"columns: shares of what was drawn, after sharpening.\n\n{table(header, rows, columns)}\n"
    )


def different(own: pd.DataFrame, alphas: Sequence[float]) -> pd.DataFrame:
    """A row a response: how often it was drawn, and its share p^α among all that were drawn.    [T23]"""
    grouped = own.groupby(["response", "finished"], sort=False)
    kinds = grouped.agg(reward=("reward", "mean"), length=("length", "mean"), log_p=("log_p", "mean")).reset_index()
    kinds["drawn"] = grouped.size().to_numpy()
    for alpha in alphas:
        score = (alpha - 1) * kinds["log_p"].to_numpy(float) + np.log(kinds["drawn"].to_numpy(float))
        kinds[alpha] = np.exp(log_weights(score))
    return kinds.sort_values("log_p", ascending=False, kind="stable")


def _graded(reward: float, finished: bool) -> str:
    if not finished:
        return "unfinished"
    return "✓ right" if reward >= 1 else "✗ wrong" if reward <= 0 else f"{reward:.2f}"


def _one_line(text: str, room: int) -> str:
    """On one line; of a long one the middle is left out, for its end holds the answer."""
    text = " ".join(text.replace("\n", "⏎").split())
    if display_width(text) <= room:
        return text
    before, after = (room - 1) // 2, room - 1 - (room - 1) // 2
    return text[:before] + CUT + text[len(text) - after :]
