"""python -m llm.lookalike: a tiny chat model of a real architecture, its tokenizer trained on your problems.

It takes the path of a 3B run (chat template, byte-level BPE, generation, grading, updates, checkpoints) on a machine
that can reach no model hub. It knows no mathematics; a short supervised start on the solutions teaches it their form.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.command import one_line_errors, parse
from harness.progress import track
from harness.reservation import Place, reserved
from llm.models.architectures import ARCHITECTURES, Architecture


@dataclass(frozen=True)
class LookalikeConfig:
    """Build a tiny chat model locally and write it as a folder that llm.train takes as --model."""

    dataset: Path
    """JSONL problems; their text trains the tokenizer, their solution column the supervised start"""
    output_dir: Path
    """where to write the model"""
    family: str = "qwen2"
    """llama (Llama-3.2-3B-Instruct), qwen2 (Qwen2.5-3B-Instruct) or qwen3 (Qwen3-4B-Instruct-2507)"""
    supervised_steps: int = 0
    """steps of next-token training on the solutions"""
    hidden_size: int = 128
    """width, a multiple of 16"""
    layers: int = 2
    """depth; the originals have 28 to 36"""
    vocabulary: int = 2000
    """tokens"""
    seed: int = 0
    """seed of weights and data order"""
    overwrite: bool = False
    """replace the model of this command that --output-dir holds"""

    def __post_init__(self):
        if self.family not in ARCHITECTURES:
            raise ValueError(f"--family must be one of {', '.join(ARCHITECTURES)}, got {self.family}")
        if self.hidden_size < 16 or self.hidden_size % 16:
            raise ValueError(f"--hidden-size must be a multiple of 16, got {self.hidden_size}")
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        if self.layers < 1:
            raise ValueError(f"--layers must be at least 1, got {self.layers}")


def build(config: LookalikeConfig) -> Path:
    """Build the model and write it; returns its folder."""
    with reserved("llm.lookalike", config.output_dir, config, config.overwrite) as place:
        return _build(config, place)


def _build(config: LookalikeConfig, place: Place) -> Path:
    import torch

    from llm.json_lines import objects
    from llm.problems import load_problems

    problems = load_problems(str(config.dataset), strict=True)  # names the line of a bad file
    solutions = [str(row.get("solution") or "") for _, row in objects(config.dataset)]
    architecture = ARCHITECTURES[config.family]
    texts = [f"{problem.text} {solution}" for problem, solution in zip(problems, solutions, strict=True)]
    tokenizer = train_tokenizer(texts, config.vocabulary, architecture)
    torch.manual_seed(config.seed)
    model = build_model(config, architecture, tokenizer)
    _supervise(model, tokenizer, problems, solutions, config)
    folder = place.begin(config, "lookalike.json")  # config.json is the model's own
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def build_model(config: LookalikeConfig, architecture: Architecture, tokenizer: Any) -> Any:
    """The original's configuration with its width divided: depth, sharing of heads and embeddings, rope stay."""
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    shape = architecture.shape
    ratio = shape["num_attention_heads"] // shape["num_key_value_heads"]  # heads that share keys and values
    groups = 2 if config.hidden_size % (4 * ratio) == 0 else 1  # rope needs an even number of dimensions a head
    narrow = {
        "vocab_size": len(tokenizer),
        "hidden_size": config.hidden_size,
        "intermediate_size": config.hidden_size * shape["intermediate_size"] // shape["hidden_size"],
        "num_hidden_layers": config.layers,
        "num_attention_heads": groups * ratio,
        "num_key_value_heads": groups,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if config.hidden_size % narrow["num_attention_heads"]:
        narrow |= {"num_attention_heads": 4, "num_key_value_heads": 2}  # Llama's groups of three do not divide 16
    if "head_dim" in shape:
        width = shape["head_dim"] * shape["num_attention_heads"] / shape["hidden_size"]  # 1.6 in Qwen3
        narrow["head_dim"] = max(2, int(width * config.hidden_size / narrow["num_attention_heads"]) // 2 * 2)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture.model_type, **{**shape, **narrow}))
    model.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids(token) for token in architecture.stops],
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        **architecture.sampling,
    )
    return model


def train_tokenizer(texts: list[str], vocabulary: int, architecture: Architecture) -> Any:
    """Byte-level BPE as in the real families, trained on the given text, with their special tokens and template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    words = Regex(rf"[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{architecture.digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(architecture.special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    bos = {"bos_token": "<|begin_of_text|>"} if "<|begin_of_text|>" in architecture.special_tokens else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=architecture.end_of_turn,
        pad_token=architecture.pad,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=architecture.chat_template,
        additional_special_tokens=list(architecture.special_tokens),
        **bos,
    )


def _supervise(model, tokenizer, problems: list, solutions: list[str], config: LookalikeConfig) -> None:
    import torch

    from llm.prompts.form import CHAT

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(config.seed)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    for _ in track(range(config.supervised_steps), "supervised start"):
        texts = []
        for index in torch.randint(len(problems), (16,), generator=generator).tolist():
            solution = solutions[index].split("####")[0].strip()
            if "\\boxed" not in solution:
                solution = f"{solution}\n\\boxed{{{problems[index].answer}}}"
            prompt = CHAT.prompt(problems[index])
            turns = [*prompt, {"role": "assistant", "content": solution}]
            texts.append(torch.tensor(tokenizer.apply_chat_template(turns, return_dict=True)["input_ids"][:256]))
        lengths = torch.tensor([len(text) for text in texts])
        batch = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=pad)
        inside = torch.arange(batch.shape[1]) < lengths[:, None]
        labels = batch.masked_fill(~inside, -100)
        model(input_ids=batch, attention_mask=inside.long(), labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def main() -> None:
    config = parse(LookalikeConfig, "llm.lookalike")
    with one_line_errors(config):
        print(f"wrote {build(config)}")


if __name__ == "__main__":
    main()
