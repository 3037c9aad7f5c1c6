"""A GGUF file as a model folder: weights dequantised into safetensors, tokenizer and chat template beside them.

Transformers reads GGUF by itself, but a model that was read so cannot be saved: its config says that it is quantised.
The weights are therefore loaded into a fresh model of the same shape. They stay those of the file: a 4-bit model
becomes the float copy of a 4-bit model.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

MAGIC = b"GGUF"
GREETING = [{"role": "user", "content": "What is 2 + 2?"}]


class GgufHead(NamedTuple):
    """What the head of a GGUF file says of the model."""

    architecture: str
    name: str
    quantisation: str
    """the type of most weights, such as Q4_1"""


def read_head(file: Path) -> GgufHead:
    """ValueError: no such file, not GGUF, cut off, or of an architecture that Transformers does not read."""
    if not file.is_file():
        raise ValueError(f"FILE {file} does not exist; name a .gguf file")
    with file.open("rb") as start:
        if start.read(4) != MAGIC:
            raise ValueError(f"FILE {file} is not GGUF (it does not begin with the letters GGUF); name a .gguf file")
    from gguf import GGUFReader
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        reader = GGUFReader(file)
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"FILE {file} could not be read ({error}); it may be cut off: download it again") from None

    def field(name: str) -> str:
        found = reader.get_field(name)
        return "" if found is None else str(found.contents())

    architecture = field("general.architecture")
    if architecture not in GGUF_SUPPORTED_ARCHITECTURES:
        known = ", ".join(sorted(GGUF_SUPPORTED_ARCHITECTURES))
        raise ValueError(
            f"FILE {file} has architecture {architecture!r}, which cannot be read; those that can: {known}"
        )
    if not reader.tensors:
        raise ValueError(f"FILE {file} has no weights (a vocabulary alone?); name the file of a whole model")

    kinds: Counter[str] = Counter()
    for tensor in reader.tensors:
        kinds[tensor.tensor_type.name] += int(tensor.n_elements)
    return GgufHead(architecture, field("general.name"), kinds.most_common(1)[0][0])


def read_model(file: Path, dtype: str):
    """(model, tokenizer) of a GGUF file, in dtype. ValueError: as read_head and check."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    location = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(**location)
    read = AutoModelForCausalLM.from_pretrained(**location, dtype=torch.float32)
    config = read.config
    del config.quantization_config
    config.dtype = dtype
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    model.load_state_dict(read.state_dict())
    tokens = ("bos_token_id", "eos_token_id", "pad_token_id")
    model.generation_config = GenerationConfig(**{name: getattr(config, name, None) for name in tokens})
    check(model, tokenizer, file)
    return model, tokenizer


def model_card(head: GgufHead, file: Path) -> str:
    """What the model is, and what it is not."""
    return (
        f"# {head.name or file.stem}\n\nMade from `{file.name}` by `python -m llm.import_gguf`. Most of its weights "
        f"were stored as\n{head.quantisation}: these are the same values dequantised, not those of the model that was "
        "quantised.\nName it so where you report results.\n"
    )


def check(model, tokenizer, file: Path) -> None:
    """The end of a turn is the token that ends a response, and eight greedy tokens come from finite numbers."""
    import torch

    end = tokenizer.eos_token_id
    if end is None or not 0 <= end < model.config.vocab_size:
        raise ValueError(f"FILE {file} names no end-of-sequence token of its vocabulary (it says {end})")
    if tokenizer.chat_template:
        turn = [*GREETING, {"role": "assistant", "content": "4"}]
        whole = tokenizer.apply_chat_template(turn, return_dict=True)["input_ids"]
        prompt = tokenizer.apply_chat_template(GREETING, add_generation_prompt=True, return_dict=True)["input_ids"]
        if end not in whole[len(prompt) :]:
            raise ValueError(
                f"FILE {file}: its chat template ends a turn by another token than {tokenizer.eos_token!r}, so that no "
                "response would ever end; use a file whose tokenizer names the end of a turn"
            )
    else:
        prompt = tokenizer("2 + 2 =").input_ids
    prompt_ids = torch.tensor([prompt])
    with torch.no_grad():
        if not torch.isfinite(model(prompt_ids).logits).all():
            raise ValueError(f"FILE {file}: the model's logits are not finite; the file may be damaged")
        model.generate(prompt_ids, attention_mask=torch.ones_like(prompt_ids), max_new_tokens=8, do_sample=False)
