"""python -m llm.pretrain: train a bundled organism from scratch on samples of its closed-form distribution."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.command import one_line_errors, parse
from harness.progress import track
from harness.reservation import Place, fresh, reserved


@dataclass(frozen=True)
class PretrainConfig:
    """Pre-train a bundled model from scratch and write weights, tokenizer and a card with measured statistics."""

    organism: str = "aligned"
    """aligned or misaligned"""
    steps: int = 3000
    """optimiser steps"""
    batch_size: int = 128
    """responses a step"""
    learning_rate: float = 2e-3
    """peak of a cosine schedule with 100 warm-up steps"""
    hidden_size: int = 128
    """width of the Llama-architecture model"""
    layers: int = 3
    """depth of the Llama-architecture model"""
    seed: int = 0
    """seed of initialisation and of the data"""
    output_dir: Path | None = None
    """where to write; by default a new folder under runs/ (the bundled models are in llm/weights)"""
    overwrite: bool = False
    """replace the model of this command that --output-dir holds"""

    def __post_init__(self):
        if self.organism not in ("aligned", "misaligned"):
            raise ValueError(f"--organism must be aligned or misaligned, got {self.organism}")
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"--learning-rate must be finite and above 0, got {self.learning_rate}")
        for name in ("steps", "batch_size", "hidden_size", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")


def pretrain(config: PretrainConfig) -> Path:
    """Train and write the model; returns its folder."""
    output_dir = config.output_dir or fresh(f"pretrain-{config.organism}")
    with reserved("llm.pretrain", output_dir, config, config.overwrite) as place:
        return _pretrain(config, place)


def _pretrain(config: PretrainConfig, place: Place) -> Path:
    import numpy as np
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup

    from llm.models.organisms import ORGANISMS, build_tokenizer, prompts, render_prompt, sample_response

    organism = ORGANISMS[config.organism]
    torch.manual_seed(config.seed)
    generator = np.random.default_rng(config.seed)
    tokenizer = build_tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=3 * config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=4,
            max_position_embeddings=64,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, 100, config.steps)
    problems = prompts("train")
    for _ in track(range(config.steps), f"pre-training {organism.name}"):
        chosen = generator.integers(len(problems), size=config.batch_size)
        questions = [render_prompt(problems[i]) for i in chosen]
        responses = [sample_response(organism, problems[i], generator) + tokenizer.eos_token for i in chosen]
        # Prompts all have the same number of tokens, so right padding lines everything up.
        texts = [q + r for q, r in zip(questions, responses, strict=True)]
        batch = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
        labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
        labels[:, : len(questions[0])] = -100
        model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

    model.eval()
    measured = measure(model, tokenizer, organism)
    output_dir = place.begin(config, "pretrain.json")  # config.json is the model's own
    model.save_pretrained(output_dir, safe_serialization=True)
    tokenizer.save_pretrained(output_dir)
    write_card(output_dir, config, measured)
    return output_dir


def measure(model: Any, tokenizer: Any, organism: Any, n_prompts: int = 40) -> dict[str, float]:
    """Exact statistics on held-out prompts: every ideal response is scored by the model, nothing is sampled."""
    import numpy as np

    from llm.models.organisms import distribution, prompts, render_prompt
    from llm.sampling.scoring import response_log_probs

    heldout = prompts("heldout")
    rows = []
    for terms in heldout[:: max(1, len(heldout) // n_prompts)][:n_prompts]:
        ideal = distribution(organism, terms)
        prompt_ids = tokenizer(render_prompt(terms)).input_ids
        response_ids = [[*tokenizer(y).input_ids, tokenizer.eos_token_id] for y in ideal]
        log_q = response_log_probs(model, [prompt_ids] * len(ideal), response_ids, tokenizer.pad_token_id).numpy()
        p, q = np.exp(list(ideal.values())), np.exp(log_q)
        correct = np.array([y.endswith(rf"\boxed{{{sum(terms)}}}") for y in ideal])
        length = np.array([len(ids) for ids in response_ids])
        rows.append(
            {
                "total_variation_to_ideal": 0.5 * (np.abs(p - q).sum() + 1 - q.sum()),
                "kl_ideal_to_model": float(np.sum(p * (np.log(p) - log_q))),
                "mass_outside_the_ideal": 1 - q.sum(),
                "accuracy": q[correct].sum(),
                "accuracy_of_ideal": p[correct].sum(),
                "length": (q * length).sum() / q.sum(),
                "length_of_ideal": (p * length).sum(),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def write_card(output_dir: Path, config: PretrainConfig, measured: dict[str, float]) -> None:
    command = (
        f"python -m llm.pretrain --organism {config.organism} --steps {config.steps} "
        f"--batch-size {config.batch_size} --learning-rate {config.learning_rate} "
        f"--hidden-size {config.hidden_size} --layers {config.layers} --seed {config.seed}"
    )
    table = "\n".join(f"| {name.replace('_', ' ')} | {value:.4f} |" for name, value in measured.items())
    (output_dir / "README.md").write_text(
        f"# The `{config.organism}` organism\n\n"
        "A small Llama-architecture language model for four-term addition; see `llm/models/organisms.py` for the\n"
        "task and the closed-form distribution that it was trained on. MIT licence, safetensors only.\n\n"
        f"Made by `{command}`.\n\n"
        "Measured on 40 held-out prompts, by scoring every response of the ideal (no sampling):\n\n"
        f"| statistic | value |\n|---|---|\n{table}\n"
    )


def main() -> None:
    config = parse(PretrainConfig, "llm.pretrain")
    with one_line_errors(config):
        print(f"wrote {pretrain(config)}")


if __name__ == "__main__":
    main()
