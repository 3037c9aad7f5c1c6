"""The model itself as a sampler, at temperature 1, and what every sampler hands over."""

from collections.abc import Sequence
from typing import NamedTuple

import torch


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


def draw(
    model,
    tokenizer,
    prompt_ids: Sequence[list[int]],
    samples: int,
    max_new_tokens: int,
    stops: set[int],
    generator: torch.Generator,
    batch_size: int = 512,
) -> Drawn:
    """Responses of the model itself, at temperature 1."""
    asked = [ids for ids in prompt_ids for _ in range(samples)]
    responses = []
    device = next(model.parameters()).device
    # generate() draws from the global generator, which is seeded for the while and then put back.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        for start in range(0, len(asked), batch_size):
            responses += _generate(model, tokenizer, asked[start : start + batch_size], max_new_tokens, stops)
    return Drawn(responses, None, {}, sum(map(len, responses)), {})


@torch.no_grad()
def _generate(model, tokenizer, prompt_ids, max_new_tokens, stops) -> list[list[int]]:
    batch = tokenizer.pad({"input_ids": prompt_ids}, padding_side="left", return_tensors="pt").to(model.device)
    output = model.generate(
        **batch,
        max_new_tokens=max_new_tokens,
        do_sample=True,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        eos_token_id=sorted(stops),
        pad_token_id=tokenizer.pad_token_id,
    )
    return [_until_stop(ids, stops) for ids in output[:, batch["input_ids"].shape[1] :].tolist()]


def _until_stop(ids: list[int], stops: set[int]) -> list[int]:
    """The response up to and including its first stop token; all of it where there is none."""
    for position, token in enumerate(ids):
        if token in stops:
            return ids[: position + 1]
    return ids
