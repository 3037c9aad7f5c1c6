"""One training run: base evaluation, forecast, RLOO on the objective, final evaluation, all in one run folder."""

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import torch
import transformers
from datasets import Dataset
from rich.console import Console
from rich.table import Table
from transformers.trainer_callback import PrinterCallback

from figures import run_folder
from figures.training import save_training
from llm import models
from llm.data import BUNDLED, Problem, hold_out, load_problems, render
from llm.evaluate import summarise
from llm.objectives import log_prob_term, task_reward
from llm.optimum import distance_to_optimum, forecast_optimum
from llm.organisms import ORGANISMS
from llm.recorder import RunRecorder
from llm.rollout_file import read_table
from llm.rollouts import sample_rollouts
from llm.train import TrainConfig
from llm.trainer import LogProbRewardTrainer
from llm.trl_options import ORGANISM_OPTIONS, PAPER_OPTIONS, changed_options, rloo_config


def run(config: TrainConfig, trl_arguments: list[str]) -> Path:
    """Train and write the run folder; returns its path. Nothing is written before every input has been checked."""
    transformers.utils.logging.disable_progress_bar()  # one bar is shown, that of the run
    path = models.resolve(config.model)
    bundled = config.model in ORGANISMS or config.dataset == BUNDLED
    train_problems, eval_problems = _problems(config, bundled)
    output_dir = config.output_dir or _new_folder(config)
    args = rloo_config(config, output_dir, ORGANISM_OPTIONS if bundled else PAPER_OPTIONS, trl_arguments)
    model, tokenizer = models.load(path, dtype=torch.bfloat16 if args.bf16 else torch.float32)
    if not bundled and not tokenizer.chat_template:
        raise ValueError(f"--model {config.model} has no chat template; use an instruction-tuned model")
    output_dir = run_folder.prepare(
        output_dir, {**dataclasses.asdict(config), "trl": changed_options(args)}, config.overwrite
    )

    def evaluate(samples: int, seed: int, reference=None):
        return sample_rollouts(
            model, tokenizer, eval_problems, samples, args.max_completion_length, seed, not bundled, reference
        )

    base_rollouts = read_table(config.base) if config.base else evaluate(config.forecast_samples, seed=config.seed)
    run_folder.write(output_dir / "base.parquet", base_rollouts.to_parquet)
    base, forecast = summarise(base_rollouts), forecast_optimum(base_rollouts, config.objective, config.kappa)

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
    finally:
        recorder.progress.stop()  # an interrupted bar would leave the terminal without a cursor
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
    if config.objective.entropy_weight > 0:
        distance = distance_to_optimum(base_rollouts, final_rollouts, config.objective, config.kappa)
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


def _print(summary: dict) -> None:
    table = Table(title=f"{summary['regime']}: held-out prompts, ± standard error or [95 % interval] over prompts")
    for column in ("", "base", "forecast of the optimum", "run"):
        table.add_column(column)
    for name in ("accuracy", "length", "log_p", "kl", "entropy"):
        base, final = (f"{summary[part][name]:.3f} ± {summary[part][f'{name}_se']:.3f}" for part in ("base", "final"))
        value, low, high, reliable = (summary["forecast"][f"{name}{end}"] for end in ("", "_low", "_high", "_reliable"))
        forecast = f"{value:.3f} \\[{low:.3f}, {high:.3f}]{'' if reliable else ' cannot tell'}"
        table.add_row(name, base, forecast, final)
    Console().print(table)
    if "kl_to_optimum" in summary:
        distance, error = summary["kl_to_optimum"], summary["kl_to_optimum_se"]
        Console().print(f"KL from the run to the optimum: {distance:.3f} ± {error:.3f} nats")
