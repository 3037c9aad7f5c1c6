"""Load a causal language model and its tokenizer: a bundled organism by name, a folder, or a hub id."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.models.hub import look_for_the_hub, why
from llm.models.organisms import ORGANISMS, WEIGHTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Chat templates that ask for the day (Llama 3.2) would make every day another prompt; this is their own default.
FIXED_DATE = "{%- set date_string = '26 Jul 2024' %}"
# Pad tokens that a family has but its tokenizer does not name.
SPARE_PADS = ("<|finetune_right_pad_id|>",)


def resolve(model: str) -> str:
    """The path or hub id behind a --model argument; a wrong one is refused before anything is loaded."""
    if model in ORGANISMS:
        path = WEIGHTS / model
        if not (path / "model.safetensors").exists():
            raise ValueError(f"--model {model} has no weights at {path}; make them with python -m llm.pretrain")
        return str(path)
    if Path(model).is_dir():
        if not (Path(model) / "config.json").exists():
            raise ValueError(f"--model {model} is a folder without config.json; name one that holds a saved model")
        return model
    if model.endswith(".gguf"):
        raise ValueError(
            f"--model {model} is a GGUF file; make a folder of it with python -m llm.import_gguf and name that"
        )
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ValueError(
            f"--model {model} does not exist; name a bundled organism ({', '.join(ORGANISMS)}), a folder or a hub id"
        )
    return model


def load(
    path: str, head_dtype: str = "float32", **model_options: Any
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """The model and its tokenizer. Weights are safetensors only, and no code of a checkpoint is run.

    head_dtype: of the logits, float32 whatever the rest is in, or "model" (llm.models.head).
    """
    tokenizer = load_tokenizer(path)
    from transformers import AutoModelForCausalLM

    with _one_sentence(path):
        model = AutoModelForCausalLM.from_pretrained(
            path, use_safetensors=True, trust_remote_code=False, **model_options
        )
    forget_sampling(model)
    forget_dropout(model)
    if head_dtype == "float32":
        from llm.models.head import float32_head

        float32_head(model)
    return model, tokenizer


def load_tokenizer(path: str) -> "PreTrainedTokenizerBase":
    """The tokenizer alone: what a prompt needs."""
    if not Path(path).is_dir():
        look_for_the_hub()
    from transformers import AutoTokenizer

    with _one_sentence(path):
        tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left", trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        # Generation needs padding; EOS as PAD is safe here because every mask comes from lengths, not from ids.
        known = tokenizer.get_vocab()
        tokenizer.pad_token = next((pad for pad in SPARE_PADS if pad in known), tokenizer.eos_token)
    if isinstance(tokenizer.chat_template, str):
        tokenizer.chat_template = with_fixed_date(tokenizer.chat_template)
    return tokenizer


@contextlib.contextmanager
def _one_sentence(path: str) -> Iterator[None]:
    """What Transformers says of a model that it cannot load, with what to do."""
    try:
        yield
    except OSError as error:
        reason = str(error).strip().splitlines()[0] if Path(path).is_dir() else why(error)
        raise ValueError(
            f"--model {path} could not be loaded ({reason}); log in with `hf auth login` if it is gated, "
            "or download it and name its folder"
        ) from None


def with_fixed_date(template: str) -> str:
    """A chat template that renders the same prompt every day."""
    asks = "strftime_now" in template and not template.startswith(FIXED_DATE)
    return FIXED_DATE + template if asks else template


def forget_sampling(model: Any) -> None:
    """Drop what a chat model's generation_config says about sampling, and keep its special tokens.

    generate() takes from there what a call does not name: Qwen2.5's repetition penalty would make every sample come
    from another distribution than the one whose log-probabilities are computed.
    """
    from transformers import GenerationConfig

    old = model.generation_config
    tokens = ("bos_token_id", "eos_token_id", "pad_token_id")
    model.generation_config = GenerationConfig(**{name: getattr(old, name) for name in tokens})


def forget_dropout(model: Any) -> None:
    """Nothing is dropped while the model trains: what it scores then has to be what it says otherwise.

    Dropout is a module of its own in some architectures, and a probability that a layer keeps in others.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():
            if "drop" in name and isinstance(value, float):
                setattr(module, name, 0.0)


def stop_token_ids(model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends a response: some chat models have several (end of turn, end of text)."""
    listed = model.generation_config.eos_token_id
    ids = set(listed if isinstance(listed, list) else [listed]) | {tokenizer.eos_token_id}
    return {i for i in ids if i is not None}
