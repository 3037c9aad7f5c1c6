"""The arms of a comparison, and what it is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Arm(NamedTuple):
    """One column of the comparison: the options of llm.train that make it."""

    regime: str
    alpha: float | None = None
    beta: float | None = None
    kappa: float = 0.0
    length_control: str = "none"
    longer: int = 1
    """times --steps: the further the optimum from the base model, the longer the way there (T9)"""


class Sampler(NamedTuple):
    """An arm that is not trained: the options of llm.sample that make it, on the same held-out prompts."""

    method: str
    alpha: float | None = None
    candidates: int | None = None


ARMS: dict[str, Arm | Sampler] = {
    "control": Arm("tempered", alpha=1.0),
    "task": Arm("task"),
    "tilted-2": Arm("tilted", beta=2.0),
    "tilted-1": Arm("tilted", beta=1.0, longer=2),
    "tilted-0.5": Arm("tilted", beta=0.5, longer=2),
    "sharpening": Arm("sharpening", longer=3),
    "tempered-0.5": Arm("tempered", alpha=0.5),
    "tempered-1.25": Arm("tempered", alpha=1.25),
    "tempered-2": Arm("tempered", alpha=2.0, longer=3),
    "tempered-4": Arm("tempered", alpha=4.0, longer=3),
    "tilted-tempered-2-0.5": Arm("tilted-tempered", alpha=2.0, beta=0.5, longer=3),
    "tempered-2-per-token": Arm("tempered", alpha=2.0, kappa=1.0),
    "tempered-2-trajectory-balance": Arm("tempered", alpha=2.0, length_control="trajectory-balance"),
    "tempered-2-content": Arm("tempered", alpha=2.0, length_control="content"),
    "tempered-2-ignore-eos": Arm("tempered", alpha=2.0, length_control="ignore-eos"),
    "low-temperature-2": Sampler("low-temperature", alpha=2.0),
    "best-of-8": Sampler("best-of-n", candidates=8),
    "power-smc-2": Sampler("power-smc", alpha=2.0),
}


@dataclass(frozen=True)
class CompareConfig:
    """Forecast every arm from base rollouts, then train every arm with every seed. Started again, it goes on.

    Options of TRL's RLOOConfig (--learning_rate ...) are taken as by llm.train, and hold for all arms.
    """

    model: str = "aligned"
    """bundled organism (aligned, misaligned), folder or hub id"""
    dataset: str | None = None
    """JSONL or Parquet file with columns problem and answer, hub id, or 'addition'; an organism needs none"""
    arms: tuple[str, ...] = tuple(ARMS)
    """which arms, in this order"""
    seeds: int = 3
    """runs of each arm"""
    steps: int = 240
    """optimiser steps of an arm; two or three times as many where the optimum is far from the base model"""
    prompts: int = 96
    """held-out prompts, for the forecast and for every evaluation"""
    samples: int = 64
    """base responses to each held-out prompt"""
    eval_samples: int = 16
    """responses to each held-out prompt after a run"""
    processes: int = 0
    """runs at once; 0: one for each CPU core with an organism, else one after the other"""
    quick: bool = False
    """one seed, 10 steps, few samples: to see the whole path in minutes"""
    output_dir: Path = Path("runs/compare")
    """folder of the comparison"""
    overwrite: bool = False
    """replace the comparison that --output-dir holds"""

    def __post_init__(self):
        for name in ("seeds", "steps", "prompts", "samples", "eval_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.processes < 0:
            raise ValueError(f"--processes must be at least 0, got {self.processes}")
        unknown = [arm for arm in self.arms if arm not in ARMS]
        if unknown or not self.arms:
            raise ValueError(f"--arms {unknown[0] if unknown else ''} is not an arm; choose from {', '.join(ARMS)}")
