"""What vLLM is asked for, by an engine that only listens."""

import sys
from types import SimpleNamespace

import torch

from llm.samplers.base import Request
from llm.samplers.vllm import generate


def test_no_two_prompts_are_drawn_with_the_same_random_numbers(monkeypatch):
    """One seed for all made the responses to like prompts alike, and standard errors over prompts too small."""
    heard = []

    def listen(prompts, parameters, use_tqdm):
        heard.extend(parameters)
        return [SimpleNamespace(outputs=[]) for _ in prompts]

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(SamplingParams=SimpleNamespace))
    request = Request(torch.nn.Module(), None, [[1], [2], [3]], 4, 8, {0}, torch.Generator().manual_seed(0))
    generate(SimpleNamespace(generate=listen), request)
    assert len({one.seed for one in heard}) == len(heard) == 3
