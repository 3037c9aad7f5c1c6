"""One training run: base evaluation, forecast, RLOO on the objective, final evaluation, all in one run folder."""

import dataclasses
import datetime
from pathlib import Path

import pandas as pd
import torch
import transformers
from accelerate import PartialState
from datasets import Dataset
from transformers.trainer_callback import PrinterCallback, TrainerState

from figures.llm.training import save_training
from harness import run_folder
from llm.models import loading
from llm.models.organisms import ORGANISMS
from llm.problems import BUNDLED, Problem, render
from llm.rollout_table import from_table, read_table
from llm.training import resume
from llm.training.collapse import CollapseWatch, Diagnosis
from llm.training.config import TrainConfig
from llm.training.held_out import evaluate
from llm.training.interruption import RunStopped, StopWhenAsked, stop_on_sigterm
from llm.training.lora import adapter_config, save_merged
from llm.training.model_card import model_card
from llm.training.recorder import RunRecorder
from llm.training.rewards import length_controlled_term, log_prob_term, task_reward
from llm.training.splits import split
from llm.training.summary import print_summary, run_summary
from llm.training.trainer import LogProbRewardTrainer
from llm.training.trl_options import ORGANISM_OPTIONS, PAPER_OPTIONS, changed_options, rloo_config
from theory.estimation.band import lower_edges
from theory.estimation.samples import base_samples


def run(config: TrainConfig, trl_arguments: list[str]) -> Path:
    """Train and write the run folder; returns its path. Nothing is written before every input has been checked.

    config.resume goes on with the run that the folder holds. RunStopped after a SIGTERM, when there is more to do.
    """
    transformers.utils.logging.disable_progress_bar()  # one bar is shown, that of the run
    path = loading.resolve(config.model)
    bundled = config.model in ORGANISMS or config.dataset == BUNDLED
    problems = split(config, bundled)
    output_dir = config.output_dir or _new_folder(config)
    args = rloo_config(config, output_dir, ORGANISM_OPTIONS if bundled else PAPER_OPTIONS, trl_arguments)
    controlled = config.length_control in ("trajectory-balance", "content")
    if controlled:
        check_groups_are_whole(config, args)
    # In mixed precision the weights stay in float32: steps of 1e-6 are lost in the rounding of bfloat16 weights.
    model, tokenizer = loading.load(path, dtype=torch.float32)
    if not bundled and not tokenizer.chat_template:
        raise ValueError(f"--model {config.model} has no chat template; use an instruction-tuned model")
    options = {**dataclasses.asdict(config), "trl": changed_options(args)}
    resuming = config.resume and resume.is_run(output_dir)
    if resuming:
        resume.check_same_run(output_dir, options)
        if (output_dir / "summary.json").exists():
            return output_dir
    checkpoint = resume.latest_checkpoint(output_dir / "checkpoints") if resuming else None
    writes = args.process_index == 0  # one of the processes
    if writes:
        if resuming:
            resume.forget_after(output_dir, checkpoint)
        else:
            run_folder.prepare(output_dir, options, config.overwrite)
    PartialState().wait_for_everyone()

    def sampled(policy, samples: int, seed: int, reference=None) -> pd.DataFrame:
        return evaluate(policy, tokenizer, problems.held_out, samples, seed, not bundled, args, reference)

    if resuming and (output_dir / "base.parquet").exists():
        base = pd.read_parquet(output_dir / "base.parquet")
    else:
        base = read_table(config.base) if config.base else sampled(model, config.forecast_samples, config.seed)
        if writes:
            run_folder.write(output_dir / "base.parquet", base.to_parquet)
    samples = base_samples(from_table(base, str(config.base or "of the base model")))
    prompts_a_step = args.generation_batch_size // args.num_generations
    edges = lower_edges(samples, config.objective, config.kappa, prompts_a_step, args.num_generations)
    recorder = RunRecorder(output_dir, args.max_steps, config.regime)
    watch = CollapseWatch(edges, config.stop_on_collapse, recorder.progress.console.print)
    if resuming:
        for row in run_folder.read_metrics(output_dir) if (output_dir / "metrics.jsonl").exists() else ():
            watch.see(row["step"], row)
    stop = StopWhenAsked()
    if controlled:
        term = length_controlled_term(config.objective, config.length_control)
    else:
        term = log_prob_term(config.objective, config.kappa)
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, term],
        args=args,
        train_dataset=_dataset(problems.train, bundled),
        eval_dataset=_dataset(problems.validation, bundled) if problems.validation else None,
        processing_class=tokenizer,
        peft_config=adapter_config(config.lora_rank),
        callbacks=[recorder, watch, stop],
        diagnose=Diagnosis(samples),
        ignore_eos=config.length_control == "ignore-eos",
    )
    trainer.remove_callback(PrinterCallback)
    _train(trainer, checkpoint, recorder, watch, stop)
    best = trainer.state.best_model_checkpoint
    saved = output_dir / "model"
    if not config.lora_rank:
        trainer.save_model(str(saved))  # by every process: the weights may be spread over them
    elif writes:
        save_merged(trainer, saved)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()
    del trainer, model  # the evaluation needs the room

    # What is evaluated is what was saved, and the reference is what --model names.
    dtype = torch.bfloat16 if args.bf16 else torch.float32
    reference, _ = loading.load(path, dtype=dtype)
    tables = {"base": base}
    for name, folder in (("final", saved), ("best", best)):
        if folder:
            policy, _ = loading.load(str(folder), dtype=dtype)
            tables[name] = sampled(policy, config.eval_samples, config.seed + 1, reference)
            if writes:
                run_folder.write(output_dir / f"{name}.parquet", tables[name].to_parquet)
    if writes:
        summary = run_summary(config, tables, list(run_folder.read_metrics(output_dir)), watch.warning, best)
        card = model_card(config, args, summary, run_folder.environment()["commit"])
        run_folder.write(saved / "README.md", lambda part: part.write_text(card))
        run_folder.write_json(output_dir / "summary.json", summary)
        save_training(output_dir)
        print_summary(summary)
    return output_dir


