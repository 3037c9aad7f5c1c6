"""A language model that is a table: no network, any numbers at hand, and a count of what it reads.

What comes next depends on the sum of all tokens so far, so that rows which get mixed up say something else.
"""

import itertools

import numpy as np
import torch
from every_response import HORIZON, PROMPTS, STOP, VOCABULARY, Everything

from llm.samplers.base import Request
from llm.samplers.prefix_cache import PrefixCache
from theory.sequences import PAD

LOG_P = np.log(
    [[0.1, 0.3, 0.2, 0.4], [0.25, 0.2, 0.3, 0.25], [0.4, 0.1, 0.3, 0.2], [0.05, 0.5, 0.15, 0.3], [0.3, 0.15, 0.5, 0.05]]
)


def next_log_p(sequence) -> np.ndarray:
    """log p(· | sequence)"""
    return LOG_P[sum(sequence) % len(LOG_P)]


def log_p_of(prompt, response, exponent=1.0) -> float:
    """log Π_t q(y_t|y_<t), q = p^exponent normalised token by token; or with an exponent for each token."""
    exponents = np.broadcast_to(exponent, len(response))
    total = 0.0
    for t, token in enumerate(response):
        scaled = exponents[t] * next_log_p([*prompt, *response[:t]])
        total += scaled[token] - np.log(np.exp(scaled).sum())
    return total


def everything(prompt) -> Everything:
    """All responses of up to HORIZON tokens, as every_response.everything lists them."""
    rest = [token for token in range(VOCABULARY) if token != STOP]
    rows = [(*body, STOP) for length in range(HORIZON) for body in itertools.product(rest, repeat=length)]
    rows += itertools.product(rest, repeat=HORIZON)
    tokens = np.array([[*row] + [PAD] * (HORIZON - len(row)) for row in rows])
    return Everything(tokens, np.array([log_p_of(prompt, row) for row in rows]))


class Table(PrefixCache):
    """The only key of a token is the token."""

    read = 0
    """tokens since the test began"""

    def select(self, rows):
        return Table(super().select(rows).pairs)

    def next_log_p(self, model, tokens, positions, rows=None):
        rows = torch.arange(len(self)) if rows is None else rows
        assert len(rows) == len(tokens) == len(positions)
        Table.read += len(rows)
        self._widen(int(positions.max()) + 1)
        keys = self.pairs[0][0]
        keys[rows, 0, positions, 0] = tokens
        seen = torch.arange(keys.shape[2]) <= positions[:, None]
        return torch.tensor(LOG_P)[(keys[rows, 0, :, 0] * seen).sum(1) % len(LOG_P)]


def read_prompts(model, prompt_ids):
    """Behind a prompt stands what must not be seen."""
    Table.read += sum(len(ids) - 1 for ids in prompt_ids)
    width = max(map(len, prompt_ids))
    keys = torch.tensor([[*ids[:-1], *[17] * (width - len(ids) + 1)] for ids in prompt_ids])[:, None, :, None]
    return Table([(keys, keys)])


def ask(samples, prompts=PROMPTS, horizon=HORIZON, stops=frozenset({STOP}), seed=0) -> Request:
    return Request(torch.nn.Module(), None, prompts, samples, horizon, set(stops), torch.Generator().manual_seed(seed))
