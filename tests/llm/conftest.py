"""A language model small enough for any test: the organisms' architecture and tokenizer, untrained."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # every_response, the brute-force oracle of the samplers


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a random model that answers bundled prompts, ends now and then, and is graded wrong."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from llm.models.organisms import build_tokenizer

    tokenizer = build_tokenizer()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            initializer_range=0.1,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    folder = tmp_path_factory.mktemp("tiny")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
