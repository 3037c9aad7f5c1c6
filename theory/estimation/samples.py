"""Samples of a base model as arrays, the samples of a prompt side by side.

Prompts need not have the same number of samples, so a table of prompts x samples will not do. All rows stand in one
long array, prompt after prompt, and `start` says where each begins: sums over prompts are `np.add.reduceat`, without a
loop, also for a million rows. A prompt's value is spread over its rows by `each`.

What a row must be. log p is that of the base model at temperature 1, in nats, summed over the tokens of the response
and of its end: anything else (a mean over tokens, another base of the logarithm, a temperature) is a power or a length
term of p, and every weight and sign that follows from it is another model's. `theory.estimation.suspicions` looks for
such things.

>>> log_p = np.log([[0.5, 0.5, 0.3], [0.2, 0.5, 0.3]])
>>> reward, length = np.array([[1, 1, 0], [0, 1, 0]]), np.array([[4, 4, 9], [7, 4, 9]])
>>> rollouts = Rollouts.of_arrays(log_p, reward, length, response=length)
>>> rollouts.mean(rollouts.reward).round(2), rollouts.each(rollouts.count)
(array([0.67, 0.33]), array([3, 3, 3, 3, 3, 3]))
>>> probability_seen(rollouts)  # .5 and .3 of the first prompt, all of the second
array([0.8, 1. ])
"""

import functools
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped


