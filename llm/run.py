"""One training run: base evaluation, forecast, RLOO on the objective, final evaluation, all in one run folder."""

import dataclasses
import datetime
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from datasets import Dataset
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from transformers import HfArgumentParser, TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl import RLOOConfig

from figures import run_folder
from figures.training import save_training
from llm import models
from llm.data import BUNDLED, Problem, hold_out, load_problems, render
from llm.evaluate import summarise
from llm.forecast import distance_to_optimum, forecast_optimum
from llm.objectives import log_prob_term, task_reward, trl_beta
from llm.organisms import MAX_RESPONSE_TOKENS, ORGANISMS
from llm.rollouts import sample_rollouts
from llm.train import TrainConfig
from llm.trainer import LogProbRewardTrainer

# For the bundled organisms: settings under which every regime settles within a few hundred steps on two CPU cores.
ORGANISM_OPTIONS = {
    "per_device_train_batch_size": 256,
    "learning_rate": 3e-4,
    "warmup_steps": 5,
    "adam_beta2": 0.95,
    "max_completion_length": MAX_RESPONSE_TOKENS,
}
# The paper's hyper-parameters for 3B models on MATH: 32 prompts x 8 responses a step.
PAPER_OPTIONS = {
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 32,
    "learning_rate": 1e-6,
    "weight_decay": 0.01,
    "warmup_steps": 50,
    "max_completion_length": 1536,
}
# Under any other sampling options the responses do not come from pi, and l, log pi are not their log-probabilities.
NEUTRAL_SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}


def run(config: TrainConfig, trl_arguments: list[str]) -> Path:
    """Train and write the run folder; returns its path. Nothing is written before every input has been checked."""
    transformers.utils.logging.disable_progress_bar()  # one bar is shown, that of the run
    path = models.resolve(config.model)
    bundled = config.model in ORGANISMS or config.dataset == BUNDLED
    train_problems, eval_problems = _problems(config, bundled)
    output_dir = config.output_dir or _new_folder(config)
    args = _trl_config(config, output_dir, ORGANISM_OPTIONS if bundled else PAPER_OPTIONS, trl_arguments)
    model, tokenizer = models.load(path, dtype=_dtype(args))
    if not bundled and not tokenizer.chat_template:
        raise ValueError(f"--model {config.model} has no chat template; use an instruction-tuned model")
    output_dir = run_folder.prepare(
        output_dir, {**dataclasses.asdict(config), "trl": _changed_options(args)}, config.overwrite
    )

    def evaluate(samples: int, seed: int, reference=None):
        return sample_rollouts(
            model, tokenizer, eval_problems, samples, args.max_completion_length, seed, not bundled, reference
        )

    base_rollouts = evaluate(config.forecast_samples, seed=config.seed)
    run_folder.write(output_dir / "base.parquet", base_rollouts.to_parquet)
    base, forecast = summarise(base_rollouts), forecast_optimum(base_rollouts, config.objective)

    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, log_prob_term(config.objective, config.kappa)],
        args=args,
        train_dataset=Dataset.from_list(
            [{"prompt": render(p, not bundled), "answer": p.answer} for p in train_problems]
        ),
        processing_class=tokenizer,
    )
    recorder = RunRecorder(output_dir, args.max_steps, config.regime)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(recorder)
    try:
        trainer.train()
    except KeyboardInterrupt:
        raise SystemExit(f"interrupted; the steps that were made are in {output_dir}/metrics.jsonl") from None
    final_rollouts = evaluate(config.eval_samples, config.seed + 1, trainer.ref_model)
    run_folder.write(output_dir / "final.parquet", final_rollouts.to_parquet)
    trainer.save_model(str(output_dir / "model"))

    tail = slice(len(recorder.step_seconds) // 5, None)  # the first steps pay for warming up
    summary = {
        "regime": config.regime,
        "alpha": config.alpha,
        "beta": config.beta,
        "kappa": config.kappa,
        "steps": args.max_steps,
        "base": base,
        "forecast": forecast,
        "final": summarise(final_rollouts),
        "seconds_per_step": float(np.mean(recorder.step_seconds[tail])),
        "tokens_per_second": recorder.tokens / max(sum(recorder.step_seconds), 1e-9),
    }
    if config.objective.entropy_weight > 0 and not config.kappa:
        distance = distance_to_optimum(base_rollouts, final_rollouts, config.objective)
        summary["kl_to_optimum"], summary["kl_to_optimum_se"] = distance
    run_folder.write_json(output_dir / "summary.json", summary)
    save_training(output_dir)
    _print(summary)
    return output_dir


def _problems(config: TrainConfig, bundled: bool) -> tuple[list[Problem], list[Problem]]:
    dataset = config.dataset or (BUNDLED if bundled else None)
    if dataset is None:
        raise ValueError(f"--dataset is needed for --model {config.model}; name a file or a hub id")
    if dataset == BUNDLED:
        _, held_out = hold_out(load_problems(BUNDLED, "heldout"), config.eval_prompts)
        return load_problems(BUNDLED), held_out
    if config.eval_dataset:
        return load_problems(dataset), load_problems(config.eval_dataset, "test")[: config.eval_prompts]
    return hold_out(load_problems(dataset), config.eval_prompts)


def _new_folder(config: TrainConfig) -> Path:
    started = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{Path(config.model).name}-{config.regime}-seed{config.seed}-{started}"


class _Parser(HfArgumentParser):
    def error(self, message: str):
        raise ValueError(f"{message} (every option of TRL's RLOOConfig is known, and those of llm.train --help)")


def _trl_config(config: TrainConfig, output_dir: Path, options: dict, arguments: list[str]) -> RLOOConfig:
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
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "reward_weights": [config.objective.reward_weight, 1.0],
            **options,
            "output_dir": str(output_dir / "checkpoints"),
            "seed": config.seed,
            "beta": trl_beta(config.objective),
        }
    )
    args, *unknown = parser.parse_args_into_dataclasses(args=arguments, return_remaining_strings=True)
    if unknown[-1]:
        raise ValueError(f"unknown options {' '.join(unknown[-1])}; see llm.train --help and TRL's RLOOConfig")
    for name, neutral in NEUTRAL_SAMPLING.items():
        if getattr(args, name) != neutral:
            raise ValueError(
                f"--{name} {getattr(args, name)} makes the sampler differ from pi, so that log pi and l are not its "
                f"log-probabilities; leave it at {neutral}"
            )
    return args


