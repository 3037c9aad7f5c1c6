"""Particles on the distinct prefixes of responses: those that share a prefix share its forward pass.

A cloud holds prefixes of one length, each with a count of particles; finished ones wait, padded. `look` runs the model
on the unfinished, `spread` draws a next token for every particle and lets equal prefixes meet again. With a tempered
draw q ∝ p(·|prefix)^a at each token the cloud also keeps what the draw left out, Σ_t log Σ_v p(v|y_<t)^a, so that
    a log p(y) = log q(y) + log_weight(y)    [T16, second form]
for a constant exponent a.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from llm.samplers.prefix_cache import PrefixCache, read_prompts
from theory.sequences import PAD


class Cloud(NamedTuple):
    """n prefixes of t tokens; the cache has a row for each unfinished one, in their order."""

    group: torch.Tensor
    """which prompt (or other group of particles) a prefix belongs to"""
    tokens: torch.Tensor
    """[n, t], PAD after the end"""
    count: torch.Tensor
    """particles on it"""
    live: torch.Tensor
    """not finished"""
    log_p: torch.Tensor
    """nats under the model at temperature 1"""
    log_weight: torch.Tensor
    """nats, not normalised; the same for all particles of a prefix"""
    last: torch.Tensor
    """last token of prompt and prefix"""
    position: torch.Tensor
    """place of that token in the sequence"""
    cache: PrefixCache
    forwards: int
    """tokens that went through the model so far"""
    drawn: int = 0
    """tokens that the particles drew: the cost if none of them shared a prefix"""


def begin(model: torch.nn.Module, prompt_ids: Sequence[Sequence[int]], count: int) -> Cloud:
    """count particles on the empty response to each prompt."""
    n = len(prompt_ids)
    return Cloud(
        group=torch.arange(n),
        tokens=torch.empty(n, 0, dtype=torch.long),
        count=torch.full((n,), count),
        live=torch.ones(n, dtype=torch.bool),
        log_p=torch.zeros(n, dtype=torch.float64),
        log_weight=torch.zeros(n, dtype=torch.float64),
        last=torch.tensor([ids[-1] for ids in prompt_ids]),
        position=torch.tensor([len(ids) - 1 for ids in prompt_ids]),
        cache=read_prompts(model, prompt_ids),
        forwards=sum(len(ids) - 1 for ids in prompt_ids),
    )


def look(model: torch.nn.Module, cloud: Cloud) -> torch.Tensor:
    """log p(· | prefix) of each live prefix, [live, vocabulary]."""
    return cloud.cache.next_log_p(model, cloud.last[cloud.live], cloud.position[cloud.live])


def temper(log_p_next: torch.Tensor, exponent: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(log q, log Σ_v p(v)^a) with q = p^a / Σ_v p(v)^a, a the exponent: one token at temperature 1/a."""
    scaled = log_p_next if exponent == 1 else exponent * log_p_next
    normaliser = torch.logsumexp(scaled, dim=1, keepdim=True)
    return scaled - normaliser, normaliser[:, 0].cpu()