class Different(NamedTuple):
    """The different responses to each prompt: by text, length and end.

    By length as well, because one text can be made of other tokens and has another probability then; by end, because a
    response that was cut off is another event than the same text with its end.
    """

    first: Bool[np.ndarray, " rows"]
    """the first row of each of them"""
    times: Int[np.ndarray, " rows"]
    """how often it stands there, at its first row; 0 at the others"""
    number: Int[np.ndarray, " rows"]
    """number of the response of each row among them, in order of their first rows"""
    copies: Int[np.ndarray, " rows"]
    """how often the response of each row stands there"""


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
    correct_vote: Int[np.ndarray, " prompts"]
    """number of the correct answer, -1 where nobody gave it"""
    log_pi: Float[np.ndarray, " rows"] | None = None
    """nats, under the policy that sampled the response; None or nan where it is not known"""
    entropy: Float[np.ndarray, " rows"] | None = None
    """nats, the sum of that policy's token entropies along the response; None or nan where it is not known"""
    log_p_noise: float = 0.0
    """standard deviation of the error of log_p a token, nats: error of variance log_p_noise² length    [T32]"""
    answers_known: bool = True
    """whether vote and correct_vote say anything: where not, maj@k cannot be told"""

    @classmethod
    def of_arrays(
        cls,
        log_p: Float[np.ndarray, "prompts samples"],
        reward: Shaped[np.ndarray, "prompts samples"],
        length: Shaped[np.ndarray, "prompts samples"],
        response: Int[np.ndarray, "prompts samples"],
    ) -> "Rollouts":
        """Finished samples, as many of each prompt; those rewarded 1 vote for one answer, the others for another."""
        prompts, samples = log_p.shape
        correct = np.asarray(reward, float).ravel() == 1
        return cls(
            np.arange(prompts),
            np.arange(prompts) * samples,
            log_p.ravel().astype(float),
            np.asarray(reward, float).ravel(),
            np.asarray(length, float).ravel(),
            response.ravel(),
            np.ones(log_p.size, bool),
            np.where(correct, 0, 1),
            np.zeros(prompts, int),
        )

    @property
    def count(self) -> Int[np.ndarray, " prompts"]:
        """The number of samples of each prompt."""
        return np.diff(self.start, append=len(self.log_p))

    def sum(self, values: Shaped[np.ndarray, " rows"]) -> Shaped[np.ndarray, " prompts"]:
        """Of the rows of each prompt; truth values have to be made numbers first, or they are joined by "or"."""
        return np.add.reduceat(values, self.start)

    def mean(self, values: Shaped[np.ndarray, " rows"]) -> Float[np.ndarray, " prompts"]:
        """Over the samples of each prompt, each like another: an estimate of E_p."""
        return self.sum(values) / self.count

    def max(self, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " prompts"]:
        """The largest of each prompt's rows."""
        return np.maximum.reduceat(values, self.start)

    def each(self, values: np.ndarray) -> np.ndarray:
        """A prompt's value at each of its rows."""
        return np.repeat(values, self.count)

    @functools.cached_property
    def different(self) -> Different:
        """Which rows are the first of their kind, and how many there are of it.

        By one stable sort over all prompts; kept, since several checks and the exact forecast ask for it.
        """
        prompt = self.each(np.arange(len(self.start)))
        length = np.nan_to_num(self.length)  # unknown lengths are alike, where nan differs from itself; none is 0
        columns = (self.finished, length, self.response, prompt)
        order = np.lexsort(columns)  # stable: the first of equal rows stays the first
        new = np.zeros(len(order), bool)
        new[:1] = True
        for column in columns:
            new[1:] |= np.diff(column[order].astype(float)) != 0
        times = np.zeros(len(order), np.int32)
        places = np.flatnonzero(new)
        times[order[places]] = np.diff(places, append=len(order))
        first = np.empty(len(order), np.int32)  # of each row, the first row that is equal
        first[order] = np.repeat(order[places], np.diff(places, append=len(order)))
        number = (np.cumsum(times > 0) - 1)[first]
        return Different(times > 0, times, number, times[first])

    def prompt_rows(self) -> list[slice]:
        """The rows of each prompt, in turn."""
        return [slice(start, start + count) for start, count in zip(self.start, self.count, strict=True)]

    def rows(self, kept: Bool[np.ndarray, " rows"]) -> "Rollouts":
        """Some of the rows; a prompt that keeps none is gone, and with it its place in every mean over prompts."""
        count = np.add.reduceat(kept.astype(int), self.start)
        left = count > 0
        start = np.cumsum(count[left]) - count[left]
        return replace(
            self,
            prompt_id=self.prompt_id[left],
            start=start,
            correct_vote=self.correct_vote[left],
            **self._columns(kept),
        )

    def in_order(self, prompt_id: np.ndarray) -> "Rollouts":
        """The rows of these prompts, in this order. ValueError names a prompt that there are no rows of."""
        place = {own: number for number, own in enumerate(self.prompt_id)}
        missing = [own for own in prompt_id if own not in place]
        if missing:
            raise ValueError(f"there are no rollouts of prompt {missing[0]}; sample the same prompts in both")
        prompts = np.array([place[own] for own in prompt_id], int)
        count = self.count[prompts]
        start = np.cumsum(count) - count
        rows = np.arange(count.sum()) + np.repeat(self.start[prompts] - start, count)
        return replace(
            self,
            prompt_id=self.prompt_id[prompts],
            start=start,
            correct_vote=self.correct_vote[prompts],
            **self._columns(rows),
        )

    def _columns(self, rows: np.ndarray) -> dict[str, Any]:
        names = ("log_p", "reward", "length", "response", "finished", "vote", "log_pi", "entropy")
        columns = {name: getattr(self, name) for name in names}
        return {name: column[rows] for name, column in columns.items() if column is not None}

    def some_prompts(self, most_rows: int, generator: np.random.Generator) -> "Rollouts":
        """A random selection of prompts with about most_rows rows; itself if it has no more.

        Whole prompts: fewer samples of each would bring other biases, fewer prompts only a wider interval.
        """
        if len(self.log_p) <= most_rows:
            return self
        prompts = max(2, round(len(self.start) * most_rows / len(self.log_p)))
        return self.rows(self.each(generator.permutation(len(self.start)) < prompts))

    @property
    def binary(self) -> bool:
        """Whether rewards are 0 and 1 alone: only then are there right and wrong responses, to be counted."""
        return bool(np.isin(self.reward, (0.0, 1.0)).all())


