"""Best of n: of n samples of the model the one with the largest log p; a baseline that is not p^alpha."""

import torch
from jaxtyping import Int

from llm.samplers.base import Drawn, Request
from llm.samplers.particles import Cloud, begin, grow, individuals, response_ids


def sample(request: Request, candidates: int = 8) -> Drawn:
    """Column: candidates, the n behind each row."""
    cloud, rows = candidates_of(request, candidates)
    best = rows.gather(2, cloud.log_p[rows].argmax(2, keepdim=True))
    responses = response_ids(cloud.tokens[best.view(-1)])
    return Drawn(responses, None, {"candidates": [candidates] * len(responses)}, cloud.forwards, {})


def candidates_of(request: Request, candidates: int) -> tuple[Cloud, Int[torch.Tensor, "prompt sample candidate"]]:
    """(responses of the model itself, where in them the candidates for each sample are)."""
    cloud = begin(request.model, request.prompt_ids, request.samples * candidates)
    cloud = grow(request.model, cloud, 1.0, request.max_new_tokens, request.stops, request.generator)
    rows = individuals(cloud, request.generator)
    return cloud, rows.view(len(request.prompt_ids), request.samples, candidates)
