"""Everything that a run needs, read and checked before anything is written."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from accelerate import PartialState
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import RLOOConfig

from harness.reservation import Place
from llm.gym.spec import facts as gym_facts
from llm.models import loading
from llm.models.organisms import ORGANISMS
from llm.problems import BUNDLED
from llm.prompts import record
from llm.prompts.form import PromptForm, prompt_form
from llm.rewards.registry import reward_of
from llm.rewards.reward import Reward
from llm.training import resume
from llm.training.config import TrainConfig
from llm.training.given_base import check_rendered, check_same_limit, given_base
from llm.training.lora import check_no_adapter, weights_dtype
from llm.training.requirements import check_context, check_enough_prompts
from llm.training.splits import Splits, split
from llm.training.trl_options import ORGANISM_OPTIONS, PAPER_OPTIONS, changed_options, rloo_config
from theory.vocabulary import LengthControl


@dataclass(frozen=True)
class Setup:
    """What set-up gives: the run as it was asked for, and all that it reads."""

    config: TrainConfig
    args: RLOOConfig
    """TRL's options"""
    weights: str
    """folder or hub id of the base model"""
    tokenizer: PreTrainedTokenizerBase
    problems: Splits
    form: PromptForm
    """what stands around every problem"""
    reward: Reward
    """what a response is worth"""
    prompts: dict[str, Any]
    """the first prompt and a hash of all, those of training, validation and evaluation"""
    base: pd.DataFrame | None
    """the rollouts that --base names"""
    output_dir: Path
    writes: bool
    """this process is the one that writes"""
    resuming: bool
    """goes on with the run that the folder holds"""
    checkpoint: Path | None
    """where that run is gone on with"""

    @property
    def finished(self) -> bool:
        """The run that is gone on with has nothing left to do."""
        done = self.resuming and (self.output_dir / "summary.json").exists()
        return done and not resume.is_longer(self.output_dir, self.config.steps)

    @property
    def options(self) -> dict[str, Any]:
        """What config.json holds."""
        return {**dataclasses.asdict(self.config), "trl": changed_options(self.args)}


def set_up(config: TrainConfig, trl_arguments: list[str], place: Place) -> tuple[Setup, PreTrainedModel]:
    """(the run, its base model, which becomes the policy). The folder becomes the run's as the last thing.

    ValueError for whatever the run could not end with.
    """
    weights = loading.resolve(config.model)
    bundled = config.model in ORGANISMS or config.dataset == BUNDLED
    resuming = config.resume and resume.is_run(place.path)
    if not resuming:
        place.check()
    args = rloo_config(config, place.path, ORGANISM_OPTIONS if bundled else PAPER_OPTIONS, trl_arguments)
    if config.length_control in (LengthControl.TRAJECTORY_BALANCE, LengthControl.CONTENT):
        check_groups_are_whole(config, args)
    if config.share_prefixes and args.world_size > 1:
        raise ValueError("--share-prefixes is for one process, which reads all responses; leave it out")
    form = prompt_form(config, bundled)
    reward = reward_of(config.reward)
    problems = split(config, bundled, reward)
    reward.try_out([problem for part in problems for problem in part], form)
    check_enough_prompts(args, len(problems.train))
    base = given_base(config.base, config.model, problems.held_out, config.reward) if config.base else None
    if config.base and base is not None:
        check_same_limit(config.base, base, args.max_completion_length)
    dtype = weights_dtype(config.lora_rank, args.bf16, args.use_vllm)
    model, tokenizer = loading.load(weights, config.head_dtype, dtype=dtype)
    check_no_adapter(model, config.model)
    form.fit(tokenizer, config.model)
    args.chat_template_kwargs = dict(form.template_kwargs) or None  # TRL renders the prompts of training
    every = [problem for part in problems for problem in part]
    rendered = {problem.prompt_id: form.rendered(tokenizer, problem) for problem in problems.held_out}
    prompts = record.facts_of([form.rendered(tokenizer, problem) for problem in every])
    if config.base and base is not None:
        check_rendered(config.base, base, rendered)
    if args.use_vllm and args.vllm_max_model_length:
        generated = [*problems.train, *problems.validation]
        check_context(args, max(len(form.encode(tokenizer, problem)) for problem in generated))
    setup = Setup(
        config=config,
        args=args,
        weights=weights,
        tokenizer=tokenizer,
        problems=problems,
        form=form,
        reward=reward,
        prompts=prompts,
        base=base,
        output_dir=place.path,
        writes=place.writes,
        resuming=resuming,
        checkpoint=resume.latest_checkpoint(place.path / "checkpoints") if resuming else None,
    )
    if resuming:
        resume.check_same_run(place.path, setup.options)
        record.check_same(place.path, prompts, "--resume")
    _take_the_folder(setup, place)
    return setup, model


def _take_the_folder(setup: Setup, place: Place) -> None:
    """One process writes; the others have read what the folder holds before it is changed, and go on when it has."""
    PartialState().wait_for_everyone()
    if place.writes and not setup.finished:
        if setup.resuming:
            if resume.is_longer(place.path, setup.config.steps):
                resume.reopen(place.path, setup.checkpoint)
                place.go_on(setup.options)
            else:
                place.go_on()
            resume.forget_after(place.path, setup.checkpoint)
        else:
            place.begin(setup.options)
            place.note({"prompts": setup.prompts, **gym_facts(setup.config.dataset)})
        record.show(setup.prompts)
    PartialState().wait_for_everyone()


def check_groups_are_whole(config: TrainConfig, args: Any) -> None:
    """TRL rewards each process's responses by themselves, and these rewards compare the responses to a prompt."""
    responses = args.per_device_train_batch_size * args.steps_per_generation
    if responses % args.num_generations:
        raise ValueError(
            f"--length-control {config.length_control} needs all responses to a prompt in one process: "
            f"--per_device_train_batch_size x --steps_per_generation ({responses}) must be a multiple of "
            f"--num_generations ({args.num_generations})"
        )