def probability_seen(rollouts: Rollouts, finished: bool = False) -> Float[np.ndarray, " prompts"]:
    """Σ p(y) over the different responses to each prompt (finished ones alone, if asked): at most 1 if log p is right.

    A response that was cut off has the probability of its beginning, of which another may be a continuation: two of
    them may add up to more than 1, and their sum proves nothing. Finished responses exclude each other.
    """
    counted = rollouts.different.first & (rollouts.finished | (not finished))
    return rollouts.sum(np.where(counted, np.exp(rollouts.log_p), 0.0))


def repeated_beyond_log_p(rollouts: Rollouts) -> tuple[float, float]:
    """Mean over prompts of 1 - n₁/n - Σ p(y) over the different responses, and its standard error.

    n₁ of a prompt's n samples came once; 1 - n₁/n is Good and Turing's estimate of the probability of what was seen
    (Biometrika 40, 1953), never too large on average. Above 0, responses come back more often than their log p says:
    they were drawn from another distribution, or log p is in other units than nats.
    The variance is (n₁ + 2 n₂)/n², with four more samples seen once, as a few repeats do not make a certainty.

    A check that needs nothing but the samples: a temperature below 1 makes repeats too frequent, log p in base 2 makes
    the probability of what was seen too small. (Units that make it too large show in `probability_seen`.) It sees
    nothing where no response comes twice.
    """
    times, n = rollouts.different.times, rollouts.count
    once, twice = (rollouts.sum((times == m).astype(float)) for m in (1, 2))
    excess = 1 - once / n - probability_seen(rollouts)
    variance = np.maximum(np.mean((once + 2 * twice + 4) / n**2), np.var(excess))
    return float(excess.mean()), float(np.sqrt(variance / len(n)))


class UnequalCopies(NamedTuple):
    """Responses that stand there more than once with log-probabilities that rounding does not explain."""

    share: float
    """of the responses that stand there more than once"""
    gap: float
    """nats, the largest"""
    prompt_id: object
    """where the largest gap is; None where there is none"""


def unequal_copies(rollouts: Rollouts) -> UnequalCopies:
    """How often copies of one response have another log p. A model gives a response one, whoever computes it.

    Rounding differs between batches and programs by a share of log p and a constant (`copy_rounding`); by more, rows
    were scored by different models, at different temperatures or after different prompts.
    """
    number = rollouts.different.number
    highest, lowest = np.full(number.max() + 1, -np.inf), np.full(number.max() + 1, np.inf)
    np.maximum.at(highest, number, rollouts.log_p)
    np.minimum.at(lowest, number, rollouts.log_p)
    repeated = rollouts.different.times[rollouts.different.first] > 1
    if not repeated.any():
        return UnequalCopies(0.0, 0.0, None)
    gap = np.where(repeated, highest - lowest, 0.0)
    row = int(np.argmax(number == np.argmax(gap)))
    prompt = rollouts.prompt_id[np.searchsorted(rollouts.start, row, side="right") - 1]
    odd = gap > copy_rounding(highest)
    return UnequalCopies(float(odd.sum() / repeated.sum()), float(gap.max()), prompt)


def copy_rounding(log_p: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Nats by which two programs or batches may differ on a response of this log p: half precision, many tokens."""
    return 0.5 + 0.02 * np.abs(log_p)


class BaseSamples(NamedTuple):
    """The same number of base responses to every prompt."""

    log_p: Float[np.ndarray, "prompts samples"]
    reward: Float[np.ndarray, "prompts samples"]
    length: Float[np.ndarray, "prompts samples"]


def base_samples(rollouts: Rollouts) -> BaseSamples:
    """Prompts x samples, cut to the smallest number of samples that a prompt has.

    The first ones: samples are drawn independently, so that any choice made without looking is as good as another.
    """
    rows = rollouts.start[:, None] + np.arange(rollouts.count.min())
    return BaseSamples(rollouts.log_p[rows], rollouts.reward[rows], rollouts.length[rows])
