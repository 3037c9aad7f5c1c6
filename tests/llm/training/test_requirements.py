"""What a run needs is looked for before it begins: packages, a GPU, a server, numbers that make sense."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from llm.compare import main as compare
from llm.train import TrainConfig, main
from llm.training import requirements
from llm.training.given_base import check_same_limit
from llm.training.requirements import check_context, check_enough_prompts
from llm.training.trl_options import ORGANISM_OPTIONS, _read, changed_options, rloo_config

pytestmark = pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")


def options(tmp_path, arguments="", **config):
    return rloo_config(TrainConfig(**{"steps": 10, **config}), tmp_path, ORGANISM_OPTIONS, arguments.split())


@pytest.fixture
def bare_machine(monkeypatch):
    """The core alone is installed, and there is no GPU."""
    monkeypatch.setattr(requirements, "_installed", lambda package: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda *_: False)
    for package in ("tensorboard", "wandb"):
        monkeypatch.setattr(f"transformers.integrations.integration_utils.is_{package}_available", lambda: False)
    monkeypatch.setattr("transformers.trainer_optimizer.is_bitsandbytes_available", lambda: False)


LACKING = {
    "--report_to tensorboard": "--report_to tensorboard cannot be used: TensorBoardCallback requires tensorboard",
    "--report_to wandb": "--report_to wandb cannot be used: WandbCallback requires wandb",
    "--report_to none tensorboard": "--report_to tensorboard cannot be used",
    "--report_to tensorbord": "--report_to tensorbord is none of ",
    "--use_vllm true": "--use_vllm true needs the package vllm",
    "--use_liger_kernel true": "--use_liger_kernel true needs the package liger_kernel",
    "--lora-rank 4": "--lora-rank 4 needs the package peft",
    "--bf16 true": "--bf16 true needs a GPU, and none is found; add --use_cpu true",
    "--fp16 true": "--fp16 true needs a GPU",
    "--fp16 true --use_cpu true": "--fp16 true needs a GPU",
    "--optim adamw_8bit": "--optim adamw_8bit cannot be used: You need to install `bitsandbytes`",
    "--optim paged_adamw_8bit": "--optim paged_adamw_8bit cannot be used",
    "--optim sgd --optim_args momentum=much": "--optim sgd --optim_args momentum=much cannot be used: could not conv",
    "--lr_scheduler_type reduce_lr_on_plateau": "--lr_scheduler_type reduce_lr_on_plateau follows the validation; give",
    "--lr_scheduler_type greedy": "--lr_scheduler_type greedy follows the validation",
    "--lr_scheduler_type cosine_with_min_lr": "--lr_scheduler_type cosine_with_min_lr cannot be used",
    '--lr_scheduler_kwargs {"power":2}': "--lr_scheduler_type linear --lr_scheduler_kwargs {'power': 2} cannot be",
    "--weight_decay 0.5 --learning_rate 0.01": "--weight_decay 0.5 would take 5.0% off the weights in 10 steps",
    "--weight_decay 1e-6 --optim sgd": "--weight_decay 1e-06 with --optim sgd is a loss",
    "--epsilon -1": "--epsilon must be > 0, got -1.0",
    "--epsilon_high 0": "--epsilon_high must be > 0, got 0.0",
    "--learning_rate -0.001": "--learning_rate must be finite and at least 0, got -0.001",
    "--learning_rate nan": "--learning_rate must be finite and at least 0, got nan",
    "--learning_rate inf": "--learning_rate must be finite",
    "--per_device_train_batch_size 0": "--per_device_train_batch_size must be finite and at least 1, got 0",
    "--gradient_accumulation_steps 0": "--gradient_accumulation_steps must be finite and at least 1, got 0",
    "--num_generations 1": "--num_generations must be finite and at least 2, got 1",
    "--num_generations 0": "--num_generations must be finite and at least 2, got 0",
    "--save_steps 0": "--save_steps must be finite and at least 1, got 0",
    '--model_init_kwargs {"dtype":"int8"}': "--model_init_kwargs dtype must be one of float32, bfloat16, float16, auto",
    "--validation-prompts 2 --save_strategy no": "--validation-prompts 2 chooses a checkpoint and --save_strategy no",
    "--ddp_backend gloo": "--ddp_backend gloo joins several processes",
    "--seed -1": "--seed must be between 0 and 2147483647, got -1",
    "--seed 2147483648": "--seed must be between 0 and 2147483647, got 2147483648",
    "--per_device_train_batch_size 1000000": "--dataset leaves ",
    "--learning_rate 1 2": "2 belongs to no option",
}


@pytest.mark.parametrize("arguments", LACKING)
def test_what_is_lacking_is_one_line_before_anything_is_sampled(
    arguments, bare_machine, tiny_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("llm.training.run.held_out_rollouts", lambda *_, **__: pytest.fail("sampled"))
    small = f"--model {tiny_model} --dataset addition --steps 10 --eval-prompts 4 --lr_scheduler_type linear"
    folder = ["--output-dir", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["llm.train", *small.split(), *arguments.split(), *folder])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert LACKING[arguments] in error and "\n" not in error
    assert not (tmp_path / "out").exists()


def test_a_server_that_does_not_answer_is_waited_for_as_long_as_trl_would(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(requirements, "_installed", lambda package: True)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda *_: True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url = f"--use_vllm true --vllm_mode server --vllm_server_timeout 0.2 --vllm_server_base_url http://127.0.0.1:{port}"
        assert options(tmp_path, url).use_vllm
        where = f"--use_vllm true --vllm_mode server --vllm_server_host 127.0.0.1 --vllm_server_port {port}"
        assert options(tmp_path, where).use_vllm
    with pytest.raises(ValueError, match=rf"nothing answers at 127\.0\.0\.1:{port} after --vllm_server_timeout 0\.2 s"):
        options(tmp_path, url)


@pytest.mark.parametrize(
    ("arguments", "bf16", "fp16"), [("", True, False), ("--fp16 true", False, True), ("--bf16 false", False, False)]
)
def test_float16_switches_bfloat16_off(arguments, bf16, fp16, tmp_path, monkeypatch):
    """Where there is a GPU bf16 is on by default, and TRL refuses both at once."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    read = _read(TrainConfig(), tmp_path, {}, arguments.split(), processes=1)
    assert (read.bf16, read.fp16) == (bf16, fp16)


