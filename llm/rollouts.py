"""The rollouts table: one row a sampled response, readable without our code.

Columns: prompt_id, sample, response, answer, reward, log_p, length, finished, and where known prompt, log_pi, entropy.
log_p is the sum over response tokens under the reference model (EOS included when finished), log_pi the same under the
model that sampled, entropy the sum of that model's token entropies along the response; all in nats. length is in
tokens, EOS included. reward is 0 for an unfinished response: what was cut off is not scored as if it were complete.
"""

from collections.abc import Sequence

import pandas as pd
import torch

from llm.data import Problem, render
from llm.grading import grade
from llm.models import stop_token_ids
from llm.scoring import response_log_probs


def sample_rollouts(
    model,
    tokenizer,
    problems: Sequence[Problem],
    samples: int,
    max_new_tokens: int,
    seed: int,
    chat: bool,
    reference=None,
    batch_size: int = 512,
) -> pd.DataFrame:
    """samples responses to each problem at temperature 1, scored under model (log_pi) and reference (log_p).

    No reference: the model is its own, log_p = log_pi. The global torch generator is left as it was found.
    """
    stops = stop_token_ids(model, tokenizer)
    asked = [(problem, sample) for problem in problems for sample in range(samples)]
    device = next(model.parameters()).device
    rows = []
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for start in range(0, len(asked), batch_size):
            batch = asked[start : start + batch_size]
            prompt_ids = [encode_prompt(tokenizer, problem, chat) for problem, _ in batch]
            response_ids = _generate(model, tokenizer, prompt_ids, max_new_tokens, stops)
            rows += [
                (problem, sample, prompt, response)
                for (problem, sample), prompt, response in zip(batch, prompt_ids, response_ids, strict=True)
            ]
    prompt_ids, response_ids = [row[2] for row in rows], [row[3] for row in rows]
    scores = response_log_probs(model, prompt_ids, response_ids, tokenizer.pad_token_id, batch_size, with_entropy=True)
    log_p = scores[:, 0]
    if reference is not None:
        log_p = response_log_probs(reference, prompt_ids, response_ids, tokenizer.pad_token_id, batch_size)
    model.train(was_training)

    texts = tokenizer.batch_decode(response_ids, skip_special_tokens=True)
    finished = [ids[-1] in stops for ids in response_ids]
    return pd.DataFrame(
        {
            "prompt_id": [problem.prompt_id for problem, *_ in rows],
            "sample": [sample for _, sample, *_ in rows],
            "prompt": [problem.text for problem, *_ in rows],
            "response": texts,
            "answer": [problem.answer for problem, *_ in rows],
            "reward": [
                grade(text, problem.answer, done)
                for text, (problem, *_), done in zip(texts, rows, finished, strict=True)
            ],
            "log_p": log_p.double().numpy(),
            "log_pi": scores[:, 0].double().numpy(),
            "entropy": scores[:, 1].double().numpy(),
            "length": [len(ids) for ids in response_ids],
            "finished": finished,
        }
    )


def encode_prompt(tokenizer, problem: Problem, chat: bool) -> list[int]:
    prompt = render(problem, chat)
    if not chat:
        return tokenizer(prompt).input_ids
    return tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=True)["input_ids"]


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
