"""Log-probabilities of many responses at once, each shared beginning read once.

Responses to one prompt begin with the same prompt, prompts with the same worked examples, and many responses begin
alike as well. All of them are the branches of one tree of tokens. One forward pass reads every node of it: a node
stands at the position of its depth and attends to its ancestors alone, so that it has the same log-probability as in
its sequence read by itself. What a padded batch pays for every row, this pays once.

Attention costs the square of the nodes, so that this is for short texts; a long list is read in several trees.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

MOST_NODES = 1024  # of one tree: more is slower, by attention, than to read what is shared a second time


class TokenTree(NamedTuple):
    """The distinct beginnings of some sequences, parents before children."""

    tokens: list[int]
    depths: list[int]
    parents: list[int]
    """-1 for a first token"""
    paths: list[list[int]]
    """the nodes of each sequence, in its order"""

    def ancestors(self) -> np.ndarray:
        """[node, node] of bool: is the second on the way to the first, or the first itself."""
        seen = np.eye(len(self.tokens), dtype=bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen


def token_tree(sequences: Sequence[Sequence[int]]) -> TokenTree:
    tree = TokenTree([], [], [], [])
    children: dict[tuple[int, int], int] = {}
    for sequence in sequences:
        node, path = -1, []
        for depth, token in enumerate(sequence):
            child = children.get((node, token))
            if child is None:
                child = children[node, token] = len(tree.tokens)
                tree.tokens.append(token)
                tree.depths.append(depth)
                tree.parents.append(node)
            node = child
            path.append(node)
        tree.paths.append(path)
    return tree


def token_log_probs(
    model: torch.nn.Module,
    prompt_ids: Sequence[Sequence[int]],
    response_ids: Sequence[Sequence[int]],
    width: int = 0,
    most_nodes: int = MOST_NODES,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(log p of each response token, entropy of what stood to choose there), in nats, [row, max(width, longest)].

    0 behind the end of a response. Gradients flow. ValueError for a model whose layers do not attend to everything
    before them: the tree hides the branches by a mask of its own.
    """
    check_full_attention(model)
    if any(len(ids) == 0 for ids in prompt_ids):
        raise ValueError("prompt_ids holds an empty prompt; give each at least one token")
    width = max([width, *map(len, response_ids)])
    parts = _parts(prompt_ids, response_ids, most_nodes)
    read = [_read(model, prompt_ids[rows], response_ids[rows], width) for rows in parts]
    return torch.cat([log_p for log_p, _ in read]), torch.cat([entropy for _, entropy in read])


def check_full_attention(model: torch.nn.Module) -> None:
    from transformers import DynamicCache

    layers = DynamicCache(config=model.config)
    if any(layers.is_sliding) or any(layers.is_linear):
        raise ValueError(
            f"--share-prefixes: --model of type {model.config.model_type} has layers without full attention, which "
            "cannot read several responses behind one prompt; leave --share-prefixes out"
        )


def _parts(prompt_ids, response_ids, most_nodes: int) -> list[slice]:
    """Neighbouring rows whose trees have at most so many nodes, one row at least."""
    parts, first, known = [], 0, set[tuple[int, ...]]()
    for row, (prompt, response) in enumerate(zip(prompt_ids, response_ids, strict=True)):
        text = (*prompt, *response)
        new = {text[:end] for end in range(1, len(text) + 1)}
        if row > first and len(known | new) > most_nodes:
            parts.append(slice(first, row))
            first, known = row, set()
        known |= new
    return [*parts, slice(first, len(prompt_ids))]


def _read(model, prompt_ids, response_ids, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    device = next(model.parameters()).device
    tree = token_tree([[*p, *r] for p, r in zip(prompt_ids, response_ids, strict=True)])
    places = [path[len(p) :] for path, p in zip(tree.paths, prompt_ids, strict=True)]
    nodes = sorted({node for path in places for node in path})  # those that are scored
    before = sorted({tree.parents[node] for node in nodes})  # those that say with which probability
    column = {node: place for place, node in enumerate(before)}
    logits = model(
        input_ids=torch.tensor([tree.tokens], device=device),
        position_ids=torch.tensor([tree.depths], device=device),
        attention_mask=_mask(model, tree, device),
        logits_to_keep=torch.tensor(before, dtype=torch.long, device=device),
        use_cache=False,
    ).logits[0]
    log_p = torch.log_softmax(logits.float(), dim=-1)
    entropy = -(log_p.detach().exp() * log_p.detach()).sum(-1)
    parent = torch.tensor([column[tree.parents[node]] for node in nodes], dtype=torch.long, device=device)
    token = torch.tensor([tree.tokens[node] for node in nodes], dtype=torch.long, device=device)
    place_of = {node: place for place, node in enumerate(nodes)}
    # One more value, 0, for what is behind the end of a response.
    index = torch.full((len(places), width), len(nodes), dtype=torch.long)
    for row, path in enumerate(places):
        index[row, : len(path)] = torch.tensor([place_of[node] for node in path], dtype=torch.long)
    index = index.to(device)
    end = torch.zeros(1, device=device)
    return torch.cat([log_p[parent, token], end])[index], torch.cat([entropy[parent], end])[index]


def _mask(model, tree: TokenTree, device) -> torch.Tensor:
    """[1, 1, node, node]: what a node attends to, in the form that the model's attention takes."""
    seen = torch.from_numpy(tree.ancestors()).to(device)[None, None]
    if model.config._attn_implementation == "sdpa":
        return seen
    hidden = torch.finfo(model.dtype).min
    return torch.zeros(seen.shape, dtype=model.dtype, device=device).masked_fill(~seen, hidden)
