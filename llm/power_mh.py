"""Metropolis-Hastings for p^alpha over a fixed horizon: many chains, each move keeps a prefix and draws the rest anew.

The states are the responses of up to T tokens: finished ones, and those of T tokens that are not. A move keeps a prefix
of y and draws the rest from q, the model at temperature 1/a, until the response stops or reaches T: it may grow as well
as shrink. Two kinds of move alternate at random. One draws the whole response anew; from a long response it is the
quickest way to a short one. The other picks one of the |y| positions and keeps what stands before it; the way back
picks the same position of the new response y', with probability 1/|y'|. Each kind is in detailed balance with p^alpha
when it is accepted with `log_acceptance`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from llm.mixing import mixing
from llm.particles import PAD, draw, response_ids, temper
from llm.prefix_cache import PrefixCache, read_prompts
from llm.rollouts import Drawn


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


def log_acceptance(
    log_w: Float[torch.Tensor, "*chain"],
    new_log_w: Float[torch.Tensor, "*chain"],
    length: Int[torch.Tensor, "*chain"],
    new_length: Int[torch.Tensor, "*chain"],
    whole: Bool[torch.Tensor, "*chain"],
) -> Float[torch.Tensor, "*chain"]:
    """log min(1, w(y')/w(y) · |y|/|y'|), w = p^α/q of whole responses: the kept prefix cancels.

    whole moves have no |y|/|y'|. For a = alpha, w(y) = Π_t Σ_v p(v|y_<t)^α (T16, second form), so that at alpha = 1
    only the lengths are left; without them the chain would favour long responses, which are reached from more places.
    """
    lengths = torch.where(whole, 0.0, length.double().log() - new_length.double().log())
    return (new_log_w - log_w + lengths).clamp(max=0)


def sample(
    model,
    tokenizer,
    prompt_ids: Sequence[Sequence[int]],
    samples: int,
    max_new_tokens: int,
    stops: set[int],
    generator: torch.Generator,
    alpha: float = 4.0,
    chains: int = 16,
    burn_in: int = 16,
    thin: int = 4,
    restart: float = 0.25,
    proposal_alpha: float | None = None,
) -> Drawn:
    """samples states of `chains` parallel chains a prompt, every thin-th move after burn_in; T = max_new_tokens.

    proposal_alpha is a, (1 + alpha)/2 where it is None: at a = alpha a response that low temperature hardly draws is
    left as rarely as it is found, and the chain sticks (docs/samplers.md). Columns: chain, move. Diagnostics:
    acceptance; ess and r_hat of log p over the moves after burn_in, at least the second half of all (means over the
    prompts where they can be told), tokens_per_effective_sample.
    """
    chains = min(chains, samples)
    draws = -(-samples // chains)
    asked = [ids for ids in prompt_ids for _ in range(chains)]
    proposal = Proposal(asked, (1 + alpha) / 2 if proposal_alpha is None else proposal_alpha, stops, restart)
    state, tokens = start(model, proposal, max_new_tokens, generator)
    tokens += sum(len(ids) - 1 for ids in prompt_ids)
    kept, trace, accepted = [], [], 0
    moves = burn_in + thin * draws
    for move in range(1, moves + 1):
        state, moved, cost = step(model, state, proposal, alpha, generator)
        tokens += cost
        accepted += int(moved.sum())
        if move > min(burn_in, moves // 2):
            trace.append(state.log_p.sum(1))
        if move > burn_in and (move - burn_in) % thin == 0:
            kept.append(state.tokens)

    shape = (len(prompt_ids), chains)
    found = mixing(torch.stack(trace, 1).view(*shape, -1).numpy())
    ess, r_hat = (float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else float("nan") for x in found)
    # [prompt, draw, chain], so that the first samples of a prompt come from different chains.
    responses = torch.stack(kept).view(draws, *shape, max_new_tokens).transpose(0, 1)
    order = [(draw_, chain) for draw_ in range(draws) for chain in range(chains)][:samples]
    return Drawn(
        response_ids(responses.reshape(shape[0], -1, max_new_tokens)[:, :samples].reshape(-1, max_new_tokens)),
        None,
        {
            "chain": [chain for _ in prompt_ids for _, chain in order],
            "move": [burn_in + thin * (draw_ + 1) for _ in prompt_ids for draw_, _ in order],
        },
        tokens,
        {
            "acceptance": accepted / (moves * len(asked)),
            "ess": ess,
            "r_hat": r_hat,
            "tokens_per_effective_sample": tokens / (len(prompt_ids) * ess),
        },
    )


def start(model, proposal: Proposal, horizon: int, generator: torch.Generator) -> tuple[Chains, int]:
    """(chains that stand on draws of the proposal, tokens that it took)."""
    shape = (len(proposal.prompt_ids), horizon)
    distinct = list(dict.fromkeys(map(tuple, proposal.prompt_ids)))
    row = torch.tensor([distinct.index(tuple(ids)) for ids in proposal.prompt_ids])
    empty = Chains(
        torch.full(shape, PAD),
        torch.zeros(shape, dtype=torch.float64),
        torch.zeros(shape, dtype=torch.float64),
        read_prompts(model, distinct).select(row),
    )
    return regenerate(model, empty, torch.zeros(shape[0], dtype=torch.long), proposal, generator)


def step(
    model, state: Chains, proposal: Proposal, alpha: float, generator: torch.Generator
) -> tuple[Chains, torch.Tensor, int]:
    """(next state, which chains moved, tokens that it took): one move of every chain."""
    uniform = torch.rand(3, len(state.tokens), dtype=torch.float64, generator=generator)
    whole = uniform[0] < proposal.restart
    position = torch.where(whole, 0, (uniform[1] * state.length).long())
    new, cost = regenerate(model, state, position, proposal, generator)
    log_a = log_acceptance(state.log_w(alpha), new.log_w(alpha), state.length, new.length, whole)
    moved = uniform[2].log() < log_a
    state.cache.replace(torch.nonzero(moved)[:, 0], new.cache)
    merged = [torch.where(moved[:, None], theirs, ours) for ours, theirs in zip(state[:3], new[:3], strict=True)]
    return Chains(*merged, state.cache), moved, cost


def regenerate(
    model, state: Chains, position: torch.Tensor, proposal: Proposal, generator: torch.Generator
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
        chosen = draw(log_q_next, torch.arange(len(live)), generator)
        row = torch.arange(len(live), device=log_p_next.device), chosen.to(log_p_next.device)
        tokens[live, here] = chosen
        log_p[live, here], log_q[live, here] = log_p_next[row].cpu(), log_q_next[row].cpu()
        cost += len(live)
        at[live] += 1
        live = live[~torch.isin(chosen, stops) & (here + 1 < horizon)]
    return Chains(tokens, log_p, log_q, cache), cost
