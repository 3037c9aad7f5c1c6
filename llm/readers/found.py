"""What was read from a file of rollouts, and the few ways in which every tool writes texts and numbers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

Row = Mapping[str, Any]
CHOSEN_REWARD = "--column reward"  # in a row: the reward that the user named, where a file has several


class Misread(ValueError):
    """A file that is recognised, and does not hold what its tool writes or what is needed."""


@dataclass(frozen=True)
class Found:
    """A table with our columns, and what the file cannot tell."""

    table: pd.DataFrame
    tool: str = ""
    """who wrote it; empty for our own columns"""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """a column that the table lacks -> why"""
    path: Path = Path()
    """where it was read from, as llm.rollout_file fills in"""
    notes: tuple[str, ...] = ()
    """what a user should know about how it was read"""

    def lines(self, name: str) -> list[str]:
        """What to say of the file before it is used."""
        if not self.tool:
            return [f"{name}: {why}" for why in self.unknown.values()]
        lacking = f"; it does not tell {', '.join(self.unknown)}" if self.unknown else ""
        return [f"{name} is a file of {self.tool}{lacking}", *(f"{name}: {note}" for note in self.notes)]


def text_of(content: Any) -> str:
    """A text, the texts of messages, or those of a message's parts, one after the other."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return text_of(content.get("content", content.get("text")))
    return "\n".join(filter(None, map(text_of, content)))


def key_of(text: str) -> str:
    """A short name for a prompt: the same for the same text, in every file."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def unwrapped(value: Any) -> Any:
    """[x] -> x: a batch of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def total(values: Any) -> float | None:
    """The sum of the log-probabilities of tokens; None where one of them is missing."""
    numbers = list(values)
    return None if not numbers or any(x is None for x in numbers) else float(sum(map(float, numbers)))