def draw_tokens(log_q: torch.Tensor, prefix: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A token ~ q of its prefix's row, for every particle; prefix (ascending) says where each particle stands.

    Inverse of the distribution function, at uniforms of the generator: the same tokens on any device.
    """
    uniform = torch.rand(len(prefix), dtype=torch.float64, generator=generator)
    cumulative = log_q.exp().cumsum(1)
    # All particles of a prefix look into the same row: the uniforms are laid out [prefix, rank].
    count = torch.bincount(prefix)
    rank = torch.arange(len(prefix)) - (count.cumsum(0) - count)[prefix]
    table = torch.zeros(len(log_q), int(count.max()), dtype=torch.float64)
    table[prefix, rank] = uniform
    table = table.to(log_q.device) * cumulative[:, -1:]  # rounding leaves the last entry beside 1
    # right=True passes over tokens of probability 0, whose step has no height. A uniform is at most 1 - 2^-53: its
    # product with the last entry stays below that entry, so that a token is always found.
    return torch.searchsorted(cumulative, table, right=True).cpu()[prefix, rank]


def spread(
    cloud: Cloud,
    log_p_next: torch.Tensor,
    log_q: torch.Tensor,
    stops: set[int],
    generator: torch.Generator,
) -> Cloud:
    """Every particle of a live prefix draws its next token from log_q; those on finished prefixes stay."""
    live = torch.nonzero(cloud.live)[:, 0]
    particles = torch.repeat_interleave(torch.arange(len(live)), cloud.count[live])
    tokens = draw_tokens(log_q, particles, generator)
    vocabulary = log_q.shape[1]
    children, count = torch.unique(particles * vocabulary + tokens, return_counts=True)
    spread_out = branch(cloud, log_p_next, children // vocabulary, children % vocabulary, count, stops)
    return spread_out._replace(drawn=cloud.drawn + len(particles))


def branch(
    cloud: Cloud,
    log_p_next: torch.Tensor,
    row: torch.Tensor,
    token: torch.Tensor,
    count: torch.Tensor,
    stops: set[int],
) -> Cloud:
    """The cloud whose live prefixes are replaced by these children: token after live prefix number row.

    A stop token ends a prefix. Children keep their parent's weight.
    """
    parent = torch.nonzero(cloud.live)[:, 0][row]
    source = torch.cat([torch.nonzero(~cloud.live)[:, 0], parent])
    resting = len(source) - len(parent)
    added = torch.cat([torch.full((resting,), PAD), token])
    goes_on = ~torch.isin(token, torch.tensor(sorted(stops)))
    device = log_p_next.device
    step = torch.cat([torch.zeros(resting), log_p_next[row.to(device), token.to(device)].cpu()])
    return Cloud(
        group=cloud.group[source],
        tokens=torch.cat([cloud.tokens[source], added[:, None]], dim=1),
        count=torch.cat([cloud.count[~cloud.live], count]),
        live=torch.cat([torch.zeros(resting, dtype=torch.bool), goes_on]),
        log_p=cloud.log_p[source] + step,
        log_weight=cloud.log_weight[source],
        last=torch.where(added == PAD, cloud.last[source], added),
        position=cloud.position[source] + (added != PAD),
        cache=cloud.cache.select(row[goes_on]),
        forwards=cloud.forwards + int(cloud.live.sum()),
        drawn=cloud.drawn,
    )


def recount(cloud: Cloud, count: torch.Tensor) -> Cloud:
    """The same prefixes with other counts; those that are left with none are dropped."""
    kept = count > 0
    if kept.all():
        return cloud._replace(count=count)
    fields = ("group", "tokens", "live", "log_p", "log_weight", "last", "position")
    cache = cloud.cache.select(torch.nonzero(kept[cloud.live])[:, 0])
    return cloud._replace(**{name: getattr(cloud, name)[kept] for name in fields}, count=count[kept], cache=cache)


def grow(
    model: torch.nn.Module, cloud: Cloud, exponent: float, steps: int, stops: set[int], generator: torch.Generator
) -> Cloud:
    """Up to steps more tokens for every particle, each at temperature 1/exponent; log_weight grows as said above."""
    for _ in range(steps):
        if not cloud.live.any():
            break
        log_p_next = look(model, cloud)
        log_q, normaliser = temper(log_p_next, exponent)
        weight = cloud.log_weight.clone()
        weight[cloud.live] += normaliser
        cloud = spread(cloud._replace(log_weight=weight), log_p_next, log_q, stops, generator)
    return cloud


def response_ids(tokens: torch.Tensor) -> list[list[int]]:
    """The padded rows as lists of their tokens."""
    return [[token for token in row if token != PAD] for row in tokens.tolist()]


def regroup(cloud: Cloud, index: torch.Tensor, count: int) -> Cloud:
    """Each named prefix, which may be named several times, becomes a group of its own, with count fresh particles."""
    fields = ("tokens", "live", "log_p", "last", "position")
    picked = {name: getattr(cloud, name)[index] for name in fields}
    rows = (cloud.live.cumsum(0) - 1)[index][picked["live"]]
    return Cloud(
        group=torch.arange(len(index)),
        count=torch.full((len(index),), count),
        log_weight=torch.zeros(len(index), dtype=torch.float64),
        cache=cloud.cache.select(rows),
        forwards=cloud.forwards,
        drawn=cloud.drawn,
        **picked,
    )


def individuals(cloud: Cloud, generator: torch.Generator) -> torch.Tensor:
    """[group, particle]: the prefix that each particle stands on, in random order. All groups are of one size."""
    prefix = torch.repeat_interleave(torch.arange(len(cloud.count)), cloud.count)
    groups = int(cloud.group.max()) + 1
    table = prefix[cloud.group[prefix].argsort(stable=True)].view(groups, -1)
    return table.gather(1, torch.rand(table.shape, dtype=torch.float64, generator=generator).argsort(1))
