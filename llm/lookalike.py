"""python -m llm.lookalike: a tiny chat model of a real architecture, its tokenizer trained on your problems.

It takes the path of a 3B run (chat template, byte-level BPE, generation, grading, updates, checkpoints) on a machine
that can reach no model hub. It knows no mathematics; a short supervised start on the solutions teaches it their form.
"""

from dataclasses import dataclass
from pathlib import Path

from theory.command import one_line_errors, parse

# The turn structure of Qwen's models, in its plainest form: no system turn, no tools.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class LookalikeConfig:
    """Build a tiny chat model locally and write it as a folder that llm.train takes as --model."""

    dataset: Path
    """JSONL problems; their text trains the tokenizer, their solution column the supervised start"""
    output_dir: Path
    """where to write the model"""
    family: str = "qwen2"
    """qwen2 or llama"""
    supervised_steps: int = 0
    """steps of next-token training on the solutions"""
    hidden_size: int = 128
    """width"""
    layers: int = 4
    """depth"""
    vocabulary: int = 2000
    """tokens"""
    seed: int = 0
    """seed of weights and data order"""

    def __post_init__(self):
        if self.family not in ("qwen2", "llama"):
            raise ValueError(f"--family must be qwen2 or llama, got {self.family}")


def build(config: LookalikeConfig) -> Path:
    import json

    import torch
    from rich.progress import track
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    from llm.data import Problem, load_problems, render

    load_problems(str(config.dataset))  # names the line of a bad file
    rows = [json.loads(line) for line in config.dataset.read_text(encoding="utf-8").split("\n") if line]
    tokenizer = build_tokenizer([row["problem"] + " " + row.get("solution", "") for row in rows], config.vocabulary)
    torch.manual_seed(config.seed)
    model_config, model_class = {"qwen2": (Qwen2Config, Qwen2ForCausalLM), "llama": (LlamaConfig, LlamaForCausalLM)}[
        config.family
    ]
    model = model_class(
        model_config(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=4 * config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=config.family == "qwen2",
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(config.seed)
    for _ in track(range(config.supervised_steps), description="supervised start"):
        conversations = []
        for index in torch.randint(len(rows), (16,), generator=generator).tolist():
            row = rows[index]
            solution = row.get("solution", "").split("####")[0].strip()
            if "\\boxed" not in solution:
                solution = f"{solution}\n\\boxed{{{row['answer']}}}"
            prompt = render(Problem("", row["problem"], row["answer"]), chat=True)
            conversations.append([*prompt, {"role": "assistant", "content": solution}])
        batch = tokenizer.apply_chat_template(
            conversations, return_dict=True, return_tensors="pt", padding=True, truncation=True, max_length=256
        )
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(**batch, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(config.output_dir)
    tokenizer.save_pretrained(config.output_dir)
    return config.output_dir


def build_tokenizer(texts: list[str], vocabulary: int):
    """Byte-level BPE as in the real families, trained on the given text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def main() -> None:
    config = parse(LookalikeConfig, "llm.lookalike")
    with one_line_errors():
        print(f"wrote {build(config)}")


if __name__ == "__main__":
    main()
