"""python -m toysims.sweep: tilting and sharpening over a grid of (α, β) on many drawn policies.

Every cell is simulated by mirror ascent, batched on every device that JAX sees, and laid beside theory, into
sweep.parquet. A sweep that was killed goes on where it was when the command is repeated with the same
--output-dir. Exit code 1 if a prediction fails.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.memory import check_memory
from theory.distribution import entropy, expectation, total_variation
from theory.objectives import regime
from theory.tilt import log_tilt
from toysims import experiment
from toysims.config import ONE_CLASS, ONE_RESPONSE, SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun
from toysims.verdict import Check, at_most

STEP = 0.2  # ητ: a step takes a fifth of the way
STEPS = 120  # what is left of the start is 0.8^120 = 2e-12


@dataclass(frozen=True)
class SweepConfig(SimulationConfig):
    """Where every (alpha, beta) of a grid takes many policies: predicted and simulated, into one table."""

    alphas: tuple[float, ...] = within((0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), least=0)  # powers on the reference
    betas: tuple[float, ...] = within((0.1, 0.2, 0.5, 1.0, 2.0, 5.0), above=0)  # KL weights; b = 1/beta
    policies: int = within(200, least=1)  # how many policies are drawn, with seeds seed, seed + 1, ...
    k: int = within(50, least=2, why=ONE_RESPONSE)  # responses a policy
    correct_fraction: float = within(0.2, above=0, below=1, why=ONE_CLASS)  # share of the responses that are correct
    chunk: int = within(2000, least=1)  # cells between two saves
    output_dir: Path | None = Path("runs/sweep")  # run folder; an unfinished sweep in it is gone on with

    def __post_init__(self) -> None:
        super().__post_init__()
        check_memory("--k", self.k, 100 * self.chunk)
        check_memory("--policies", self.policies, 200 * len(self.alphas) * len(self.betas))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Policies, alphas, betas: how many of each."""
        return self.policies, len(self.alphas), len(self.betas)

    @property
    def cells(self) -> int:
        """Runs of the whole sweep."""
        return int(np.prod(self.shape))

    @property
    def chunks(self) -> int:
        """Saves of the whole sweep."""
        return -(-self.cells // self.chunk)


def cell_table(config: SweepConfig, first: int, last: int) -> Any:
    """The rows of cells first to last - 1, as an Arrow table: seeds outermost, then alphas, then betas."""
    import jax
    import pyarrow as pa

    from toysims.learners.mirror import across_devices, ascend
    from toysims.learners.objective import weights
    from toysims.policies.categorical import correct_count, draw_many

    # The last chunk is filled up, so that one compiled program serves all, and any number of devices.
    full = -(-config.chunk // jax.device_count()) * jax.device_count()
    cells = np.minimum(np.arange(first, first + full), config.cells - 1)
    policy, row, column = np.unravel_index(cells, config.shape)
    seed, alpha, beta = config.seed + policy, np.array(config.alphas)[row], np.array(config.betas)[column]
    # Tilted and tempered; α = 1 is tilted.
    objectives = [[regime("tilted-tempered", alpha=a, beta=b) for b in config.betas] for a in config.alphas]
    targets = np.array([[objective.target for objective in line] for line in objectives])[row, column]

    correct = correct_count(config.k, config.correct_fraction)
    log_p, reward = draw_many(across_devices(seed), config.k, correct)
    of_cells = weights([objectives[i][j] for i, j in zip(row, column, strict=True)])
    trained, step_size = across_devices((of_cells, STEP / beta))
    log_pi = ascend(trained, step_size, log_p, reward, STEPS)

    kept = slice(0, last - first)
    log_p, reward, log_pi = (np.asarray(x)[kept] for x in (log_p, reward, log_pi))
    predicted = log_tilt(log_p, reward, targets[kept, 0], targets[kept, 1])
    return pa.table(
        {
            "seed": seed[kept],
            "alpha": alpha[kept],
            "beta": beta[kept],
            "base_accuracy": expectation(log_p, reward),
            "predicted_accuracy": expectation(predicted, reward),
            "simulated_accuracy": expectation(log_pi, reward),
            "predicted_entropy": entropy(predicted),
            "simulated_entropy": entropy(log_pi),
            "total_variation": total_variation(predicted, log_pi),
        }
    )


def prepare(config: SweepConfig) -> None:
    """Without a GPU, one JAX device a core: then the batch is dealt out over all of them."""
    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)


def simulate(config: SweepConfig, _: None, run: SimulationRun) -> Outcome:
    """Chunk by chunk, each saved in one move; then one table of all."""
    import pyarrow as pa
    from pyarrow import parquet

    from figures.toysims.sweep import sweep_figure
    from harness import run_folder

    parts = run.output_dir / "parts"
    parts.mkdir(exist_ok=True)
    names = [parts / f"{chunk:06d}.parquet" for chunk in range(config.chunks)]

    def save(table: Any, path: Path) -> None:
        run_folder.write(path, lambda part: parquet.write_table(table, part))

    for chunk, name in enumerate(names):
        first, last = chunk * config.chunk, min((chunk + 1) * config.chunk, config.cells)
        run.stage(f"cells {first} to {last}")
        if not name.exists():
            save(cell_table(config, first, last), name)
    table = pa.concat_tables([parquet.read_table(name) for name in names]).combine_chunks()
    save(table, run.output_dir / "sweep.parquet")

    column = {name: table[name].to_numpy() for name in table.column_names}
    accuracy = column["simulated_accuracy"].reshape(config.shape)
    helped = (column["simulated_accuracy"] > column["base_accuracy"]).reshape(config.shape)
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


main = experiment.command("sweep", SweepConfig, prepare, simulate, stages=lambda config: config.chunks, resumable=True)

if __name__ == "__main__":
    main()
