"""Block rollouts for p^alpha: candidates for the next block, each judged by rollouts to the end; approximate.

The conditional of p^alpha for a block x after a prefix is ∝ p(x|·)^α ζ(x), ζ = Σ_rest p(rest|x)^α. From K candidates at
low temperature, with weights C(x) = Π_t Σ_v p(v|·)^α, one is chosen with probability ∝ C(x) ζ̂(x), where
    ζ̂ = mean of C(rest) over M rollouts at low temperature,    unbiased for ζ    [T16, both forms; 2601.21590]
The chosen proportions are ratios of estimates: their bias of order 1/M is reduced to 1/M² by the jackknife; one of
order 1/K stays.
"""

import torch
from jaxtyping import Float

from llm.samplers.base import Drawn, Request
from llm.samplers.particles import Cloud, begin, grow, individuals, regroup, response_ids


def sample(
    request: Request,
    alpha: float = 4.0,
    block: int = 16,
    candidates: int = 8,
    rollouts: int = 4,
    jackknife: bool = True,
) -> Drawn:
    """One response for each asked sample, block by block of `block` tokens. Column: candidates, K of each row."""
    model, max_new_tokens, stops, generator = request.model, request.max_new_tokens, request.stops, request.generator
    cloud = begin(model, request.prompt_ids, 1)
    chosen = torch.arange(len(request.prompt_ids)).repeat_interleave(request.samples)
    tokens = 0
    for done in range(0, max_new_tokens, block):
        cloud = regroup(cloud, chosen, candidates)
        cloud = grow(model, cloud, alpha, min(block, max_new_tokens - done), stops, generator)
        ahead = regroup(cloud, torch.arange(len(cloud.group)), rollouts)
        ahead = grow(model, ahead, alpha, max_new_tokens - done - block, stops, generator)
        tokens += ahead.forwards - cloud.forwards
        log_zeta = ahead.log_weight[individuals(ahead, generator)]
        chosen = choose(cloud, log_zeta, jackknife, generator)
        if not cloud.live[chosen].any():
            break
    responses = response_ids(cloud.tokens[chosen])
    return Drawn(responses, None, {"candidates": [candidates] * len(responses)}, tokens + cloud.forwards, {})


def choose(cloud: Cloud, log_zeta: torch.Tensor, jackknife: bool, generator: torch.Generator) -> torch.Tensor:
    """One prefix of each group; a candidate that was drawn twice counts twice."""
    uniform = torch.rand(int(cloud.group.max()) + 1, dtype=torch.float64, generator=generator)
    order = cloud.group.argsort(stable=True)  # the same on any machine
    chosen = []
    for u, here in zip(uniform, order.split(torch.bincount(cloud.group).tolist()), strict=True):
        log_w = cloud.log_weight[here] + cloud.count[here].log()
        cumulative = choice_probability(log_w, log_zeta[here], jackknife).cumsum(0)
        chosen.append(here[torch.searchsorted(cumulative, u * cumulative[-1], right=True)])
    return torch.stack(chosen)


def choice_probability(
    log_w: Float[torch.Tensor, " k"], log_zeta: Float[torch.Tensor, "k m"], jackknife: bool = True
) -> Float[torch.Tensor, " k"]:
    """w_k ζ̄_k / Σ_j w_j ζ̄_j, ζ̄ the mean over m rollouts; jackknife: M P - (M-1) mean_m P^(-m).

    P^(-m) leaves rollout m of every candidate out. What the correction makes negative is set to 0. One rollout leaves
    nothing to correct with.
    """
    whole = torch.softmax(log_w + log_zeta.logsumexp(1), 0)
    m = log_zeta.shape[1]
    if not jackknife or m == 1:
        return whole
    others = log_zeta.expand(m, *log_zeta.shape).masked_fill(torch.eye(m, dtype=torch.bool)[:, None], -torch.inf)
    left_out = torch.softmax(log_w + others.logsumexp(2), 1)
    corrected = (m * whole - (m - 1) * left_out.mean(0)).clamp(min=0)
    return corrected / corrected.sum()
