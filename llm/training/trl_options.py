"""TRL's options: the presets of a run, what the command line makes of them, and what an objective does not allow."""

import argparse
import dataclasses
import json
import os
from pathlib import Path

import torch
from transformers import HfArgumentParser
from trl import RLOOConfig

from llm.models.organisms import MAX_RESPONSE_TOKENS
from llm.training.config import TrainConfig
from llm.training.option_lists import check_options
from llm.training.requirements import check_machine, check_optimiser
from llm.training.rewards import trl_beta

# For the bundled organisms, those of the study: with the steps of TrainConfig.usual_steps every regime arrives.
ORGANISM_OPTIONS = {
    "per_device_train_batch_size": 128,
    "learning_rate": 3e-4,  # small: a long response that is lost in the first steps is never sampled again
    "lr_scheduler_type": "linear",  # the noise of the last steps decides how near the optimum a run ends
    "warmup_steps": 20,
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
ALWAYS = {
    "disable_dropout": True,  # responses are generated without it, and must be scored as they were generated
    "router_aux_loss_coef": 0.0,  # unset, a mixture of experts would bring a loss of its own
}
# The largest share of the weights that weight decay may take away in a run: more would move where it ends.
LARGEST_DECAY = 0.01
AT_LEAST = {
    "per_device_train_batch_size": 1, "per_device_eval_batch_size": 1, "gradient_accumulation_steps": 1,
    "steps_per_generation": 1, "generation_batch_size": 1, "num_iterations": 1, "num_generations": 2,
    "num_generations_eval": 1, "max_completion_length": 1, "save_steps": 1, "learning_rate": 0, "weight_decay": 0,
    "warmup_steps": 0, "max_grad_norm": 0, "adam_epsilon": 0, "vllm_tensor_parallel_size": 1,
}  # fmt: skip
AT_ONCE = 8  # accumulation steps
# Its name in the Transformers that is installed: 5.17, which vLLM asks for, has the older one alone.
CHECKPOINTING = (
    "activation_checkpointing"
    if "activation_checkpointing" in {field.name for field in dataclasses.fields(RLOOConfig)}
    else "gradient_checkpointing"
)
FOLLOW_VALIDATION = ("reduce_lr_on_plateau", "greedy")
DTYPES = ("float32", "bfloat16", "float16", "auto")


class _Parser(HfArgumentParser):
    def error(self, message: str):
        raise ValueError(f"{message}; TRL's RLOOConfig describes its options")


def rloo_config(config: TrainConfig, output_dir: Path, presets: dict, arguments: list[str]) -> RLOOConfig:
    """The presets, changed by the command line.

    ValueError for an option that is unknown, that changes the objective, or that this machine lacks something for.
    """
    check_options(arguments, [field.name for field in dataclasses.fields(config)], [config.regime])
    processes = int(os.environ.get("WORLD_SIZE", 1))
    options = _read(config, output_dir, presets, arguments, processes)
    _check_numbers(options)
    if options.steps_per_generation is None and options.generation_batch_size is None and not options.use_vllm:
        options.steps_per_generation = _generated_at_once(options)
    if options.lr_scheduler_type in FOLLOW_VALIDATION and not config.validation_prompts:
        raise ValueError(
            f"--lr_scheduler_type {options.lr_scheduler_type} follows the validation; give --validation-prompts as well"
        )
    check_machine(options, config.lora_rank)
    args = RLOOConfig(**vars(options))
    if args.world_size != processes:
        raise ValueError(
            f"WORLD_SIZE is {processes}, but {args.world_size} process(es) found each other; see docs/launch.md"
        )
    if args.deepspeed_plugin:
        raise ValueError("accelerate launch is set to DeepSpeed, which brings an optimiser of its own; use FSDP2")
    _check_saving(config, args)
    _check_decay(args)
    check_optimiser(args)
    if config.validation_prompts:
        args.eval_steps = args.save_steps
    return args


def _read(
    config: TrainConfig, output_dir: Path, presets: dict, arguments: list[str], processes: int
) -> argparse.Namespace:
    parser = _Parser(RLOOConfig, allow_abbrev=False)
    next(action for action in parser._actions if action.dest == "report_to").nargs = "+"
    parser.set_defaults(
        **{
            "num_generations": 8,
            "lr_scheduler_type": "constant_with_warmup",
            "max_steps": config.steps,
            CHECKPOINTING: torch.cuda.is_available(),
            "dataloader_pin_memory": torch.cuda.is_available(),
            "logging_steps": 1,
            "save_strategy": "steps",
            "save_steps": 50,
            "save_total_limit": 2,
            "report_to": ["none"],
            "disable_tqdm": True,
            **ALWAYS,
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
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise ValueError(f"{' '.join(unknown)} belongs to no option; see llm.train --help and TRL's RLOOConfig")
    if options.bf16 is None:
        options.bf16 = torch.cuda.is_available() and not options.fp16
    return options


def _generated_at_once(options: argparse.Namespace) -> int | None:
    """Of the accumulation steps of one step, those whose responses Transformers generates together: a divisor.

    TRL would generate for all of them, 256 responses of a 3B model; their keys and values do not fit on a GPU. Every
    response still comes from the policy of its step. None, TRL's own rule, where no divisor keeps a prompt's responses
    together.
    """
    steps, responses = options.gradient_accumulation_steps, options.per_device_train_batch_size
    if not steps > AT_ONCE:
        return None
    whole = (n for n in range(AT_ONCE, 0, -1) if steps % n == 0 and n * responses % options.num_generations == 0)
    return next(whole, None)


def _check_numbers(options: argparse.Namespace) -> None:
    for name, least in AT_LEAST.items():
        value = getattr(options, name)
        if value is not None and not least <= value < float("inf"):
            raise ValueError(f"--{name} must be finite and at least {least}, got {value}")
    for name in ("epsilon", "epsilon_high"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name} must be > 0, got {value}: every response of one sign would be left out")
    dtype = json.loads(options.model_init_kwargs or "{}").get("dtype", "auto")
    if dtype not in DTYPES:
        raise ValueError(f"--model_init_kwargs dtype must be one of {', '.join(DTYPES)}, got {dtype}")


def _check_saving(config: TrainConfig, args: RLOOConfig) -> None:
    # A checkpoint in the middle of a batch of responses would lose what is left of it.
    batch = args.num_iterations * args.steps_per_generation  # in accumulation steps
    if args.save_strategy == "steps" and args.save_steps * args.gradient_accumulation_steps % batch:
        raise ValueError(
            f"--save_steps {args.save_steps} falls into a batch of responses, which lasts "
            f"{batch / args.gradient_accumulation_steps:g} steps; give a multiple"
        )
    if args.save_strategy == "no" and config.validation_prompts:
        raise ValueError(
            f"--validation-prompts {config.validation_prompts} chooses a checkpoint and --save_strategy no saves none; "
            "give one of them"
        )


def _check_decay(args: RLOOConfig) -> None:
    """Weight decay takes the share learning rate x decay of every weight in a step, whatever the objective says."""
    if not args.weight_decay:
        return
    if args.optim.value.startswith(("sgd", "adagrad", "rmsprop")):
        raise ValueError(
            f"--weight_decay {args.weight_decay:g} with --optim {args.optim.value} is a loss that is not in the "
            "objective; leave it at 0, or use an adamw_ optimiser"
        )
    share = args.learning_rate * args.weight_decay * args.max_steps
    if share > LARGEST_DECAY:
        raise ValueError(
            f"--weight_decay {args.weight_decay:g} would take {share:.1%} off the weights in {args.max_steps} steps at "
            f"--learning_rate {args.learning_rate:g}, which no objective asks for; at most {LARGEST_DECAY:.0%} is "
            "harmless: lower it"
        )


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
        if (
            field.name not in ALWAYS
            and value != field.default
            and isinstance(value, str | int | float | bool | list | dict | type(None))
        ):
            changed[field.name] = value
    return changed
