"""LoRA: low-rank adapters on every linear layer but the head; the reference is the model without its adapter.

Only the adapters take steps, and they are in float32; the weights under them stand still, and may be in bfloat16.
"""

import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file

FILES, FILE_SIZE = "model{suffix}.safetensors", "2GB"


def weights_dtype(rank: int, bf16: bool, use_vllm: bool) -> torch.dtype:
    """float32, in which a step of 1e-6 is not lost; bfloat16 for weights that take no step, where arithmetic is that.

    With vLLM they stay in float32: for every batch the adapter is added to them and taken off again, and in bfloat16
    each time would move the reference by a rounding.
    """
    return torch.bfloat16 if rank and bf16 and not use_vllm else torch.float32


def check_no_adapter(model: Any, name: str) -> None:
    """ValueError for a model that comes with an adapter: without it, it would be another reference than the base."""
    if getattr(model, "peft_config", None):
        raise ValueError(
            f"--model {name} carries an adapter, and the reference of a run would be the model without it; merge it "
            "(peft's merge_and_unload), save that and name its folder"
        )


def adapter_config(rank: int) -> Any:
    """peft's configuration; None for rank 0, which trains all weights."""
    if not rank:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def save_merged(trainer: Any, folder: Path) -> None:
    """Add the adapter to the weights, in float32, and save a model that needs no peft to be loaded.

    A bfloat16 weight has 8 bits, in which most of what an adapter adds is below the rounding. Files are written one
    after the other, so that of the float32 weights, twice as large as those that were trained on, one file's worth is
    in memory.
    """
    model = trainer.accelerator.unwrap_model(trainer.model).get_base_model()
    weights = _merged_weights(model)
    sizes = {name: torch.empty(w.shape, dtype=w.dtype, device="meta") for name, w in weights.items()}
    plan = split_torch_state_dict_into_shards(sizes, filename_pattern=FILES, max_shard_size=FILE_SIZE)
    folder.mkdir(parents=True, exist_ok=True)
    for file, names in plan.filename_to_tensors.items():
        part = {name: weights[name].make().contiguous() for name in names}
        save_file(part, folder / file, metadata={"format": "pt"})
        del part  # before the next file's is made
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    config = copy.deepcopy(model.config)
    config.dtype, config.architectures = "float32", [type(model).__name__]
    config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)


class _Weight(NamedTuple):
    """A weight that is made when its file is written."""

    shape: torch.Size
    dtype: torch.dtype
    make: Callable[[], torch.Tensor]


def _merged_weights(model: torch.nn.Module) -> dict[str, _Weight]:
    """Every weight of the model without its adapters, under the name that it had before them."""
    adapted = {name: layer for name, layer in model.named_modules() if hasattr(layer, "get_delta_weight")}
    weights, seen = {}, set()
    for name, value in model.state_dict().items():
        place = (value.data_ptr(), value.shape)
        if ".lora_" in name or place in seen:  # an output layer that shares the embedding's weights is saved once
            continue
        seen.add(place)
        layer = adapted.get(name.removesuffix(".base_layer.weight"))
        dtype = torch.float32 if value.is_floating_point() else value.dtype
        weights[name.replace(".base_layer.", ".")] = _Weight(value.shape, dtype, partial(_merged, value, layer, dtype))
    return weights


@torch.no_grad()
def _merged(weight: torch.Tensor, layer: Any, dtype: torch.dtype) -> torch.Tensor:
    """weight, plus what its layer's adapter adds where it has one."""
    merged = weight.to(dtype)
    if layer is not None:
        merged = merged + layer.get_delta_weight(layer.active_adapters[0]).to(dtype)
    return merged.cpu()
