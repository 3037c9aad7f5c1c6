"""python -m toysims.sweep: tilting and sharpening over a grid of (α, β) on many drawn policies.

Every cell is simulated by mirror ascent, batched on every device that JAX sees, and laid beside theory, into
sweep.parquet. A sweep that was killed goes on where it was when the command is repeated with the same
--output-dir. Exit code 1 if a prediction fails.
"""

import os
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from harness.command import parse

STEP = 0.2  # ητ: a step takes a fifth of the way
STEPS = 120  # what is left of the start is 0.8^120 = 2e-12


@dataclass(frozen=True)
class Config:
    """Where every (alpha, beta) of a grid takes many policies: predicted and simulated, into one table."""

    alphas: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
    """powers on the reference"""
    betas: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    """KL weights; b = 1/beta"""
    policies: int = 200
    """how many policies are drawn, with seeds seed, seed + 1, ..."""
    seed: int = 0
    """of the first policy"""
    k: int = 50
    """responses a policy"""
    correct_fraction: float = 0.2
    """share of the responses that are correct"""
    chunk: int = 2000
    """cells between two saves"""
    output_dir: Path | None = Path("runs/sweep")
    """run folder; an unfinished sweep in it is gone on with"""
    overwrite: bool = False
    """replace the run that output_dir holds"""

    def __post_init__(self):
        for name, least in (("k", 2), ("policies", 1), ("chunk", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} must be at least {least}, got {getattr(self, name)}")
        for alpha in self.alphas:
            if not (isfinite(alpha) and alpha >= 0):
                raise ValueError(f"--alphas must be finite and at least 0, got {alpha}")
        for beta in self.betas:
            if not (isfinite(beta) and beta > 0):
                raise ValueError(f"--betas must be finite and above 0, got {beta}")
        if not (self.alphas and self.betas):
            raise ValueError("--alphas and --betas need at least one value each")
        if not 0 < self.correct_fraction < 1:
            raise ValueError(
                f"--correct-fraction must lie strictly between 0 and 1, got {self.correct_fraction}: "
                "with none or all correct the task reward has nothing to choose"
            )

    @property
    def cells(self) -> int:
        return self.policies * len(self.alphas) * len(self.betas)

    @property
    def chunks(self) -> int:
        return -(-self.cells // self.chunk)


def cell_table(config: Config, first: int, last: int):
    """The rows of cells first to last - 1: seeds outermost, then alphas, then betas."""
    import jax
    import numpy as np
    import pyarrow as pa

    from theory.distribution import entropy, expectation
    from theory.tilt import log_tilt
    from toysims.attraction import total_variation
    from toysims.learners.mirror import across_devices, ascend
    from toysims.learners.objective import Weights
    from toysims.policies.categorical import correct_count, draw_many

    # The last chunk is filled up, so that one compiled program serves all, and any number of devices.
    full = -(-config.chunk // jax.device_count()) * jax.device_count()
    cells = np.minimum(np.arange(first, first + full), config.cells - 1)
    shape = config.policies, len(config.alphas), len(config.betas)
    policy, row, column = np.unravel_index(cells, shape)
    seed, alpha, beta = config.seed + policy, np.array(config.alphas)[row], np.array(config.betas)[column]

    correct = correct_count(config.k, config.correct_fraction)
    log_p, reward = draw_many(across_devices(seed), config.k, correct)
    weights = Weights(np.ones(full), alpha * beta, beta)  # tilted and tempered; α = 1 is tilted
    log_pi = ascend(*across_devices((weights, STEP / beta)), log_p, reward, STEPS)

    kept = slice(0, last - first)
    log_p, reward, log_pi = (np.asarray(x)[kept] for x in (log_p, reward, log_pi))
    seed, alpha, beta = seed[kept], alpha[kept], beta[kept]
    predicted = log_tilt(log_p, reward, alpha, 1 / beta)
    return pa.table(
        {
            "seed": seed,
            "alpha": alpha,
            "beta": beta,
            "base_accuracy": expectation(log_p, reward),
            "predicted_accuracy": expectation(predicted, reward),
            "simulated_accuracy": expectation(log_pi, reward),
            "predicted_entropy": entropy(predicted),
            "simulated_entropy": entropy(log_pi),
            "total_variation": total_variation(predicted, log_pi),
        }
    )


def simulate(config: Config, _, run):
    """Chunk by chunk, each saved in one move; then one table of all."""
    import pyarrow as pa
    from pyarrow import parquet

    from figures.toysims.sweep import sweep_figure
    from harness import run_folder
    from toysims.experiment import Outcome
    from toysims.verdict import Check, at_most

    parts = run.output_dir / "parts"
    parts.mkdir(exist_ok=True)
    names = [parts / f"{chunk:06d}.parquet" for chunk in range(config.chunks)]
    for chunk, name in enumerate(names):
        run.stage(f"cells {chunk * config.chunk} to {min((chunk + 1) * config.chunk, config.cells)}")
        if not name.exists():
            table = cell_table(config, chunk * config.chunk, min((chunk + 1) * config.chunk, config.cells))
            run_folder.write(name, lambda part, table=table: parquet.write_table(table, part))
    table = pa.concat_tables([parquet.read_table(name) for name in names]).combine_chunks()
    run_folder.write(run.output_dir / "sweep.parquet", lambda part: parquet.write_table(table, part))

    shape = config.policies, len(config.alphas), len(config.betas)
    column = {name: table[name].to_numpy() for name in table.column_names}
    accuracy = column["simulated_accuracy"].reshape(shape)
    helped = (column["simulated_accuracy"] > column["base_accuracy"]).reshape(shape)
    farthest = float(column["total_variation"].max())
    checks = [
        at_most("farthest end from the optimum", "T1", farthest, 1e-6),
        Check("rows in the table", "grid", float(config.cells), float(table.num_rows), 0.0),
    ]
    canvas = sweep_figure(config.alphas, config.betas, accuracy.mean(axis=0), helped.mean(axis=0))
    summary = {
        "cells": config.cells,
        "farthest_total_variation": farthest,
        "mean_accuracy": accuracy.mean(axis=0),
        "share_above_base": helped.mean(axis=0),
    }
    return Outcome(checks, summary, {"sweep.png": canvas})


def main(arguments=None):
    config = parse(Config, "toysims.sweep", arguments)
    import jax

    # Without a GPU, one JAX device a core: then the batch is dealt out over all of them.
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    from toysims import experiment

    experiment.run("toysims.sweep", config, lambda _: None, simulate, stages=config.chunks, resumable=True)


if __name__ == "__main__":
    main()
