"""What a sampling run is asked."""

from dataclasses import dataclass
from pathlib import Path

from harness.memory import check_memory
from llm.models.head import check_head_dtype
from llm.prompts.config import PromptConfig

# The options of each method, beyond those that all have.
METHODS = {
    "base": (),
    "low-temperature": ("alpha",),
    "best-of-n": ("candidates",),
    "majority-vote": ("candidates",),
    "power-mh": ("alpha", "proposal_alpha", "chains", "burn_in", "thin"),
    "power-smc": ("alpha", "particles", "ramp"),
    "power-rollout": ("alpha", "candidates", "rollouts", "block"),
}
ENGINES = ("transformers", "vllm")


@dataclass(frozen=True)
class SampleConfig(PromptConfig):
    """Sample responses, score and grade them, and write rollouts.parquet. Started again, it goes on where it was."""

    model: str = "aligned"
    """bundled organism (aligned, misaligned), folder or hub id"""
    dataset: str | None = None
    """JSONL or Parquet file (problem, messages or prompt; answer), hub id, 'addition', or
    reasoning-gym:TASK,...?OPTION=VALUE&...; an organism needs none"""
    split: str = "train"
    """split of a hub dataset"""
    prompts: int = 128
    """how many problems: the ones that llm.train --eval-prompts holds out; 0 for all"""
    samples: int = 64
    """responses to each problem"""
    max_new_tokens: int | None = None
    """length limit in tokens; the default is 32 for an organism and 1536 otherwise"""
    method: str = "base"
    """base (the model), low-temperature, best-of-n, majority-vote; for p^alpha: power-smc, power-mh, power-rollout"""
    alpha: float | None = None
    """power on the model; temperature 1/alpha of low-temperature. The default is 4"""
    candidates: int | None = None
    """best-of-n, majority-vote: n, by default 8; power-rollout: candidates for a block, by default 8"""
    proposal_alpha: float | None = None
    """power-mh: what is proposed comes at temperature 1/this, by default (1 + alpha)/2"""
    chains: int | None = None
    """power-mh: parallel chains a prompt, by default 16"""
    burn_in: int | None = None
    """power-mh: moves before the first sample of a chain, by default 16"""
    thin: int | None = None
    """power-mh: moves between samples of a chain, by default 4"""
    particles: int | None = None
    """power-smc: particles a prompt, by default 3 for each sample"""
    ramp: int | None = None
    """power-smc: tokens over which the power rises from 1 to alpha, by default 0"""
    rollouts: int | None = None
    """power-rollout: rollouts from each candidate, by default 4"""
    block: int | None = None
    """power-rollout: tokens of a block, by default 16"""
    temperature: float = 1.0
    """always 1: the log-probabilities of a rollout are those of the model itself"""
    engine: str = "transformers"
    """what generates: transformers, or vllm where it is installed (scores always come from transformers)"""
    head_dtype: str = "float32"
    """of the logits: float32 also where the model computes in bfloat16, or model: as the rest of it"""
    batch_size: int = 512
    """responses in one forward pass"""
    share_prefixes: bool = False
    """read what responses begin with once for all of them (in sampling by --method base, and in scoring)"""
    seed: int = 0
    """seed of the samples"""
    output_dir: Path = Path("runs/sample")
    """run folder"""
    overwrite: bool = False
    """replace the rollouts that --output-dir holds"""

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("prompts", 0), ("samples", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}")
        check_memory("--samples", self.samples, 1000 * max(self.prompts, 1))
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise ValueError(f"--max-new-tokens must be at least 1, got {self.max_new_tokens}")
        if self.method not in METHODS:
            raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {self.method}")
        for name in {name for options in METHODS.values() for name in options}:
            value, flag = getattr(self, name), f"--{name.replace('_', '-')}"
            if value is None:
                continue
            if name not in METHODS[self.method]:
                users = ", ".join(method for method, options in METHODS.items() if name in options)
                raise ValueError(f"{flag} {value} is not used by --method {self.method}; it belongs to {users}")
            least = 0 if name in ("alpha", "proposal_alpha", "burn_in", "ramp") else 1
            if not least <= value < float("inf"):
                raise ValueError(f"{flag} must be finite and at least {least}, got {value}")
        if self.particles is not None and self.particles < self.samples:
            raise ValueError(
                f"--particles {self.particles} is below --samples {self.samples}; take three times as many"
            )
        if self.temperature != 1:
            raise ValueError(
                f"--temperature {self.temperature} would make the rows draws of another distribution than their log_p "
                "says; leave it at 1, or use --method low-temperature --alpha, temperature 1/alpha"
            )
        if self.engine != "transformers" and self.method != "base":
            raise ValueError(f"--engine {self.engine} serves --method base only, got {self.method}; drop --engine")
        check_head_dtype(self.head_dtype)
        if self.engine not in ENGINES:
            raise ValueError(f"--engine must be one of {', '.join(ENGINES)}, got {self.engine}")

    @property
    def method_options(self) -> dict[str, int | float]:
        """The options of --method that were given."""
        return {name: getattr(self, name) for name in METHODS[self.method] if getattr(self, name) is not None}
