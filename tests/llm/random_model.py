"""An untrained model with the organisms' architecture and tokenizer, small enough for any test."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from llm.models.organisms import build_tokenizer


def random_model(seed: int = 0, spread: float = 0.1):
    """It ends its responses now and then; spread, of its weights, says how far its tokens are from equally likely."""
    tokenizer = build_tokenizer()
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            initializer_range=spread,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
