"""Prompt by prompt: what a little and more sharpening does to each, by which responses, and what the runs answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.words import known

MOST_RESPONSES = 8  # of a prompt, the likeliest under one of the powers first
MOST_TEXT = 400  # characters of a response or a prompt
NEEDED = ("prompt_id", "response", "reward", "log_p")
HURT, HELPED, SAME = "hurt", "helped", "same"


class Response(NamedTuple):
    """One way to answer. shares: its part of all responses at each power, as the drawn ones tell it."""

    text: str
    reward: float
    tokens: int
    log_p: float
    drawn: int
    shares: tuple[float, ...]


class RunAnswer(NamedTuple):
    """What an arm's runs answer most often, and their accuracy on this prompt."""

    arm: str
    accuracy: float
    text: str
    reward: float
    drawn: int
    samples: int


class Prompt(NamedTuple):
    """accuracies: of the base model, then at each power. direction: of the first power, beyond two standard errors."""

    text: str
    samples: int
    accuracies: tuple[float, ...]
    direction: str
    right: int  # different responses
    wrong: int
    responses: Sequence[Response]
    runs: Sequence[RunAnswer]


def by_prompt(base: Path, rollouts: Mapping[str, Sequence[Path]], powers: Sequence[float]) -> list[Prompt]:
    """Nothing where the samples have no text or no log p. The prompts that the first power hurts most come first."""
    table = pd.read_parquet(base)
    if any(name not in table for name in NEEDED) or table["log_p"].isna().any():
        return []
    answers = _run_answers(rollouts)
    found = [_prompt(own, powers, answers.get(str(name), [])) for name, own in table.groupby("prompt_id", sort=False)]
    return sorted(found, key=lambda own: own.accuracies[1] - own.accuracies[0] if len(own.accuracies) > 1 else 0.0)


def _prompt(own: pd.DataFrame, powers: Sequence[float], runs: Sequence[RunAnswer]) -> Prompt:
    reward, log_p = (own[name].to_numpy(float) for name in ("reward", "log_p"))
    weights = [_weights(log_p, alpha) for alpha in powers]
    means = [float(reward.mean()), *(float(weight @ reward) for weight in weights)]
    responses = _responses(own, weights)
    right = sum(response.reward > 0.5 for response in responses)
    return Prompt(
        text=_short(str(own["prompt"].iloc[0]) if "prompt" in own else str(own["prompt_id"].iloc[0])),
        samples=len(own),
        accuracies=tuple(means),
        direction=_direction(reward, weights[0]) if weights else SAME,
        right=right,
        wrong=len(responses) - right,
        responses=responses[:MOST_RESPONSES],
        runs=runs,
    )


def _weights(log_p: np.ndarray, alpha: float) -> np.ndarray:
    """p^(alpha - 1) over its sum: what turns draws from p into draws from p^alpha."""
    raw = np.exp((alpha - 1) * (log_p - log_p.max()))
    return raw / raw.sum()


def _direction(reward: np.ndarray, weight: np.ndarray) -> str:
    """Hurt or helped where the change is more than two standard errors, by the delta method on one prompt's draws."""
    change = weight @ reward - reward.mean()
    pull = weight * (reward - weight @ reward) - (reward - reward.mean()) / len(reward)
    error = float(np.sqrt(np.sum(pull**2)))
    return SAME if abs(change) <= 2 * error else HELPED if change > 0 else HURT


def _responses(own: pd.DataFrame, weights: Sequence[np.ndarray]) -> list[Response]:
    """The different texts, those with the largest share at any power, or drawn most often, first."""
    place = own.groupby("response", sort=False).indices
    length = own["length"].to_numpy() if "length" in own else np.full(len(own), np.nan)
    found = []
    for text, rows in place.items():
        first = rows[0]
        found.append(
            Response(
                _short(str(text)),
                float(own["reward"].iloc[first]),
                int(length[first]) if known(length[first]) else 0,
                float(own["log_p"].iloc[first]),
                len(rows),
                tuple(float(weight[rows].sum()) for weight in weights),
            )
        )
    return sorted(found, key=lambda own: -max(own.drawn / len(place), *own.shares, 0.0) if own.shares else -own.drawn)


def _run_answers(rollouts: Mapping[str, Sequence[Path]]) -> dict[str, list[RunAnswer]]:
    """prompt_id -> an answer of each arm, over its seeds."""
    found: dict[str, list[RunAnswer]] = {}
    for arm, paths in rollouts.items():
        table = pd.concat([_columns(path) for path in paths], ignore_index=True)
        if "response" not in table:
            continue
        for name, own in table.groupby("prompt_id", sort=False):
            counts = own["response"].value_counts()
            text = str(counts.index[0])
            reward = float(own.loc[own["response"] == text, "reward"].iloc[0])
            answer = RunAnswer(
                arm, float(own["reward"].mean()), _short(text, 160), reward, int(counts.iloc[0]), len(own)
            )
            found.setdefault(str(name), []).append(answer)
    return found


def _columns(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    kept: list[Any] = [name for name in ("prompt_id", "response", "reward") if name in table]
    return table[kept]


def _short(text: str, most: int = MOST_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
