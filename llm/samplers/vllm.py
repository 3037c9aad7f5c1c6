"""Generation by vLLM, for models that transformers would generate from slowly. Scores still come from transformers."""

import torch

from llm.samplers.base import Drawn, Request, Sampler


def engine(path: str, share_of_memory: float = 0.5) -> Sampler:
    """The model at path as a sampler, at temperature 1. ValueError where vLLM is not installed.

    share_of_memory is vLLM's part of the GPU; the rest is for the transformers model that scores.
    """
    try:
        from vllm import LLM, SamplingParams
    except ImportError:
        raise ValueError(
            "--engine vllm needs vLLM; pip install 'sharpening[vllm]', or use --engine transformers"
        ) from None
    model = LLM(path, gpu_memory_utilization=share_of_memory, trust_remote_code=False)

    def sample(request: Request) -> Drawn:
        parameters = SamplingParams(
            n=request.samples,
            temperature=1.0,
            top_p=1.0,
            top_k=-1,
            max_tokens=request.max_new_tokens,
            stop_token_ids=sorted(request.stops),
            seed=int(torch.randint(2**31, (), generator=request.generator)),
            detokenize=False,
        )
        prompts = [{"prompt_token_ids": list(ids)} for ids in request.prompt_ids]
        asked = model.generate(prompts, parameters, use_tqdm=False)
        responses = [list(output.token_ids) for answers in asked for output in answers.outputs]
        return Drawn(responses, None, {}, sum(map(len, responses)), {})

    return sample
