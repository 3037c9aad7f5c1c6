"""Log-probabilities of given responses under a causal language model: log p(y) = Σ_t log p(y_t | x, y_<t), in nats.

The sum runs over the response tokens, end-of-sequence token included when the response has one; the model is read at
temperature 1. A padded batch gives the same numbers as one response at a time (a test holds this to 1e-4).
"""

from collections.abc import Sequence

import numpy as np
import torch

from llm.models.token_tree import token_log_probs


def response_log_probs(
    model: torch.nn.Module,
    prompt_ids: Sequence[Sequence[int]],
    response_ids: Sequence[Sequence[int]],
    pad_token_id: int,
    batch_size: int = 256,
    with_entropy: bool = False,
    share_prefixes: bool = False,
) -> torch.Tensor:
    """One number a response, in float32 on the CPU. with_entropy: two columns, the second Σ_t H(p(·|x, y_<t)).

    The expectation of that sum over y ~ p is the entropy of the whole response (chain rule), with less variance
    than -log p(y) itself. share_prefixes: what the responses begin with is read once, by llm.models.token_tree.
    """
    read = _tree_log_probs if share_prefixes else log_probs_and_entropies
    with torch.no_grad():
        columns = [
            read(
                model,
                prompt_ids[start : start + batch_size],
                response_ids[start : start + batch_size],
                pad_token_id,
            ).cpu()
            for start in range(0, len(prompt_ids), batch_size)
        ]
    table = torch.cat(columns) if columns else torch.zeros(0, 2)
    return table if with_entropy else table[:, 0]


def log_probs_and_entropies(
    model: torch.nn.Module,
    prompt_ids: Sequence[Sequence[int]],
    response_ids: Sequence[Sequence[int]],
    pad_token_id: int,
) -> torch.Tensor:
    """Both columns for one batch, on the model's device, with their gradients unless the caller is in no_grad."""
    device = next(model.parameters()).device
    width = max(len(p) for p in prompt_ids)
    depth = max(max(len(r) for r in response_ids), 1)
    ids = torch.full((len(prompt_ids), width + depth), pad_token_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (prompt, response) in enumerate(zip(prompt_ids, response_ids, strict=True)):
        # Prompts end and responses begin at the same column: left padding before, right padding behind.
        ids[row, width - len(prompt) : width + len(response)] = torch.tensor([*prompt, *response])
        mask[row, width - len(prompt) : width + len(response)] = 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    ids, mask, positions = ids.to(device), mask.to(device), positions.to(device)
    logits = model(
        input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=depth + 1, use_cache=False
    ).logits[:, :-1]
    log_p = torch.log_softmax(logits.float(), dim=-1)
    chosen = log_p.gather(-1, ids[:, width:, None]).squeeze(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    inside = mask[:, width:]
    return torch.stack([(chosen * inside).sum(1), (entropy * inside).sum(1)], dim=1)


def _tree_log_probs(model, prompt_ids, response_ids, pad_token_id) -> torch.Tensor:
    log_p, entropy = token_log_probs(model, prompt_ids, response_ids)
    return torch.stack([log_p.sum(1), entropy.sum(1)], dim=1)


@torch.no_grad()
def stop_log_probs(
    model: torch.nn.Module,
    prompt_ids: Sequence[Sequence[int]],
    pad_token_id: int,
    stops: set[int],
    batch_size: int = 64,
) -> np.ndarray:
    """log p(stop at once | prompt), any of the stop tokens, one number a prompt; temperature 1, float64.    [T17]"""
    found = []
    device = next(model.parameters()).device
    for start in range(0, len(prompt_ids), batch_size):
        batch = prompt_ids[start : start + batch_size]
        width = max(map(len, batch))
        ids = torch.tensor([[pad_token_id] * (width - len(p)) + list(p) for p in batch], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in batch], device=device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1).logits[:, -1]
        log_p = torch.log_softmax(logits.float(), dim=-1)
        found.append(log_p[:, sorted(stops)].logsumexp(-1).double().cpu().numpy())
    return np.concatenate(found)
