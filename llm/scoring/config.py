"""What scoring a file of responses is asked."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction

from llm.prompts.config import PromptConfig
from llm.readers.columns import parsed_columns

NOT_OF_PROMPTS = ("reward", "strict")  # options that come with those of prompts and are about answers


@dataclass(frozen=True, kw_only=True)
class ScoreConfig(PromptConfig):
    """Fill in log_p, length, finished and entropy of the responses in a file, and write rollouts.parquet.

    Prompts: what the file says that a model read, where it says so and no option of prompts is given; else the
    column prompt, put to the model as llm.sample would.
    """

    rollouts: Positional[Path]
    """any file that llm.forecast reads, with the column prompt or rendered_prompt; log_p is not needed"""
    model: str
    """bundled organism (aligned, misaligned), folder or hub id"""
    column: Annotated[tuple[str, ...], UseAppendAction] = ()
    """OURS=THEIRS: the name under which the file holds a column, such as prompt=question; may be given again"""
    answers: Path | None = None
    """table of prompt_id (or custom_id) and answer or reward, for a file that holds responses alone"""
    end: str = "eos"
    """what ended a finished response: eos (the model's own token), none, or a text such as a stop string"""
    max_new_tokens: int | None = None
    """where the file does not say what was cut off: responses of this many tokens were"""
    batch_size: int = 32
    """responses in one forward pass"""
    output_dir: Path = Path("runs/score")
    """run folder"""
    overwrite: bool = False
    """replace the table that --output-dir holds"""

    def __post_init__(self):
        super().__post_init__()
        parsed_columns(self.column)
        if self.strict:
            raise ValueError("--strict is about the answers of a dataset, and llm.score reads none; leave it out")
        for name in ("batch_size", "max_new_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")

    @property
    def asks_for_prompts(self) -> bool:
        """An option says how prompts are put to the model."""
        fields = [field for field in dataclasses.fields(PromptConfig) if field.name not in NOT_OF_PROMPTS]
        return any(getattr(self, field.name) != field.default for field in fields)
