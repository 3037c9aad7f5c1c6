"""LoRA: low-rank adapters on every linear layer but the head; the reference is the model without its adapter."""

from pathlib import Path
from typing import Any


def adapter_config(rank: int) -> Any:
    """peft's configuration; None for rank 0, which trains all weights."""
    if not rank:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def save_merged(trainer: Any, folder: Path) -> None:
    """Add the adapter to the weights and save a model that needs no peft to be loaded."""
    merged = trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    merged.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)
