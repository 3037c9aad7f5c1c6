"""LoRA: low-rank adapters on every linear layer but the head; the reference is the model without its adapter.

Only the adapters take steps, and they are in float32; the weights under them stand still, and may be in bfloat16.
"""

from pathlib import Path
from typing import Any

import torch


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

    A bfloat16 weight has 8 bits, in which most of what an adapter adds is below the rounding.
    """
    merged = trainer.accelerator.unwrap_model(trainer.model).float().merge_and_unload()
    merged.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)
