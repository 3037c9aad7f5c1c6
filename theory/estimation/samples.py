"""Samples of a base model as arrays, the samples of a prompt side by side."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped


@dataclass(frozen=True, eq=False)
class Rollouts:
    """Samples y_i ~ p of every prompt, sorted by prompt; start[x] is the first row of prompt x."""

    prompt_id: np.ndarray
    start: Int[np.ndarray, " prompts"]
    log_p: Float[np.ndarray, " rows"]
    """nats, the end-of-sequence token included in a finished response"""
    reward: Float[np.ndarray, " rows"]
    """in [0, 1]; 0 for an unfinished response"""
    length: Float[np.ndarray, " rows"]
    """tokens"""
    response: Int[np.ndarray, " rows"]
    """number of the response's text"""
    finished: Bool[np.ndarray, " rows"]
    vote: Int[np.ndarray, " rows"]
    """number of the answer given, -1 for none"""
    right_vote: Int[np.ndarray, " prompts"]
    """number of the right answer, -1 where nobody gave it"""

    @property
    def count(self) -> Int[np.ndarray, " prompts"]:
        return np.diff(self.start, append=len(self.log_p))

    def sum(self, values: Shaped[np.ndarray, " rows"]) -> Shaped[np.ndarray, " prompts"]:
        return np.add.reduceat(values, self.start)

    def mean(self, values: Shaped[np.ndarray, " rows"]) -> Float[np.ndarray, " prompts"]:
        return self.sum(values) / self.count

    def max(self, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " prompts"]:
        return np.maximum.reduceat(values, self.start)

    def each(self, values: np.ndarray) -> np.ndarray:
        """A prompt's value at each of its rows."""
        return np.repeat(values, self.count)

    def prompt_rows(self) -> list[slice]:
        """The rows of each prompt, in turn."""
        return [slice(start, start + count) for start, count in zip(self.start, self.count, strict=True)]

    def rows(self, kept: Bool[np.ndarray, " rows"]) -> "Rollouts":
        """Some of the rows; a prompt that keeps none is gone."""
        count = np.add.reduceat(kept.astype(int), self.start)
        left = count > 0
        start = np.cumsum(count[left]) - count[left]
        columns = ("log_p", "reward", "length", "response", "finished", "vote")
        return replace(
            self,
            prompt_id=self.prompt_id[left],
            start=start,
            right_vote=self.right_vote[left],
            **{name: getattr(self, name)[kept] for name in columns},
        )

    def some_prompts(self, most_rows: int, generator: np.random.Generator) -> "Rollouts":
        """A random selection of prompts with about most_rows rows; itself if it has no more."""
        if len(self.log_p) <= most_rows:
            return self
        prompts = max(2, round(len(self.start) * most_rows / len(self.log_p)))
        return self.rows(self.each(generator.permutation(len(self.start)) < prompts))

    @property
    def binary(self) -> bool:
        return bool(np.isin(self.reward, (0.0, 1.0)).all())


class BaseSamples(NamedTuple):
    """The same number of base responses to every prompt."""

    log_p: Float[np.ndarray, "prompts samples"]
    reward: Float[np.ndarray, "prompts samples"]
    length: Float[np.ndarray, "prompts samples"]


def base_samples(rollouts: pd.DataFrame) -> BaseSamples:
    """The columns of a rollouts table as prompts x samples, cut to the smallest number of samples that a prompt has."""
    groups = rollouts.groupby("prompt_id", sort=False)
    fewest = int(groups.size().min())
    rows = groups.head(fewest).sort_values("prompt_id", kind="stable")
    return BaseSamples(*(rows[name].to_numpy(float).reshape(-1, fewest) for name in BaseSamples._fields))
