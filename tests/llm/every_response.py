"""A random language model of four tokens and the list of all it can say: an oracle by brute force."""

import itertools
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import log_softmax
from transformers import LlamaConfig, LlamaForCausalLM

from llm.samplers.base import Request
from theory.sequences import PAD

VOCABULARY, STOP, HORIZON = 4, 1, 4
PROMPTS = [[2, 3, 0], [3]]  # of unequal length


class Everything(NamedTuple):
    """All responses to one prompt: a row of tokens each, padded as in theory.sequences, and their log p."""

    tokens: np.ndarray
    log_p: np.ndarray

    @property
    def responses(self) -> list[tuple[int, ...]]:
        return [tuple(token for token in row if token != PAD) for row in self.tokens.tolist()]

    def log_power(self, alpha: float) -> np.ndarray:
        return log_softmax(alpha * self.log_p)

    def frequencies(self, drawn) -> np.ndarray:
        place = {response: i for i, response in enumerate(self.responses)}
        return np.bincount([place[tuple(ids)] for ids in drawn], minlength=len(place)) / len(drawn)


def lopsided_model(family=LlamaForCausalLM, config=LlamaConfig, **options):
    torch.manual_seed(7)  # chosen so that low temperature is far from the power, by 0.13 and 0.41 at alpha = 2
    return family(
        config(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            initializer_range=0.4,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=STOP,
            pad_token_id=0,
            **options,
        )
    ).eval()


def ask(model, prompts, samples, seed=0, tokenizer=None) -> Request:
    """samples responses to each of the prompts, up to the horizon."""
    return Request(model, tokenizer, prompts, samples, HORIZON, {STOP}, torch.Generator().manual_seed(seed))


def everything(model, prompt, horizon=HORIZON) -> Everything:
    """Finished responses of up to horizon tokens and the unfinished ones of horizon tokens, each scored alone."""
    rest = [token for token in range(VOCABULARY) if token != STOP]
    rows = [(*body, STOP) for length in range(horizon) for body in itertools.product(rest, repeat=length)] + list(
        itertools.product(rest, repeat=horizon)
    )
    log_p = []
    for row in rows:
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *row]])).logits[0, len(prompt) - 1 : -1].double()
        steps = torch.log_softmax(logits, -1)
        log_p.append(steps[range(len(row)), row].sum().item())
    tokens = np.array([[*row] + [PAD] * (horizon - len(row)) for row in rows])
    return Everything(tokens, np.array(log_p))


def differs(frequency, p, draws) -> float:
    """The largest deviation of a frequency from its probability, in standard errors of independent draws."""
    return float(np.max(np.abs(frequency - p) / np.sqrt(p * (1 - p) / draws + 1 / draws**2)))
