"""Sequential Monte Carlo for p^alpha: particles at low temperature, weighted by what low temperature drops.

The target of prefixes after t tokens is p(y_≤t)^{α_t}; tokens are drawn from p(·|y_<t)^{α_t}, normalised, and the
weight of a particle grows by
    p(y_<t)^{α_t - α_{t-1}} · Σ_v p(v|y_<t)^{α_t}    (the sum while it is unfinished)    [T16, second form; 2602.10273]
which is known before the token is drawn, so that resampling, where weights have become uneven, comes first. α_t is
alpha, or rises to it over the first `ramp` tokens (tempering); a particle that ends early goes on rising with it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int

from llm.samplers.base import Drawn, Request
from llm.samplers.particles import Cloud, begin, individuals, look, recount, response_ids, spread, temper
from llm.samplers.systematic import systematic_counts


class Stages(NamedTuple):
    """What each prompt's particles went through."""

    log_z: Float[torch.Tensor, " prompts"]
    """log of the estimate of Σ_y p(y)^α; the estimate itself is unbiased"""
    inverse_ess: Float[torch.Tensor, " prompts"]
    resamplings: Int[torch.Tensor, " prompts"]


def sample(
    request: Request,
    alpha: float = 4.0,
    particles: int | None = None,
    ramp: int = 0,
    threshold: float = 0.5,
) -> Drawn:
    """samples of particles (3 · samples where None) a prompt, thinned by their weights, so that rows weigh the same.

    Resampling happens where the effective sample size falls below threshold · particles. log_pi is log p^α/Ẑ.
    Diagnostics (means over prompts): ess, 1/ess = 1/N + Σ_stages (1/ess_stage - 1/N), resamplings, log_z,
    tokens_per_effective_sample; draws_per_token_read, by which the cost would grow if no particles shared a prefix.
    """
    cloud, stages = weighted_particles(request, particles or 3 * request.samples, alpha, ramp, threshold)
    chosen = thin(cloud, request.samples, request.generator)
    log_p = cloud.log_p[chosen]
    ess = 1 / stages.inverse_ess
    return Drawn(
        response_ids(cloud.tokens[chosen.view(-1)]),
        (alpha * log_p - stages.log_z[:, None]).view(-1).tolist(),
        {},
        cloud.forwards,
        {
            "ess": float(ess.mean()),
            "resamplings": float(stages.resamplings.double().mean()),
            "log_z": float(stages.log_z.mean()),
            "tokens_per_effective_sample": cloud.forwards / float(ess.sum()),
            "draws_per_token_read": cloud.drawn / cloud.forwards,
        },
    )


def weighted_particles(
    request: Request, particles: int, alpha: float, ramp: int = 0, threshold: float = 0.5
) -> tuple[Cloud, Stages]:
    """(weighted particles of p^alpha over responses of up to max_new_tokens tokens, how they came about)."""
    model, prompts = request.model, len(request.prompt_ids)
    cloud = begin(model, request.prompt_ids, particles)
    stages = Stages(
        torch.zeros(prompts),
        torch.full((prompts,), 1 / particles, dtype=torch.float64),
        torch.zeros(prompts, dtype=torch.long),
    )
    before = exponent = alpha  # before the first token any power will do: log p is 0
    for t in range(request.max_new_tokens):
        if not cloud.live.any():
            break
        if ramp:
            exponent = 1 + (alpha - 1) * min(1, (t + 1) / ramp)
        log_p_next = look(model, cloud)
        log_q, normaliser = temper(log_p_next, exponent)
        weight = cloud.log_weight + (exponent - before) * cloud.log_p
        weight[cloud.live] += normaliser
        before, was_live, read = exponent, cloud.live, int(cloud.live.sum())
        cloud, stages, kept = resample(
            cloud._replace(log_weight=weight), stages, threshold * particles, request.generator
        )
        rows = kept[was_live].to(log_p_next.device)
        # The tokens went through the model, whether or not their particles were then dropped.
        cloud = cloud._replace(forwards=cloud.forwards + read - int(rows.sum()))
        if rows.any():  # else the finished ones have taken all places
            cloud = spread(cloud, log_p_next[rows], log_q[rows], request.stops, request.generator)
    # A ramp longer than the responses: the last of the power is paid for here.
    cloud = cloud._replace(log_weight=cloud.log_weight + (alpha - exponent) * cloud.log_p)
    log_mean, ess = _group_moments(cloud)
    return cloud, stages._replace(
        log_z=stages.log_z + log_mean, inverse_ess=stages.inverse_ess + 1 / ess - 1 / particles
    )


def resample(
    cloud: Cloud, stages: Stages, least: float, generator: torch.Generator
) -> tuple[Cloud, Stages, torch.Tensor]:
    """(cloud, stages, which prefixes are left): equal weights again for the prompts whose ess is below least."""
    log_mean, ess = _group_moments(cloud)
    # Only finished particles cannot be improved by dropping some of them: thin() does that at the end.
    due = (ess < least) & torch.zeros_like(ess, dtype=torch.bool).index_put(
        (cloud.group[cloud.live],), torch.tensor(True)
    )
    if not due.any():
        return cloud, stages, torch.ones_like(cloud.live)
    count, weight = cloud.count.clone(), cloud.log_weight.clone()
    particles = int(cloud.count[cloud.group == 0].sum())
    for group in torch.nonzero(due)[:, 0]:
        here = cloud.group == group
        share = (cloud.log_weight[here] - log_mean[group]).exp() * cloud.count[here]
        count[here] = systematic_counts(share, particles, torch.rand((), dtype=torch.float64, generator=generator))
        weight[here] = 0.0
    stages = Stages(
        stages.log_z + torch.where(due, log_mean, 0.0),
        stages.inverse_ess + torch.where(due, 1 / ess - 1 / particles, 0.0),
        stages.resamplings + due,
    )
    return recount(cloud._replace(log_weight=weight), count), stages, count > 0


def thin(cloud: Cloud, samples: int, generator: torch.Generator) -> Int[torch.Tensor, "prompts samples"]:
    """The prefixes of `samples` particles of each prompt, taken in proportion to their weights, in random order.

    No particle is taken twice while its share of the weight is below 1/samples, so that rows are as good as distinct
    draws; the random order before the comb keeps rows independent of how the particles lie side by side.
    """
    chosen = []
    for particles in individuals(cloud, generator):
        weight = (cloud.log_weight[particles] - cloud.log_weight[particles].max()).exp()
        copies = systematic_counts(weight, samples, torch.rand((), dtype=torch.float64, generator=generator))
        chosen.append(torch.repeat_interleave(particles, copies))
    return torch.stack(chosen)


def _group_moments(cloud: Cloud) -> tuple[torch.Tensor, torch.Tensor]:
    """(log mean weight, effective sample size) of each prompt's particles."""
    groups = int(cloud.group.max()) + 1
    zeros = torch.zeros(groups, dtype=torch.float64)
    top = torch.full((groups,), -torch.inf, dtype=torch.float64)
    top = top.scatter_reduce(0, cloud.group, cloud.log_weight, "amax")
    weight = (cloud.log_weight - top[cloud.group]).exp()
    first = zeros.index_add(0, cloud.group, cloud.count * weight)
    second = zeros.index_add(0, cloud.group, cloud.count * weight**2)
    number = zeros.index_add(0, cloud.group, cloud.count.double())
    return top + (first / number).log(), first**2 / second
