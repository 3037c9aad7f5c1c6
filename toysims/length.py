"""python -m toysims.length: what sharpening does to the length of responses, found by training under a limit.

Markov policies: mean length, mode, existence threshold, the empty response, and the loops of a reward a token (T17).
A tree of tokens with EOS: length exponents and trajectory balance (T20), and sharpening of the content alone (T18).
"""

from dataclasses import dataclass
from pathlib import Path

from harness.command import parse


@dataclass(frozen=True)
class LengthConfig:
    """Train autoregressive policies with EOS by policy gradient, and compare their lengths with theory."""

    states: int = 6
    """content states of the Markov policy, and tokens of the geometric one"""
    stop: float = 0.15
    """probability of EOS: of the geometric policy, and about that in the Markov policy"""
    limit: int = 64
    """length limit in tokens; everything is trained under this limit and under twice as much"""
    depth: int = 5
    """content tokens of the longest response of the tree, which has 3 of them to choose from"""
    alpha: float = 3.0
    """power that the tree is sharpened to"""
    seed: int = 0
    """seed of the Markov policy and of the tree"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 2 <= self.states <= 100:
            raise ValueError(f"--states must be between 2 and 100, got {self.states}")
        if not 0 < self.stop <= 0.5:
            raise ValueError(f"--stop must be in (0, 0.5], got {self.stop}")
        if not 16 <= self.limit <= 4096:
            raise ValueError(f"--limit must be between 16 and 4096, got {self.limit}: lengths need room on both sides")
        if not 1 <= self.depth <= 6:
            raise ValueError(f"--depth must be between 1 and 6, got {self.depth}: the tree has 3^depth leaves")
        if not 1 < self.alpha <= 10:
            raise ValueError(f"--alpha must be above 1 and at most 10, got {self.alpha}")


def simulate(config: LengthConfig, policies, run):
    """Every learner of this question."""
    import pandas as pd

    from figures.toysims.length import length_figure
    from harness import run_folder
    from toysims import verdict
    from toysims.empty_response import empty_rows
    from toysims.experiment import Outcome
    from toysims.length_weighing import tree_rows
    from toysims.loops import loop_rows
    from toysims.markov_length import markov_rows

    stages = {"tree": lambda: tree_rows(policies["tree"], config.alpha)}
    for name in ("geometric", "Markov"):
        stages |= {
            f"{name}: length": lambda n=name: markov_rows(n, policies[n], config.limit),
            f"{name}: empty response": lambda n=name: empty_rows(n, policies[n]),
            f"{name}: loops": lambda n=name: loop_rows(n, policies[n], config.limit),
        }
    checks, rows = [], []
    for name, part in stages.items():
        run.stage(name)
        new = part()
        run.log(stage=name, predictions=verdict.records(new[0]))
        checks, rows = checks + new[0], rows + new[1]
    table = pd.DataFrame(rows)
    run_folder.write(run.output_dir / "length.parquet", table.to_parquet)
    return Outcome(checks, {"seed": config.seed}, {"length.png": length_figure(table)})


def prepare(config: LengthConfig):
    """The policies to be trained."""
    import jax
    import numpy as np

    from toysims.policies import chains, trees

    return {
        "geometric": chains.uniform(config.states, config.stop),
        "Markov": chains.draw(np.random.default_rng(config.seed), config.states, config.stop),
        "tree": trees.grow(jax.random.key(config.seed), vocabulary=3, depth=config.depth, stop_bias=1.0),
    }


def main(arguments=None):
    config = parse(LengthConfig, "toysims.length", arguments)
    from toysims.experiment import run

    run("toysims.length", config, prepare, simulate, stages=7)


if __name__ == "__main__":
    main()
