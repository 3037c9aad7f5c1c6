"""The end of a run: what was saved is evaluated on the held-out prompts and set beside its forecast."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from figures.llm.training import save_training
from figures.study.arrival import on_the_way
from figures.study.runs import trained_run
from harness import run_folder
from harness.environment import environment
from llm.models import loading
from llm.training.held_out import held_out_rollouts
from llm.training.model_card import model_card
from llm.training.setup import Setup
from llm.training.summary import print_summary, run_summary


@dataclass(frozen=True)
class TrainedModel:
    """What training leaves behind."""

    folder: Path
    """the model of the last step"""
    steps: int
    """how many were taken"""
    best: Path | None
    """the checkpoint that did best on the validation problems"""
    collapse: dict[str, Any] | None
    """the warning of CollapseWatch"""


def judge(setup: Setup, base: pd.DataFrame, trained: TrainedModel) -> None:
    """Write rollouts, model card, summary and figure: of what was saved, with what --model names as the reference."""
    dtype = torch.bfloat16 if setup.args.bf16 else torch.float32
    reference, _ = loading.load(setup.weights, setup.config.head_dtype, dtype=dtype)
    tables = {"base": base}
    for name, folder in (("final", trained.folder), ("best", trained.best)):
        if folder is None:
            continue
        policy, _ = loading.load(str(folder), setup.config.head_dtype, dtype=dtype)
        tables[name] = held_out_rollouts(setup, policy, setup.config.eval_samples, setup.config.seed + 1, reference)
        if setup.writes:
            run_folder.write(setup.output_dir / f"{name}.parquet", tables[name].to_parquet)
    if setup.writes:
        _write(setup, tables, trained)


def _write(setup: Setup, tables: dict[str, pd.DataFrame], trained: TrainedModel) -> None:
    """summary.json comes after everything that takes long: where it is, the run is finished."""
    metrics = list(run_folder.read_metrics(setup.output_dir))
    summary = run_summary(setup.config, tables, metrics, trained.steps, trained.collapse, trained.best)
    why_not = on_the_way(trained_run(summary, setup.output_dir, setup.output_dir.name))
    summary["not_arrived"] = why_not  # None: it has, as far as can be told
    card = model_card(setup.config, setup.args, summary, environment()["commit"])
    run_folder.write(trained.folder / "README.md", lambda part: part.write_text(card))
    run_folder.write_json(setup.output_dir / "summary.json", summary)
    save_training(setup.output_dir)
    print_summary(summary)
