"""Generation by vLLM, for models that transformers would generate from slowly. Scores still come from transformers."""

import torch

from llm.samplers.base import Drawn


def engine(path: str, share_of_memory: float = 0.5):
    """A function with the signature of llm.sampling.rollouts.draw. ValueError where vLLM is not installed.

    share_of_memory is vLLM's part of the GPU; the rest is for the transformers model that scores.
    """
    try:
        from vllm import LLM, SamplingParams
    except ImportError:
        raise ValueError(
            "--engine vllm needs vLLM; pip install 'sharpening[vllm]', or use --engine transformers"
        ) from None
    llm = LLM(path, gpu_memory_utilization=share_of_memory, trust_remote_code=False)

    def draw(model, tokenizer, prompt_ids, samples, max_new_tokens, stops, generator: torch.Generator) -> Drawn:
        parameters = SamplingParams(
            n=samples,
            temperature=1.0,
            top_p=1.0,
            top_k=-1,
            max_tokens=max_new_tokens,
            stop_token_ids=sorted(stops),
            seed=int(torch.randint(2**31, (), generator=generator)),
            detokenize=False,
        )
        asked = llm.generate([{"prompt_token_ids": ids} for ids in prompt_ids], parameters, use_tqdm=False)
        responses = [list(output.token_ids) for request in asked for output in request.outputs]
        return Drawn(responses, None, {}, sum(map(len, responses)), {})

    return draw
