"""python -m llm.evaluate: pass@k, maj@k, length, truncation and KL of rollouts, with intervals and paired differences.

    python -m llm.evaluate runs/a runs/b low-temperature/rollouts.parquet

A run folder stands for its base, last and (where one was chosen) best rollouts. Differences are taken prompt by prompt
to the first table named, over the prompts that both have.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from theory.command import one_line_errors, parse


@dataclass(frozen=True)
class EvaluateConfig:
    """Judge rollouts of models and samplers: one row a number, one column a table."""

    rollouts: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders or rollouts tables; the first is what the others are compared with"""
    ks: tuple[int, ...] = ()
    """values of k; by default 1, 2, 4, 8 ... as far as the samples go"""
    level: float = 0.95
    """level of the intervals"""
    seed: int = 0
    """seed of the bootstrap"""
    output_dir: Path = Path("runs/evaluation")
    """where evaluation.json and evaluation.csv are written"""
    overwrite: bool = False
    """replace what --output-dir holds"""

    def __post_init__(self):
        if not self.rollouts:
            raise ValueError("name at least one run folder or rollouts table")
        if not 0 < self.level < 1:
            raise ValueError(f"--level must be between 0 and 1, got {self.level}")
        if any(k < 1 for k in self.ks):
            raise ValueError(f"--ks must be at least 1, got {' '.join(map(str, self.ks))}")


def summarise(rollouts) -> dict[str, float]:
    """accuracy, length, log_p, kl, entropy, finished of a table; each with NAME_se, the standard error over prompts.

    kl is E_pi[log pi - log p] and entropy the token entropies summed along a response (chain rule), both in nats a
    response and both estimated from the policy's own samples.
    """
    import numpy as np
    import pandas as pd

    columns = pd.DataFrame(
        {
            "prompt_id": rollouts["prompt_id"],
            "accuracy": rollouts["reward"],
            "length": rollouts["length"],
            "log_p": rollouts["log_p"],
            "kl": rollouts["log_pi"] - rollouts["log_p"],
            "entropy": rollouts["entropy"],
            "finished": rollouts["finished"],
        }
    ).astype({"finished": float})
    by_prompt = columns.groupby("prompt_id").mean()
    spread = by_prompt.std(ddof=1) / np.sqrt(len(by_prompt))
    return {
        **{name: float(by_prompt[name].mean()) for name in by_prompt},
        **{f"{name}_se": float(spread[name]) for name in by_prompt},
    }


def main(arguments: list[str] | None = None) -> None:
    config = parse(EvaluateConfig, "llm.evaluate", arguments)
    with one_line_errors():
        from llm.evaluation import evaluate  # pandas and scipy load only now, so that --help answers at once

        print(f"wrote {evaluate(config)}")


if __name__ == "__main__":
    main()
