"""Responses of many chains, each with its keys and values, and how all of them get a new ending at once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from llm.samplers.particles import draw_tokens, temper
from llm.samplers.prefix_cache import PrefixCache, read_prompts
from theory.sequences import PAD


class Chains(NamedTuple):
    """One response a chain; arrays are [chain, T], 0 (tokens: PAD) after the end of a response."""

    tokens: torch.Tensor
    log_p: torch.Tensor
    """nats, of each token"""
    log_q: torch.Tensor
    """the same under the proposal"""
    cache: PrefixCache

    @property
    def length(self) -> torch.Tensor:
        return (self.tokens != PAD).sum(1)

    def log_w(self, alpha: float) -> torch.Tensor:
        """log p^α(y)/q(y)"""
        return alpha * self.log_p.sum(1) - self.log_q.sum(1)


class Proposal(NamedTuple):
    """What all moves share."""

    prompt_ids: Sequence[Sequence[int]]
    """one a chain"""
    exponent: float
    """a: tokens are proposed from p(·|prefix)^a"""
    stops: set[int]
    restart: float
    """probability of a move that draws the whole response anew"""


def start(model: torch.nn.Module, proposal: Proposal, horizon: int, generator: torch.Generator) -> tuple[Chains, int]:
    """(chains that stand on draws of the proposal, tokens that it took)."""
    shape = (len(proposal.prompt_ids), horizon)
    distinct = list(dict.fromkeys(map(tuple, proposal.prompt_ids)))
    row = torch.tensor([distinct.index(tuple(ids)) for ids in proposal.prompt_ids])
    empty = Chains(
        torch.empty(shape, dtype=torch.long),  # of all three nothing is kept
        torch.empty(shape, dtype=torch.float64),
        torch.empty(shape, dtype=torch.float64),
        read_prompts(model, distinct).select(row),
    )
    return regenerate(model, empty, torch.zeros(shape[0], dtype=torch.long), proposal, generator)


def regenerate(
    model: torch.nn.Module, state: Chains, position: torch.Tensor, proposal: Proposal, generator: torch.Generator
) -> tuple[Chains, int]:
    """(each response with its tokens from position on drawn anew, tokens that it took); state is left as it was."""
    horizon = state.tokens.shape[1]
    behind = torch.arange(horizon) >= position[:, None]
    tokens = state.tokens.masked_fill(behind, PAD)
    log_p, log_q = (x.masked_fill(behind, 0) for x in (state.log_p, state.log_q))
    cache = state.cache.select(torch.arange(len(tokens)))
    prompt_length = torch.tensor([len(ids) for ids in proposal.prompt_ids])
    prompt_end = torch.tensor([ids[-1] for ids in proposal.prompt_ids])
    stops = torch.tensor(sorted(proposal.stops))
    at, live, cost = position.clone(), torch.arange(len(tokens)), 0
    while len(live):
        here = at[live]
        # The token before the first new one is read again: its logits were not kept, its keys and values are equal.
        last = torch.where(here == 0, prompt_end[live], tokens[live, here - 1])
        log_p_next = cache.next_log_p(model, last, prompt_length[live] + here - 1, live)
        log_q_next, _ = temper(log_p_next, proposal.exponent)
        chosen = draw_tokens(log_q_next, torch.arange(len(live)), generator)
        row = torch.arange(len(live)), chosen
        tokens[live, here] = chosen
        log_p[live, here], log_q[live, here] = log_p_next[row].cpu(), log_q_next[row].cpu()
        cost += len(live)
        at[live] += 1
        live = live[~torch.isin(chosen, stops) & (here + 1 < horizon)]
    return Chains(tokens, log_p, log_q, cache), cost
