"""One training run: base rollouts, RLOO on the objective, judgement beside the forecast, all in one run folder."""

import gc
import os
from pathlib import Path

import pandas as pd
import transformers
from datasets import Dataset
from transformers import PreTrainedModel
from transformers.trainer_callback import PrinterCallback, TrainerState

from harness import reservation, run_folder
from llm.problems import MathProblem
from llm.prompts.form import PromptForm
from llm.rewards.reward import RewardFault
from llm.rollout_table import from_table
from llm.training.announce import announcement
from llm.training.collapse import CollapseWatch, Diagnosis
from llm.training.config import TrainConfig
from llm.training.held_out import held_out_rollouts
from llm.training.interruption import RunStopped, StopWhenAsked, stop_on_sigterm
from llm.training.judging import TrainedModel, judge
from llm.training.lora import adapter_config, save_merged
from llm.training.recorder import RunRecorder
from llm.training.rewards import return_term, rewarded_by
from llm.training.setup import Setup, set_up
from llm.training.trainer import LogProbRewardTrainer
from theory.estimation.band import lower_edges
from theory.estimation.samples import BaseSamples, base_samples
from theory.vocabulary import LengthControl


def run(config: TrainConfig, trl_arguments: list[str]) -> Path:
    """Train and write the run folder; returns its path. Nothing is written before every input has been checked.

    config.resume goes on with the run that the folder holds. RunStopped after a SIGTERM, when there is more to do.
    """
    transformers.utils.logging.disable_progress_bar()  # one bar is shown, that of the run
    if config.output_dir is None and os.environ.get("WORLD_SIZE", "1") != "1":
        raise ValueError("--output-dir is needed with several processes; each would make a folder of its own")
    output_dir = config.output_dir or reservation.fresh(f"{Path(config.model).name}-{config.regime}-seed{config.seed}")
    with reservation.reserved(
        "llm.train",
        output_dir,
        config,
        config.overwrite,
        goes_on="the same command with --resume",
        writes=os.environ.get("RANK", "0") == "0",  # one of the processes
    ) as place:
        setup, model = set_up(config, trl_arguments, place)
        if setup.finished:
            return output_dir
        try:
            base = base_rollouts(setup, model)
            if setup.writes:
                print(announcement(config, base), flush=True)
            trained = train(setup, model, base)
            del model
            gc.collect()  # the judgement needs the room, and trainer and callbacks hold each other
            judge(setup, base, trained)
        except RewardFault as error:
            kept = f"{output_dir} keeps what was done before; the same command with --resume goes on from there"
            raise ValueError(f"{error}; {kept}") from None
    return output_dir


def base_rollouts(setup: Setup, model: PreTrainedModel) -> pd.DataFrame:
    """Responses of the base model to the held-out prompts: those of the run that is gone on with, given, or sampled."""
    file = setup.output_dir / "base.parquet"
    if setup.resuming and file.exists():
        return pd.read_parquet(file)
    base = setup.base
    if base is None:
        base = held_out_rollouts(setup, model, setup.config.forecast_samples, setup.config.seed)
    if setup.writes:
        run_folder.write(file, base.to_parquet)
    return base


def train(setup: Setup, model: PreTrainedModel, base: pd.DataFrame) -> TrainedModel:
    """RLOO from the base model, watched for collapse; the model of the last step is saved."""
    samples = base_samples(from_table(base, str(setup.config.base or "of the base model")))
    recorder = RunRecorder(setup.output_dir, setup.args.max_steps, setup.config.regime)
    watch = collapse_watch(setup, samples, recorder)
    stop = StopWhenAsked()
    train_part, validation = setup.problems.train, setup.problems.validation
    task_reward = rewarded_by(setup.reward, [*train_part, *validation], setup.form)
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, return_term(setup.config)],
        args=setup.args,
        train_dataset=_dataset(train_part, setup.form),
        eval_dataset=_dataset(validation, setup.form, len(train_part)) if validation else None,
        processing_class=setup.tokenizer,
        peft_config=adapter_config(setup.config.lora_rank),
        callbacks=[recorder, watch, stop],
        diagnose=Diagnosis(samples),
        share_prefixes=setup.config.share_prefixes,
        head_dtype=setup.config.head_dtype,
        importance_cap=setup.config.importance_cap,
        ignore_eos=setup.config.length_control == LengthControl.IGNORE_EOS,
    )
    trainer.remove_callback(PrinterCallback)
    _take_the_steps(trainer, setup.checkpoint, recorder, watch, stop)
    best = trainer.state.best_model_checkpoint
    folder = setup.output_dir / "model"
    if not setup.config.lora_rank:
        trainer.save_model(str(folder))  # by every process: the weights may be spread over them
    elif setup.writes:
        save_merged(trainer, folder)
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()
    return TrainedModel(folder, trainer.state.global_step, Path(best) if best else None, watch.warning)


def collapse_watch(setup: Setup, samples: BaseSamples, recorder: RunRecorder) -> CollapseWatch:
    """The watch over this run; one that is gone on with has its past shown to it."""
    args = setup.args
    batches = max(1.0, args.gradient_accumulation_steps / args.steps_per_generation)  # whose means a step logs
    prompts_a_step = int(args.generation_batch_size * batches) // args.num_generations
    config = setup.config
    edges = lower_edges(samples, config.objective, config.kappa, prompts_a_step, setup.args.num_generations)
    watch = CollapseWatch(edges, config.stop_on_collapse, recorder.progress.console.print)
    if setup.resuming and (setup.output_dir / "metrics.jsonl").exists():
        for row in run_folder.read_metrics(setup.output_dir):
            watch.see(row["step"], row)
    return watch


def _take_the_steps(
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


def _dataset(problems: list[MathProblem], form: PromptForm, start: int = 0) -> Dataset:
    """place counts problems from start on."""
    rows = enumerate(problems, start)
    return Dataset.from_list([{"prompt": form.prompt(p), "answer": p.answer, "place": i} for i, p in rows])
