"""Metropolis-Hastings for p^alpha over a fixed horizon: many chains, each move keeps a prefix and draws the rest anew.

The states are the responses of up to T tokens: finished ones, and those of T tokens that are not. A move keeps a prefix
of y and draws the rest from q, the model at temperature 1/a, until the response stops or reaches T: it may grow as well
as shrink. Two kinds of move alternate at random. One draws the whole response anew; from a long response it is the
quickest way to a short one. The other picks one of the |y| positions and keeps what stands before it; the way back
picks the same position of the new response y', with probability 1/|y'|. Each kind is in detailed balance with p^alpha
when it is accepted with `log_acceptance`.

The chains of a prompt begin on draws of q that were chosen in proportion to p^alpha/q, near the target already: chains
that all begin on plain draws of q drift together, and no comparison of chains would show it.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from llm.samplers.base import Drawn, Request
from llm.samplers.mixing import mixing
from llm.samplers.particles import response_ids
from llm.samplers.regeneration import Chains, Proposal, regenerate, start
from llm.samplers.systematic import systematic_counts


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
    request: Request,
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
    model, prompt_ids, samples, generator = request.model, request.prompt_ids, request.samples, request.generator
    chains = min(chains, samples)
    draws = -(-samples // chains)
    asked = [ids for ids in prompt_ids for _ in range(chains)]
    proposal = Proposal(asked, (1 + alpha) / 2 if proposal_alpha is None else proposal_alpha, request.stops, restart)
    state, tokens = start(model, proposal, request.max_new_tokens, generator)
    state = select_start(state, alpha, chains, generator)
    tokens += sum(len(ids) - 1 for ids in set(map(tuple, prompt_ids)))  # equal prompts are read once
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

    ess, r_hat = _mixed(torch.stack(trace, 1).view(len(prompt_ids), chains, -1))
    # [prompt, draw, chain], so that the first samples of a prompt come from different chains.
    responses = torch.stack(kept).view(draws, len(prompt_ids), chains, -1).transpose(0, 1)
    order = [(draw_, chain) for draw_ in range(draws) for chain in range(chains)][:samples]
    return Drawn(
        response_ids(responses.flatten(1, 2)[:, :samples].flatten(0, 1)),
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


def _mixed(trace: Float[torch.Tensor, "prompts chains moves"]) -> tuple[float, float]:
    """(ess, r_hat), each the mean over the prompts where it can be told; nan where there are none."""
    found = mixing(trace.numpy())
    ess, r_hat = (float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else float("nan") for x in found)
    return ess, r_hat


def select_start(state: Chains, alpha: float, chains: int, generator: torch.Generator) -> Chains:
    """The states of each prompt's `chains` chains, resampled in proportion to p^α/q."""
    chosen = []
    for first in range(0, len(state.tokens), chains):
        log_w = state.log_w(alpha)[first : first + chains]
        offset = torch.rand((), dtype=torch.float64, generator=generator)
        copies = systematic_counts((log_w - log_w.max()).exp(), chains, offset)
        chosen.append(first + torch.repeat_interleave(torch.arange(chains), copies))
    rows = torch.cat(chosen)
    return Chains(state.tokens[rows], state.log_p[rows], state.log_q[rows], state.cache.select(rows))


def step(
    model: torch.nn.Module, state: Chains, proposal: Proposal, alpha: float, generator: torch.Generator
) -> tuple[Chains, torch.Tensor, int]:
    """(next state, which chains moved, tokens that it took): one move of every chain."""
    uniform = torch.rand(3, len(state.tokens), dtype=torch.float64, generator=generator)
    whole = uniform[0] < proposal.restart
    position = torch.where(whole, 0, (uniform[1] * state.length).long())
    new, cost = regenerate(model, state, position, proposal, generator)
    log_a = log_acceptance(state.log_w(alpha), new.log_w(alpha), state.length, new.length, whole)
    moved = uniform[2].log() < log_a
    state.cache.replace(torch.nonzero(moved)[:, 0], new.cache)
    tokens, log_p, log_q = (
        torch.where(moved[:, None], theirs, ours) for ours, theirs in zip(state[:3], new[:3], strict=True)
    )
    return Chains(tokens, log_p, log_q, state.cache), moved, cost
