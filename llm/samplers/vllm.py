"""Generation by vLLM, for models that transformers would generate from slowly. Scores still come from transformers.

The two libraries round differently: what is sampled is vLLM's policy μ, what is scored the model's p. Every response
comes with `engine_log_p`, log μ of it as vLLM has it, so that the difference can be seen (benchmarks/engine_mismatch).
"""

from typing import Any

import torch

from llm.samplers.base import Drawn, Request, Sampler

SHARE_OF_MEMORY = 0.5  # of the GPU, for vLLM; the rest is for the transformers model that scores


def engine(path: str, longest: int) -> Sampler:
    """The model at path as a sampler, at temperature 1. Arguments and errors as load_engine has them."""
    model = load_engine(path, longest)

    def sample(request: Request) -> Drawn:
        outputs = generate(model, request)
        responses = [list(output.token_ids) for output in outputs]
        columns = {"engine_log_p": [float(output.cumulative_logprob) for output in outputs]}
        return Drawn(responses, None, columns, sum(map(len, responses)), {})

    return sample


def load_engine(path: str, longest: int) -> Any:
    """vllm.LLM of the model at path. ValueError where vLLM is not installed.

    longest: tokens of the longest prompt and response together; vLLM would otherwise make room for the model's whole
    context, which is 39 GB for one of 262k tokens.
    """
    try:
        from vllm import LLM
    except ImportError:
        raise ValueError(
            "--engine vllm needs vLLM; pip install 'sharpening[vllm]', or use --engine transformers"
        ) from None
    return LLM(
        path,
        max_model_len=longest,
        gpu_memory_utilization=SHARE_OF_MEMORY,
        enforce_eager=not torch.cuda.is_available(),  # compiling takes minutes on a CPU
        trust_remote_code=False,
    )


def generate(model: Any, request: Request) -> list[Any]:
    """vLLM's own records of the responses, prompt by prompt: token_ids, logprobs of each, cumulative_logprob."""
    from vllm import SamplingParams

    prompts = [{"prompt_token_ids": list(ids)} for ids in request.prompt_ids]
    parameters = [
        SamplingParams(
            n=request.samples,
            temperature=1.0,
            top_p=1.0,
            top_k=-1,
            max_tokens=request.max_new_tokens,
            stop_token_ids=sorted(request.stops),
            seed=int(torch.randint(2**31, (), generator=request.generator)),  # one for all would draw alike everywhere
            detokenize=False,
            logprobs=0,  # that of the token that was drawn
        )
        for _ in prompts
    ]
    asked = model.generate(prompts, parameters, use_tqdm=False)
    return [output for answers in asked for output in answers.outputs]
