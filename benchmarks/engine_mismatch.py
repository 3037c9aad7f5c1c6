"""How far vLLM's policy is from the model that scores its responses, and what truncated importance weights make of it.

python benchmarks/engine_mismatch.py --model FOLDER: draws from vLLM, scores with transformers in float32, and prints
the mean and the 99th percentile of |Δ log p| a token, the mass that weights cut at 20 keep, and the mean of a bounded
function of the responses (the share that end within half of the limit) three ways: vLLM's draws as they are, weighed,
and the model's own draws.
"""

import argparse
import json

import numpy as np
import torch

from llm.models import loading
from llm.models.token_tree import token_log_probs
from llm.problems import BUNDLED, load_problems
from llm.prompts.form import BARE
from llm.samplers import base
from llm.samplers.base import Request
from llm.samplers.vllm import generate, load_engine

LEVEL = 20.0  # where weights are cut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="aligned")
    parser.add_argument("--dataset", default=BUNDLED)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--max-new-tokens", type=int, default=32)
    asked = parser.parse_args()
    path = loading.resolve(asked.model)
    model, tokenizer = loading.load(path)
    problems = load_problems(asked.dataset, "heldout")[: asked.prompts]
    prompt_ids = [BARE.encode(tokenizer, problem) for problem in problems]
    stops = loading.stop_token_ids(model, tokenizer)
    generator = torch.Generator().manual_seed(0)
    request = Request(model.eval(), tokenizer, prompt_ids, asked.samples, asked.max_new_tokens, stops, generator)
    engine = load_engine(path, asked.max_new_tokens + max(map(len, prompt_ids)))
    outputs = generate(engine, request)
    theirs = [
        np.array([one[token].logprob for token, one in zip(o.token_ids, o.logprobs, strict=True)]) for o in outputs
    ]
    rows = [ids for ids in prompt_ids for _ in range(asked.samples)]
    with torch.no_grad():
        log_p, _ = token_log_probs(model, rows, [list(o.token_ids) for o in outputs])
    ours = [row[: len(o.token_ids)].double().numpy() for row, o in zip(log_p, outputs, strict=True)]
    own = base.sample(request).responses
    short = asked.max_new_tokens / 2
    print(
        json.dumps(mismatch(ours, theirs, [len(o.token_ids) <= short for o in outputs], [len(r) <= short for r in own]))
    )


def mismatch(ours, theirs, value, own_value) -> dict[str, float]:
    """The numbers that are printed. ours, theirs: log p of each token under the model and under the engine, nats."""
    apart = np.abs(np.concatenate(ours) - np.concatenate(theirs))
    log_weight = np.array([a.sum() - b.sum() for a, b in zip(ours, theirs, strict=True)])
    weight = np.minimum(np.exp(log_weight), LEVEL)
    value, own_value = np.asarray(value, float), np.asarray(own_value, float)
    return {
        "tokens": len(apart),
        "mean_apart": float(apart.mean()),
        "p99_apart": float(np.quantile(apart, 0.99)),
        "mass_kept": float(weight.mean()),
        "effective_share": float(weight.sum() ** 2 / (weight**2).sum() / len(weight)),
        "drawn": float(value.mean()),
        "weighed": float((weight * value).sum() / weight.sum()),
        "own": float(own_value.mean()),
        "se": float(np.sqrt(own_value.var() / len(own_value) + value.var() / len(value))),
    }


if __name__ == "__main__":
    main()
