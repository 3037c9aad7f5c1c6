"""What a sampler is asked and what it hands over; and the model itself as a sampler, at temperature 1."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch


@dataclass(frozen=True)
class Request:
    """What every sampler is asked; the options of a method are its own arguments."""

    model: torch.nn.Module
    """a causal language model of transformers, in evaluation mode"""
    tokenizer: Any
    """pads prompts and decodes answers; None for a method that does neither"""
    prompt_ids: Sequence[Sequence[int]]
    samples: int
    """responses to each prompt"""
    max_new_tokens: int
    stops: set[int]
    """every token that ends a response"""
    generator: torch.Generator
    """all randomness comes from it, and leaves it further on"""


class Drawn(NamedTuple):
    """What a sampler hands over: as many responses to each prompt as were asked for, prompt by prompt."""

    responses: list[list[int]]
    """token ids, the stop token included in a finished one"""
    log_pi: list[float] | None
    """nats, under the distribution that was sampled; None where the method does not know it"""
    columns: dict[str, list]
    """further columns of the table, one value a response"""
    tokens: int
    """tokens that went through the model for it, generated and scored: the cost"""
    diagnostics: dict[str, float]
    """acceptance, effective sample size ...: what the method can say about its own quality"""


Sampler = Callable[[Request], Drawn]


Seen = Callable[[Sequence[int]], Iterable[int]]
"""hands over what it is given, one by one, and shows how far it is: a progress bar"""


def sample(request: Request, batch_size: int = 512, seen: Seen = iter) -> Drawn:
    """Responses of the model itself, at temperature 1, batch_size of them side by side."""
    asked = [list(ids) for ids in request.prompt_ids for _ in range(request.samples)]
    responses = []
    device = next(request.model.parameters()).device
    # generate() draws from the global generator, which is seeded for the while and then put back.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (), generator=request.generator)))
        for start in seen(range(0, len(asked), batch_size)):
            responses += _generate(request, asked[start : start + batch_size])
    return Drawn(responses, None, {}, sum(map(len, responses)), {})


@torch.no_grad()
def _generate(request: Request, prompt_ids: list[list[int]]) -> list[list[int]]:
    tokenizer = request.tokenizer
    batch = tokenizer.pad({"input_ids": prompt_ids}, padding_side="left", return_tensors="pt").to(request.model.device)
    output = request.model.generate(
        **batch,
        max_new_tokens=request.max_new_tokens,
        do_sample=True,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        eos_token_id=sorted(request.stops),
        pad_token_id=tokenizer.pad_token_id,
    )
    return [_until_stop(ids, request.stops) for ids in output[:, batch["input_ids"].shape[1] :].tolist()]


def _until_stop(ids: list[int], stops: set[int]) -> list[int]:
    """The response up to and including its first stop token; all of it where there is none."""
    for position, token in enumerate(ids):
        if token in stops:
            return ids[: position + 1]
    return ids
