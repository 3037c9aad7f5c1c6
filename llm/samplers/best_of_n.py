"""Best of n: of n samples of the model the one with the largest log p; a baseline that is not p^alpha."""

from collections.abc import Sequence

import torch

from llm.samplers.base import Drawn
from llm.samplers.particles import Cloud, begin, grow, individuals, response_ids


def sample(
    model,
    tokenizer,
    prompt_ids: Sequence[Sequence[int]],
    samples: int,
    max_new_tokens: int,
    stops: set[int],
    generator: torch.Generator,
    candidates: int = 8,
) -> Drawn:
    """Column: candidates, the n behind each row."""
    cloud, rows = candidates_of(model, prompt_ids, samples, candidates, max_new_tokens, stops, generator)
    best = rows.gather(2, cloud.log_p[rows].argmax(2, keepdim=True))
    responses = response_ids(cloud.tokens[best.view(-1)])
    return Drawn(responses, None, {"candidates": [candidates] * len(responses)}, cloud.forwards, {})


def candidates_of(
    model,
    prompt_ids: Sequence[Sequence[int]],
    samples: int,
    candidates: int,
    max_new_tokens: int,
    stops: set[int],
    generator: torch.Generator,
) -> tuple[Cloud, torch.Tensor]:
    """(responses of the model itself, [prompt, sample, candidate]: where in them each candidate is)."""
    cloud = grow(model, begin(model, prompt_ids, samples * candidates), 1.0, max_new_tokens, stops, generator)
    return cloud, individuals(cloud, generator).view(len(prompt_ids), samples, candidates)
