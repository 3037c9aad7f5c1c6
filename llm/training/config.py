"""What one training run is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llm.models.head import check_head_dtype
from llm.prompts.config import PromptConfig
from theory.vocabulary import LengthControl, Regime

if TYPE_CHECKING:
    from theory.objectives import Objective


@dataclass(frozen=True)
class TrainConfig(PromptConfig):
    """Train a language model on one objective of the (alpha, b) plane and compare it with its forecast.

    Every other option of TRL's RLOOConfig is taken as well, in TRL's own spelling (--learning_rate 1e-5,
    --num_generations 16, --save_steps 50, --use_vllm true ...).
    """

    regime: str = Regime.TASK.value
    """task, tilted, sharpening, tempered or tilted-tempered"""
    alpha: float | None = None
    """power on the base model (tempered, tilted-tempered)"""
    beta: float | None = None
    """KL weight (tilted, tilted-tempered); b = 1/beta"""
    kappa: float = 0.0
    """length exponent: the sharpening term is divided by |y|^kappa"""
    length_control: str = LengthControl.NONE.value
    """trajectory-balance, content or ignore-eos: sharpening (tempered) without its pull on length"""
    model: str = "aligned"
    """bundled organism (aligned, misaligned), folder or hub id"""
    dataset: str | None = None
    """JSONL or Parquet file (problem, messages or prompt; answer), hub id, 'addition', or
    reasoning-gym:TASK,...?OPTION=VALUE&...; an organism needs none"""
    eval_dataset: str | None = None
    """problems to evaluate on; by default some of --dataset are held out"""
    same_prompts: bool = False
    """train on the prompts that judge the run: whether it reaches its optimum there, apart from what carries over"""
    steps: int | None = None
    """optimiser steps; by default 100, with the bundled models as many as it takes to arrive: 240, 480 or 720"""
    seed: int = 0
    """seed of sampling and data order"""
    eval_prompts: int = 128
    """held-out prompts, for the base and the final evaluation and for the forecast"""
    eval_samples: int = 16
    """responses to each held-out prompt in an evaluation"""
    forecast_samples: int = 64
    """responses of the base model to each held-out prompt that the forecast reweights"""
    base: Path | None = None
    """rollouts of the base model (llm.sample) to forecast from, instead of sampling them"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""
    resume: bool = False
    """go on with the run that --output-dir holds, from its last checkpoint; start it if there is none"""
    validation_prompts: int = 0
    """training prompts set aside to choose the best checkpoint, every --save_steps; 0: none is chosen"""
    stop_on_collapse: bool = False
    """end the run when length or entropy falls below the forecast's band (it warns in any case)"""
    lora_rank: int = 0
    """train low-rank adapters of this rank instead of all weights; 0 trains all"""
    head_dtype: str = "float32"
    """of the logits: float32 also where the model computes in bfloat16, or model: as the rest of it"""
    importance_cap: float = 20.0
    """with --use_vllm a response weighs min(pi/mu, this), mu being vLLM's own policy; 0: no weights"""
    share_prefixes: bool = False
    """read what responses begin with once for all of them: on a CPU, short responses are then several times faster"""
    config: Path | None = None
    """YAML file with any of these options and of TRL's, or the name of a shipped one; the command line wins"""

    def __post_init__(self):
        super().__post_init__()
        if self.steps is None:
            object.__setattr__(self, "steps", self.usual_steps())
        for name in ("steps", "eval_prompts", "eval_samples", "forecast_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        for name in ("validation_prompts", "lora_rank"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 0, got {getattr(self, name)}")
        if self.same_prompts and (self.validation_prompts or self.eval_dataset):
            other = "--validation-prompts" if self.validation_prompts else "--eval-dataset"
            raise ValueError(f"--same-prompts trains on the prompts that judge and leaves none for {other}; drop one")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"--seed must be between 0 and {2**31 - 1}, got {self.seed}")
        check_head_dtype(self.head_dtype)
        if not (self.importance_cap == 0 or 1 <= self.importance_cap < float("inf")):
            raise ValueError(f"--importance-cap must be 0 (no weights) or finite and >= 1, got {self.importance_cap}")
        if self.resume and self.overwrite:
            raise ValueError("--resume goes on with a run and --overwrite replaces it; give one of them")
        if self.resume and self.output_dir is None:
            raise ValueError("--resume needs --output-dir, the folder of the run to go on with")
        objective = self.objective
        if not 0 <= self.kappa < float("inf"):
            raise ValueError(f"--kappa must be finite and >= 0, got {self.kappa}")
        if self.kappa and objective.reference_weight == objective.entropy_weight:
            raise ValueError(f"--kappa {self.kappa} is not used by regime {self.regime}, which does not sharpen")
        if self.length_control not in tuple(LengthControl):
            raise ValueError(f"--length-control must be one of {', '.join(LengthControl)}, got {self.length_control}")
        if self.length_control != LengthControl.NONE and (self.regime != Regime.TEMPERED or self.kappa):
            raise ValueError(
                f"--length-control {self.length_control} belongs to --regime tempered with --kappa 0, got "
                f"{self.regime} and {self.kappa:g}"
            )

    def usual_steps(self) -> int:
        """Steps after which the bundled models had arrived (docs/study.md), more where the optimum is farther away.

        For a model of one's own nobody knows.
        """
        from llm.models.organisms import ORGANISMS  # --help does without numpy
        from llm.problems import BUNDLED

        if self.model not in ORGANISMS and self.dataset != BUNDLED:
            return 100
        objective = self.objective
        if objective.entropy_weight == 0:
            return 720 if objective.reference_weight else 240  # sharpening without end; the task alone
        power, b = objective.target
        if abs(power - 1) > 0.25 or b > 2:
            return 720
        return 480 if power != 1 or b >= 1 else 240

    @property
    def objective(self) -> "Objective":
        """The regime's weights of E[r], E[log p] and H."""
        from theory.objectives import regime  # --help does without numpy

        return regime(self.regime, alpha=self.alpha, beta=self.beta)
