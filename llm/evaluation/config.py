"""What an evaluation is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from llm.readers.columns import parsed_columns


@dataclass(frozen=True)
class EvaluateConfig:
    """Judge rollouts of models and samplers: one row a number, one column a table."""

    rollouts: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders or rollouts tables; the first is what the others are compared with"""
    column: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """OURS=THEIRS: the name under which the tables hold a column, such as log_p=sum_logprob; may be given again"""
    answers: Path | None = None
    """table of prompt_id (or custom_id) and answer or reward, for files that hold responses alone"""
    ks: tuple[int, ...] = ()
    """values of k; by default 1, 2, 4, 8 ... as far as the samples go"""
    level: float = 0.95
    """level of the intervals"""
    seed: int = 0
    """seed of the bootstrap"""
    output_dir: Path | None = None
    """where evaluation.json and evaluation.csv are written; by default a new folder under runs/"""
    overwrite: bool = False
    """replace the evaluation that --output-dir holds"""

    def __post_init__(self):
        if not self.rollouts:
            raise ValueError("name at least one run folder or rollouts table")
        parsed_columns(self.column)
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        if not 0 < self.level < 1:
            raise ValueError(f"--level must be between 0 and 1, got {self.level}")
        if any(k < 1 for k in self.ks):
            raise ValueError(f"--ks must be at least 1, got {' '.join(map(str, self.ks))}")
