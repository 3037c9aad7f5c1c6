"""python -m llm.sample: responses of a model, with their log-probabilities and rewards."""

import sys
from dataclasses import dataclass
from pathlib import Path

from theory.command import one_line_errors, parse

METHODS = ("base",)
ENGINES = ("transformers", "vllm")


@dataclass(frozen=True)
class SampleConfig:
    """Sample responses, score and grade them, and write rollouts.parquet. Started again, it goes on where it was."""

    model: str = "aligned"
    """bundled organism (aligned, misaligned), folder or hub id"""
    dataset: str | None = None
    """JSONL or Parquet file with columns problem and answer, hub id, or 'addition'; an organism needs none"""
    split: str = "train"
    """split of a hub dataset"""
    prompts: int = 128
    """how many problems: the ones that llm.train --eval-prompts holds out; 0 for all"""
    samples: int = 64
    """responses to each problem"""
    max_new_tokens: int | None = None
    """length limit in tokens; the default is 32 for an organism and 1536 otherwise"""
    method: str = "base"
    """base: the model itself at temperature 1"""
    engine: str = "transformers"
    """what generates: transformers, or vllm where it is installed (scores always come from transformers)"""
    batch_size: int = 512
    """responses in one forward pass"""
    seed: int = 0
    """seed of the samples"""
    output_dir: Path = Path("runs/sample")
    """run folder"""
    overwrite: bool = False
    """replace what --output-dir holds"""

    def __post_init__(self):
        for name, least in (("prompts", 0), ("samples", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise ValueError(f"--max-new-tokens must be at least 1, got {self.max_new_tokens}")
        if self.method not in METHODS:
            raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {self.method}")
        if self.engine not in ENGINES:
            raise ValueError(f"--engine must be one of {', '.join(ENGINES)}, got {self.engine}")


def main(arguments: list[str] | None = None) -> None:
    config = parse(SampleConfig, "llm.sample", arguments)
    with one_line_errors():
        from llm.sampling import sample  # torch loads only now, so that --help answers at once

        try:
            print(f"wrote {sample(config)}")
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from here", file=sys.stderr)
            raise SystemExit(130) from None


if __name__ == "__main__":
    main()
