"""The arms of a comparison, and what it is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from llm.prompts.config import PromptConfig
from theory.vocabulary import LengthControl, Regime


class TrainedArm(NamedTuple):
    """The options of llm.train that make an arm of the comparison."""

    regime: Regime
    alpha: float | None = None
    beta: float | None = None
    kappa: float = 0.0
    length_control: LengthControl = LengthControl.NONE
    longer: int = 1
    """times --steps: the further the optimum from the base model, the longer the way there (T9)"""


class SampledArm(NamedTuple):
    """An arm that is not trained: the options of llm.sample that make it, on the same held-out prompts."""

    method: str
    alpha: float | None = None
    candidates: int | None = None


Arm = TrainedArm | SampledArm

ARMS: dict[str, Arm] = {
    "control": TrainedArm(Regime.TEMPERED, alpha=1.0),
    "task": TrainedArm(Regime.TASK),
    "tilted-2": TrainedArm(Regime.TILTED, beta=2.0),
    "tilted-1": TrainedArm(Regime.TILTED, beta=1.0, longer=2),
    "tilted-0.5": TrainedArm(Regime.TILTED, beta=0.5, longer=2),
    "sharpening": TrainedArm(Regime.SHARPENING, longer=3),
    "tempered-0.5": TrainedArm(Regime.TEMPERED, alpha=0.5),
    "tempered-1.25": TrainedArm(Regime.TEMPERED, alpha=1.25, longer=2),
    "tempered-2": TrainedArm(Regime.TEMPERED, alpha=2.0, longer=3),
    "tempered-4": TrainedArm(Regime.TEMPERED, alpha=4.0, longer=3),
    "tilted-tempered-2-0.5": TrainedArm(Regime.TILTED_TEMPERED, alpha=2.0, beta=0.5, longer=3),
    "tempered-2-per-token": TrainedArm(Regime.TEMPERED, alpha=2.0, kappa=1.0, longer=3),
    "tempered-2-trajectory-balance": TrainedArm(
        Regime.TEMPERED, alpha=2.0, length_control=LengthControl.TRAJECTORY_BALANCE, longer=3
    ),
    "tempered-2-content": TrainedArm(Regime.TEMPERED, alpha=2.0, length_control=LengthControl.CONTENT, longer=3),
    "tempered-2-ignore-eos": TrainedArm(Regime.TEMPERED, alpha=2.0, length_control=LengthControl.IGNORE_EOS, longer=3),
    "low-temperature-2": SampledArm("low-temperature", alpha=2.0),
    "best-of-8": SampledArm("best-of-n", candidates=8),
    "power-smc-2": SampledArm("power-smc", alpha=2.0),
}


@dataclass(frozen=True)
class CompareConfig(PromptConfig):
    """Forecast every arm from base rollouts, then train every arm with every seed. Started again, it goes on.

    Options of TRL's RLOOConfig (--learning_rate ...) are taken as by llm.train, and hold for all arms.
    """

    model: str = "aligned"
    """bundled organism (aligned, misaligned), folder or hub id"""
    dataset: str | None = None
    """JSONL or Parquet file (problem, messages or prompt; answer), hub id, 'addition', or
    reasoning-gym:TASK,...?OPTION=VALUE&...; an organism needs none"""
    arms: tuple[str, ...] = tuple(ARMS)
    """which arms, in this order"""
    seeds: int = 3
    """runs of each arm"""
    steps: int = 240
    """optimiser steps of an arm; two or three times as many where the optimum is far from the base model"""
    prompts: int = 96
    """prompts of the forecast and of every evaluation, held out from training but with --same-prompts"""
    samples: int = 64
    """base responses to each held-out prompt"""
    eval_samples: int = 16
    """responses to each held-out prompt after a run"""
    processes: int = 0
    """runs at once; 0: one for each CPU core with an organism, else one after the other"""
    same_prompts: bool = False
    """train on the very prompts of the forecast: whether runs reach their optimum, apart from what carries over"""
    share_prefixes: bool = False
    """as of llm.train and llm.sample"""
    lora_rank: int = 0
    """as of llm.train, for all arms"""
    forecast_only: bool = False
    """end before the first run: base rollouts, the forecast of every arm that has one, and the baselines beside it"""
    quick: bool = False
    """one seed, 10 steps, few samples: to see the whole path in minutes"""
    output_dir: Path = Path("runs/compare")
    """folder of the comparison"""
    overwrite: bool = False
    """replace the comparison that --output-dir holds"""

    def __post_init__(self):
        super().__post_init__()
        for name in ("seeds", "steps", "prompts", "samples", "eval_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        for name in ("processes", "lora_rank"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 0, got {getattr(self, name)}")
        unknown = [arm for arm in self.arms if arm not in ARMS]
        if unknown or not self.arms:
            raise ValueError(f"--arms {unknown[0] if unknown else ''} is not an arm; choose from {', '.join(ARMS)}")