def _changed_options(args: RLOOConfig) -> dict:
    """TRL's options that differ from its defaults: what a reader needs to repeat the run."""
    changed = {}
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if value != field.default and isinstance(value, str | int | float | bool | list | type(None)):
            changed[field.name] = value
    return changed


def _dtype(args: RLOOConfig):
    return torch.bfloat16 if args.bf16 else torch.float32


class RunRecorder(TrainerCallback):
    """A line of metrics.jsonl and a tick of the progress bar for every step."""

    def __init__(self, output_dir: Path, steps: int, label: str):
        self.output_dir = output_dir
        self.progress = Progress(*Progress.get_default_columns(), "{task.fields[state]}", console=Console(stderr=True))
        self.task = self.progress.add_task(label, total=steps, state="")
        self.step_seconds: list[float] = []
        self.tokens = 0

    def on_train_begin(self, args, state, control, **kwargs):
        self.progress.start()
        self._started = time.perf_counter()

    def on_train_end(self, args, state, control, **kwargs):
        self.progress.stop()

    def on_step_end(self, args, state, control, **kwargs):
        now = time.perf_counter()
        self.step_seconds.append(now - self._started)
        self._started = now

    def on_log(self, args, state, control, logs, **kwargs):
        if not state.is_world_process_zero or "reward" not in logs:
            return
        self.tokens = state.num_input_tokens_seen
        run_folder.append_metrics(self.output_dir, {"step": state.global_step, **logs})
        shown = f"accuracy {logs['accuracy']:.2f}  length {logs['length']:.1f}  log p {logs['log_p']:.1f}"
        self.progress.update(self.task, completed=state.global_step, state=shown)


def _print(summary: dict) -> None:
    table = Table(title=f"{summary['regime']}: held-out prompts, ± standard error over prompts")
    for column in ("", "base", "forecast of the optimum", "run"):
        table.add_column(column)
    for name in ("accuracy", "length", "log_p", "kl", "entropy"):
        cells = (
            f"{summary[part][name]:.3f} ± {summary[part][f'{name}_se']:.3f}" for part in ("base", "forecast", "final")
        )
        table.add_row(name, *cells)
    Console().print(table)
    if "kl_to_optimum" in summary:
        distance, error = summary["kl_to_optimum"], summary["kl_to_optimum_se"]
        Console().print(f"KL from the run to the optimum: {distance:.3f} ± {error:.3f} nats")
