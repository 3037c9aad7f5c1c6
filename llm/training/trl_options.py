"""TRL's options: the presets of a run, what the command line makes of them, and what an objective does not allow."""

import dataclasses
import os
from pathlib import Path

import torch
from transformers import HfArgumentParser
from trl import RLOOConfig

from llm.models.organisms import MAX_RESPONSE_TOKENS
from llm.training.config import TrainConfig
from llm.training.rewards import trl_beta

# For the bundled organisms: settings under which every regime settles within a few hundred steps on two CPU cores.
ORGANISM_OPTIONS = {
    "per_device_train_batch_size": 256,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "linear",  # the noise of the last steps decides how near the optimum a run ends
    "warmup_steps": 5,
    "adam_beta2": 0.95,
    "max_completion_length": MAX_RESPONSE_TOKENS,
    "per_device_eval_batch_size": 256,
}
# The paper's hyper-parameters for 3B models on MATH: 32 prompts x 8 responses a step.
PAPER_OPTIONS = {
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 32,
    "learning_rate": 1e-6,
    "weight_decay": 0.01,
    "warmup_steps": 50,
    "max_completion_length": 1536,
    "per_device_eval_batch_size": 64,
}
# Under any other sampling options the responses do not come from pi, and l, log pi are not their log-probabilities.
NEUTRAL_SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}


class _Parser(HfArgumentParser):
    def error(self, message: str):
        raise ValueError(f"{message} (every option of TRL's RLOOConfig is known, and those of llm.train --help)")


def rloo_config(config: TrainConfig, output_dir: Path, presets: dict, arguments: list[str]) -> RLOOConfig:
    """The presets, changed by the command line. ValueError for an unknown option or one that changes the objective."""
    processes = int(os.environ.get("WORLD_SIZE", 1))
    parser = _Parser(RLOOConfig)
    parser.set_defaults(
        **{
            "num_generations": 8,
            "lr_scheduler_type": "constant_with_warmup",
            "max_steps": config.steps,
            "bf16": torch.cuda.is_available(),
            "activation_checkpointing": torch.cuda.is_available(),
            "dataloader_pin_memory": torch.cuda.is_available(),
            "logging_steps": 1,
            "save_strategy": "steps",
            "save_steps": 50,
            "save_total_limit": 2,
            "report_to": "none",
            "disable_tqdm": True,
            # Without being told, accelerate joins the processes of a machine without a GPU to nothing.
            "use_cpu": processes > 1 and not torch.accelerator.is_available(),
            **_validation(config),
            "reward_weights": [config.objective.reward_weight, 1.0],
            **presets,
            "output_dir": str(output_dir / "checkpoints"),
            "seed": config.seed,
            "beta": trl_beta(config.objective),
        }
    )
    args, *unknown = parser.parse_args_into_dataclasses(args=arguments, return_remaining_strings=True)
    if unknown[-1]:
        raise ValueError(f"unknown options {' '.join(unknown[-1])}; see llm.train --help and TRL's RLOOConfig")
    if args.world_size != processes:
        raise ValueError(
            f"WORLD_SIZE is {processes}, but {args.world_size} process(es) found each other; see docs/launch.md"
        )
    if args.resume_from_checkpoint:
        raise ValueError("--resume_from_checkpoint is found by llm.train itself; pass --resume and the --output-dir")
    # A checkpoint in the middle of a batch of responses would lose what is left of it.
    steps_a_batch = args.num_iterations * args.steps_per_generation / args.gradient_accumulation_steps
    if args.save_strategy == "steps" and args.save_steps % steps_a_batch:
        raise ValueError(
            f"--save_steps {args.save_steps} falls into a batch of responses, which lasts {steps_a_batch:g} steps; "
            "give a multiple"
        )
    for name, neutral in NEUTRAL_SAMPLING.items():
        if getattr(args, name) != neutral:
            raise ValueError(
                f"--{name} {getattr(args, name)} makes the sampler differ from pi, so that log pi and l are not its "
                f"log-probabilities; leave it at {neutral}"
            )
    if config.validation_prompts:
        args.eval_steps = args.save_steps
    return args


def _validation(config: TrainConfig) -> dict:
    """Validate as often as is saved, and keep the checkpoint of the highest accuracy from being deleted."""
    if not config.validation_prompts:
        return {}
    return {"eval_strategy": "steps", "metric_for_best_model": "eval_accuracy", "greater_is_better": True}


def changed_options(args: RLOOConfig) -> dict:
    """TRL's options that differ from its defaults: what a reader needs to repeat the run."""
    changed = {}
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if value != field.default and isinstance(value, str | int | float | bool | list | type(None)):
            changed[field.name] = value
    return changed
