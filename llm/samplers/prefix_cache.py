"""Keys and values of many prefixes, one row each, so that a kept prefix is never computed again.

A token at position i of its sequence (prompt and response) stands in slot i of its row, whatever the other rows hold.
Rows may therefore be of any length, be copied, dropped and cut back, and one forward pass extends any choice of them.
"""

from collections.abc import Sequence

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

_ROOM = 32  # slots that are added when a row outgrows the others


class PrefixCache(Cache):
    """Layers of keys and values, each [row, head, slot, feature]; slots behind a row's position hold anything."""

    _rows: torch.Tensor  # of the pass in work, as the two below
    _slots: torch.Tensor
    _used: int
    """how many slots may be looked at"""

    def __init__(self, layers: list[tuple[torch.Tensor, torch.Tensor]]):
        super().__init__(layer_class_to_replicate=DynamicLayer)
        self.pairs = layers

    def __len__(self) -> int:
        return len(self._one)

    @property
    def _one(self) -> torch.Tensor:
        """The first layer's keys, which stand for all: of as many rows and slots, on the same device."""
        return self.pairs[0][0]

    def select(self, rows: torch.Tensor) -> "PrefixCache":
        """A copy of these rows, in this order; a row may be named several times or not at all."""
        rows = rows.to(self._one.device)
        return PrefixCache([(keys[rows], values[rows]) for keys, values in self.pairs])

    def replace(self, rows: torch.Tensor, other: "PrefixCache") -> None:
        """Take these rows from other, which holds the same rows."""
        rows = rows.to(self._one.device)
        self._widen(other._one.shape[2])
        for pair, new in zip(self.pairs, other.pairs, strict=True):
            for mine, theirs in zip(pair, new, strict=True):
                mine[rows, :, : theirs.shape[2]] = theirs[rows]

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Called by each attention layer: write one token a row into its slot, return all that may be attended to."""
        for mine, new in zip(self.pairs[layer_idx], (key_states, value_states), strict=True):
            mine[self._rows, :, self._slots] = new[:, :, 0]
        keys, values = (x[:, :, : self._used] for x in self.pairs[layer_idx])
        return (keys, values) if len(self._rows) == len(self) else (keys[self._rows], values[self._rows])

    @torch.no_grad()
    def next_log_p(
        self, model, tokens: torch.Tensor, positions: torch.Tensor, rows: torch.Tensor | None = None
    ) -> torch.Tensor:
        """log p(· | prefix, token), [row, vocabulary], float64: one forward pass of one token a row.

        tokens[i] goes to position positions[i] of row rows[i]; rows ascend, and None names all.
        """
        device = self._one.device
        self._rows = (torch.arange(len(self)) if rows is None else rows).to(device)
        self._slots = positions.to(device)
        self._used = int(positions.max()) + 1
        self._widen(self._used)
        # Right of its own position a row holds what another state left there: it must not be seen.
        hidden = torch.arange(self._used, device=device) > self._slots[:, None]
        mask = torch.zeros(hidden.shape, dtype=model.dtype, device=device)
        mask.masked_fill_(hidden, torch.finfo(model.dtype).min)
        logits = model(
            input_ids=tokens.to(device)[:, None],
            attention_mask=mask[:, None, None],
            position_ids=self._slots[:, None],
            past_key_values=self,
            use_cache=True,
        ).logits[:, -1]
        return torch.log_softmax(logits.double(), dim=1)

    def _widen(self, width: int) -> None:
        missing = width - self._one.shape[2]
        if missing > 0:
            room = (0, 0, 0, max(missing, _ROOM))
            self.pairs = [tuple(torch.nn.functional.pad(x, room) for x in pair) for pair in self.pairs]


@torch.no_grad()
def read_prompts(model: torch.nn.Module, prompt_ids: Sequence[Sequence[int]]) -> PrefixCache:
    """One row a prompt, all of it but its last token, which is the first to be fed to `next_log_p`.

    ValueError for a model whose layers do not attend to the whole prefix: its rows could not be cut and joined.
    """
    template = DynamicCache(config=model.config)
    if any(template.is_sliding) or any(template.is_linear):
        raise ValueError(
            f"--model of type {model.config.model_type} has layers without full attention, whose cache cannot be cut "
            "back to a prefix; use --method base"
        )
    if any(len(ids) == 0 for ids in prompt_ids):
        raise ValueError("prompt_ids holds an empty prompt; give each at least one token")
    # A prompt of a single token has nothing to keep; it still needs a row, so one slot is read and overwritten.
    width = max(max(len(ids) for ids in prompt_ids) - 1, 1)
    padded = torch.tensor([[*ids[:width], *[0] * (width - len(ids))] for ids in prompt_ids], device=model.device)
    # Padding stands right of the prompt, where a causal model's earlier positions cannot see it.
    output = model(input_ids=padded, use_cache=True, logits_to_keep=1)
    return PrefixCache([(layer.keys, layer.values) for layer in output.past_key_values.layers])
