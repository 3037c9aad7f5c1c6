"""One optimiser step at full size on one GPU: does it fit, how fast does it generate and train, and at what MFU.

    python benchmarks/gpu_step.py [--family qwen2] [--prompts 32] [--response-tokens 1536] [--vllm] [--output step.json]
    python benchmarks/gpu_step.py --tiny        # a dry run: the same code on a tiny model, CPU or GPU

The weights are random, in the exact shape of the original (llm/models/architectures.py): speed and memory do not
depend on their values. Random weights hardly ever end a response, so every response has the full length. The first step
pays for warming up; the numbers are those of the later ones.
"""

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", category=FutureWarning)

import torch  # noqa: E402
import transformers  # noqa: E402
from datasets import Dataset  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, TrainerCallback  # noqa: E402
from trl import RLOOConfig  # noqa: E402

from llm.lookalike import train_tokenizer  # noqa: E402
from llm.models.architectures import ARCHITECTURES  # noqa: E402
from llm.models.loading import load  # noqa: E402
from llm.training.rewards import log_prob_term, task_reward, trl_beta  # noqa: E402
from llm.training.trainer import LogProbRewardTrainer  # noqa: E402
from theory.objectives import regime  # noqa: E402

OBJECTIVE = regime("tilted-tempered", alpha=2.0, beta=0.1)
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16, from the makers' sheets
TINY = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}


class TimedTrainer(LogProbRewardTrainer):
    """Seconds of generation, apart from the rest of the step."""

    generation_seconds = 0.0

    def _generate_single_turn(self, *args, **kwargs):
        started = _now()
        completions = super()._generate_single_turn(*args, **kwargs)
        self.generation_seconds += _now() - started
        return completions


class Clock(TrainerCallback):
    def __init__(self):
        self.rows: list[dict] = []
        self.trainer: TimedTrainer | None = None

    def on_step_begin(self, args, state, control, **kwargs):
        self.started, self.trainer.generation_seconds = _now(), 0.0
        self.tokens = state.num_input_tokens_seen

    def on_step_end(self, args, state, control, **kwargs):
        seconds, generation = _now() - self.started, self.trainer.generation_seconds
        tokens = state.num_input_tokens_seen - self.tokens
        self.rows.append({"seconds": seconds, "generation_seconds": generation, "tokens": tokens})


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def save_random_model(folder: Path, family: str, tiny: bool) -> int:
    """Write a model of the family's shape; returns its number of parameters."""
    architecture = ARCHITECTURES[family]
    texts = [f"Add {i} and {i * i} and give the answer in a box." for i in range(400)]
    tokenizer = train_tokenizer(texts, 600, architecture)
    shape = {**architecture.shape, **({**TINY, "vocab_size": len(tokenizer)} if tiny else {})}
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        config = AutoConfig.for_model(architecture.model_type, **shape)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    stops = [tokenizer.convert_tokens_to_ids(token) for token in architecture.stops]
    model.generation_config = GenerationConfig(eos_token_id=stops)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.num_parameters()


def measure(options: argparse.Namespace) -> dict:
    on_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as folder:
        model_path = Path(folder) / "model"
        parameters = save_random_model(model_path, options.family, options.tiny)
        model, tokenizer = load(str(model_path), dtype=torch.float32)
        # A prompt of the allowed size, less what the chat template adds.
        words = "Add 1 and 2. " * (options.prompt_tokens // 10)
        text = tokenizer.decode(tokenizer(words).input_ids[: max(1, options.prompt_tokens - 60)])
        clock = Clock()
        trainer = TimedTrainer(
            model=model,
            reward_funcs=[task_reward, log_prob_term(OBJECTIVE)],
            args=RLOOConfig(
                output_dir=str(Path(folder) / "run"),
                beta=trl_beta(OBJECTIVE),
                num_generations=8,
                per_device_train_batch_size=options.micro_batch,
                gradient_accumulation_steps=options.prompts * 8 // options.micro_batch,
                max_completion_length=options.response_tokens,
                max_steps=options.steps,
                learning_rate=1e-6,
                bf16=on_gpu,
                activation_checkpointing=on_gpu,
                model_init_kwargs={"dtype": "bfloat16"} if on_gpu else None,
                use_vllm=options.vllm,
                vllm_mode="colocate",
                vllm_gpu_memory_utilization=0.3,
                vllm_enable_sleep_mode=options.vllm,
                vllm_max_model_length=options.prompt_tokens + options.response_tokens,
                dataloader_pin_memory=on_gpu,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
                logging_steps=1,
            ),
            train_dataset=Dataset.from_list(
                [{"prompt": [{"role": "user", "content": f"{i}. {text}"}], "answer": "3"} for i in range(64)]
            ),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        clock.trainer = trainer
        trainer.train()
    rows = clock.rows[1:] or clock.rows
    seconds, generation, tokens = (sum(row[name] for row in rows) / len(rows) for name in clock.rows[0])
    device = torch.cuda.get_device_name() if on_gpu else "cpu"
    peak = next((flops for name, flops in PEAK_FLOPS.items() if name in device), None)
    training = seconds - generation
    return {
        "device": device,
        "model": "tiny " * options.tiny + ARCHITECTURES[options.family].hub_id + " (random weights)",
        "parameters": parameters,
        "responses_a_step": options.prompts * 8,
        "tokens_a_step": tokens,
        "seconds_a_step": seconds,
        "generation_tokens_per_second": options.prompts * 8 * options.response_tokens / generation,
        "training_tokens_per_second": tokens / training,
        # Two scoring passes (2 N each) and an update (6 N) for every token; recomputed activations are not counted.
        "training_mfu": peak and 10 * parameters * tokens / training / peak,
        "peak_memory_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        "generation": "vllm" if options.vllm else "transformers",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=ARCHITECTURES, default="qwen2")
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--response-tokens", type=int, default=1536)
    parser.add_argument("--micro-batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--vllm", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="a dry run in a minute on a CPU")
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    if options.tiny:
        options.prompts, options.prompt_tokens, options.response_tokens, options.steps = 2, 80, 12, 2
    transformers.utils.logging.disable_progress_bar()
    result = measure(options)
    print(json.dumps(result, indent=2))
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