def check_groups_are_whole(config: TrainConfig, args) -> None:
    """TRL rewards each process's responses by themselves, and these rewards compare the responses to a prompt."""
    responses = args.per_device_train_batch_size * args.steps_per_generation
    if responses % args.num_generations:
        raise ValueError(
            f"--length-control {config.length_control} needs all responses to a prompt in one process: "
            f"--per_device_train_batch_size x --steps_per_generation ({responses}) must be a multiple of "
            f"--num_generations ({args.num_generations})"
        )


def _train(
    trainer: LogProbRewardTrainer,
    checkpoint: Path | None,
    recorder: RunRecorder,
    watch: CollapseWatch,
    stop: StopWhenAsked,
) -> None:
    if checkpoint:
        state = TrainerState.load_from_json(checkpoint / "trainer_state.json")
        if state.global_step >= trainer.args.max_steps or watch.ended_the_run:
            # Cut off after the last step. Trainer.train would take one more before it looked at the count.
            trainer._load_from_checkpoint(str(checkpoint))
            trainer.state = state
            return
    try:
        with stop_on_sigterm(stop):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        recorder.progress.stop()  # an interrupted bar would leave the terminal without a cursor
    if stop.stopped:
        raise RunStopped(recorder.output_dir, trainer.state.global_step, trainer.args.max_steps)


def _dataset(problems: list[Problem], bundled: bool) -> Dataset:
    return Dataset.from_list([{"prompt": render(p, not bundled), "answer": p.answer} for p in problems])


def _new_folder(config: TrainConfig) -> Path:
    started = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{Path(config.model).name}-{config.regime}-seed{config.seed}-{started}"
