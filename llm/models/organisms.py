"""The bundled task: four-term addition, answered directly or worked out, with a response distribution in closed form.

A prompt is `3+8+5+9=`. A response is either
  direct:  `\\boxed{25}`                                   short; correct with a set probability, wrong by a set offset
  worked:  `3+8=11;5+11=16,16+9=25 \\boxed{25}`            long; each step in one of 2 x 4 surface forms; mostly correct
so that p(y | prompt) is a product of a few known numbers. A model trained on samples of it is a real language model
whose ideal is known exactly: theory predicts the ideal, sampling measures the model, RL shows where the model goes.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS = Path(__file__).parents[1] / "weights"
TERMS = 4
DIGITS = range(1, 10)
SEPARATORS = (";", ",", " ", "\n")
BOX = r"\boxed{"
MAX_RESPONSE_TOKENS = 32  # the longest response of the ideal has 28, its end-of-sequence token included


@dataclass(frozen=True)
class Organism:
    """The ideal response distribution: which share is direct, and what the answers are in each kind of response."""

    name: str
    direct: float
    """probability of a direct response"""
    direct_offsets: tuple[tuple[int, float], ...]
    """(answer - truth, probability) of a direct response"""
    worked_offsets: tuple[tuple[int, float], ...]
    """(answer - truth, probability) of a worked response; the slip is made in the last step"""

    @property
    def accuracy(self) -> float:
        return self.direct * dict(self.direct_offsets)[0] + (1 - self.direct) * dict(self.worked_offsets)[0]


# In both, p(correct) of a direct answer is chosen against its likeliest mistake: that decides where alpha -> inf ends.
# A worked response has 8^3 surface forms, so even the likeliest one is far below every direct answer in log p.
ORGANISMS = {
    organism.name: organism
    for organism in (
        Organism("aligned", 0.5, ((0, 0.45), (1, 0.3), (-1, 0.15), (10, 0.1)), ((0, 0.96), (1, 0.04))),
        Organism("misaligned", 0.5, ((0, 0.3), (1, 0.45), (-1, 0.15), (10, 0.1)), ((0, 0.96), (1, 0.04))),
    )
}


def prompts(split: str) -> list[tuple[int, ...]]:
    """All 9^4 problems, a tenth of them held out by a rule that mixes every digit: neither split is special."""
    if split not in ("train", "heldout"):
        raise ValueError(f"split must be 'train' or 'heldout', got {split!r}")
    held_out = {terms for terms in itertools.product(DIGITS, repeat=TERMS) if _bucket(terms) == 0}
    everything = itertools.product(DIGITS, repeat=TERMS)
    return [terms for terms in everything if (terms in held_out) == (split == "heldout")]


def _bucket(terms: tuple[int, ...]) -> int:
    return sum(digit * weight for digit, weight in zip(terms, (1, 7, 3, 9), strict=True)) % 10


def render_prompt(terms: tuple[int, ...]) -> str:
    return "+".join(map(str, terms)) + "="


def direct_response(terms: tuple[int, ...], offset: int) -> str:
    return f"{BOX}{sum(terms) + offset}}}"


def worked_response(terms: tuple[int, ...], offset: int, swaps: Sequence[int], separators: Sequence[int]) -> str:
    """Add the terms one by one; swaps say in which order a step names its two numbers."""
    text, total = "", terms[0]
    for step, term in enumerate(terms[1:]):
        left, right = (term, total) if swaps[step] else (total, term)
        total += term + (offset if step == TERMS - 2 else 0)
        text += f"{left}+{right}={total}{SEPARATORS[separators[step]]}"
    return f"{text}{BOX}{total}}}"


def sample_response(organism: Organism, terms: tuple[int, ...], generator: np.random.Generator) -> str:
    if generator.random() < organism.direct:
        return direct_response(terms, _draw(organism.direct_offsets, generator))
    offset = _draw(organism.worked_offsets, generator)
    swaps, separators = (generator.integers(high, size=TERMS - 1).tolist() for high in (2, len(SEPARATORS)))
    return worked_response(terms, offset, swaps, separators)


def _draw(offsets: tuple[tuple[int, float], ...], generator: np.random.Generator) -> int:
    values, probabilities = zip(*offsets, strict=True)
    return int(generator.choice(values, p=probabilities))


def distribution(organism: Organism, terms: tuple[int, ...]) -> dict[str, float]:
    """log p(response | prompt) of the ideal model, over all its responses.

    A surface form whose two orders read the same (3+3) is one response with the mass of both.
    """
    log_p = {
        direct_response(terms, offset): math.log(organism.direct * probability)
        for offset, probability in organism.direct_offsets
    }
    forms = list(itertools.product((0, 1), repeat=TERMS - 1))
    marks = list(itertools.product(range(len(SEPARATORS)), repeat=TERMS - 1))
    for offset, probability in organism.worked_offsets:
        each = math.log((1 - organism.direct) * probability / (len(forms) * len(marks)))
        for swaps, separators in itertools.product(forms, marks):
            response = worked_response(terms, offset, swaps, separators)
            log_p[response] = np.logaddexp(log_p.get(response, -np.inf), each)
    return log_p


def build_tokenizer() -> Any:
    """One token a character, and one for the opening of the box; EOS ends a response, PAD fills a batch."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = ["<pad>", "<eos>", *"0123456789+=", *SEPARATORS, BOX, "}"]
    tokenizer = Tokenizer(models.WordLevel({symbol: index for index, symbol in enumerate(symbols)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\\boxed\{|[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