def test_a_batch_of_more_prompts_than_there_are_is_refused(tmp_path):
    """TRL would drop it and train for no step at all."""
    args = options(tmp_path, "--per_device_train_batch_size 64")
    check_enough_prompts(args, 8)
    with pytest.raises(ValueError, match="leaves 7 problems to train on and a batch takes 8"):
        check_enough_prompts(args, 7)


def test_vllm_must_have_room_for_the_longest_prompt_and_response(tmp_path):
    args = options(tmp_path, "--vllm_max_model_length 100 --max_completion_length 60")
    check_context(args, 40)
    with pytest.raises(ValueError, match=re.escape("the longest prompt (41 tokens)")):
        check_context(args, 41)


def test_base_rollouts_end_where_training_ends():
    table = pd.DataFrame({"length": [3, 8, 8], "finished": [True, True, False]})
    check_same_limit(Path("base"), table, 8)
    with pytest.raises(
        ValueError, match="ends after 8 tokens, and training ends responses at --max_completion_length 7"
    ):
        check_same_limit(Path("base"), table, 7)
    with pytest.raises(ValueError, match="is cut off after 8 tokens"):
        check_same_limit(Path("base"), table, 9)


def test_a_schedule_that_follows_the_validation_is_taken_with_one(tmp_path):
    for name in ("reduce_lr_on_plateau", "greedy"):
        args = options(tmp_path, f"--lr_scheduler_type {name}", validation_prompts=2)
        assert args.lr_scheduler_type == name and args.eval_strategy == "steps"


@pytest.mark.parametrize(
    ("arguments", "at_once"),
    [
        ("--gradient_accumulation_steps 32", 8),
        ("--gradient_accumulation_steps 32 --per_device_train_batch_size 2", 8),
        ("--gradient_accumulation_steps 36 --per_device_train_batch_size 4", 6),
        ("--gradient_accumulation_steps 21", 7),
        ("--gradient_accumulation_steps 8", 8),
        ("--gradient_accumulation_steps 4", 4),
        ("--gradient_accumulation_steps 16 --per_device_train_batch_size 1 --num_generations 16", 16),
        ("--gradient_accumulation_steps 32 --steps_per_generation 32", 32),
        ("--gradient_accumulation_steps 32 --generation_batch_size 256", 32),
    ],
)
def test_a_step_of_many_responses_generates_them_in_parts_that_hold_whole_groups(arguments, at_once, tmp_path):
    args = options(tmp_path, f"--per_device_train_batch_size 8 {arguments}")
    assert args.steps_per_generation == at_once
    assert args.gradient_accumulation_steps % at_once == 0, "no response is older than its step"


def test_a_mixture_of_experts_brings_no_loss_of_its_own_and_dropout_is_off(tmp_path):
    args = options(tmp_path)
    assert args.router_aux_loss_coef == 0.0 and args.disable_dropout


def test_a_dictionary_is_kept_with_the_options_of_a_run(tmp_path):
    """What is not kept could differ when a run is resumed."""
    args = options(tmp_path, '--lr_scheduler_type polynomial --lr_scheduler_kwargs {"power":2}')
    assert changed_options(args)["lr_scheduler_kwargs"] == {"power": 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--report_to tensorboard", "--report_to tensorboard cannot be used"),
        ("--bf16 true", "--bf16 true needs a GPU"),
        ("--per_device_train_batch_size 1000000", "--dataset leaves "),
        ("--weight_decay 5", "--weight_decay 5 would take"),
    ],
)
def test_a_comparison_lacks_the_same_before_anything_is_sampled(
    arguments, said, bare_machine, tiny_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("llm.comparison.comparison.sample", lambda *_: pytest.fail("sampled"))
    folder = ["--output-dir", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        compare(["--model", str(tiny_model), "--dataset", "addition", *folder, *arguments.split()])
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and said in error and "\n" not in error
    assert not (tmp_path / "out").exists()
