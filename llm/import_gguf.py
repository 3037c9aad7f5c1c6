"""python -m llm.import_gguf FILE --output-dir FOLDER: a GGUF file as a model folder that every command takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harness.command import one_line_errors, parse

DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class ImportGgufConfig:
    """Write the model of a GGUF file as safetensors, with its tokenizer and chat template."""

    file: Annotated[Path, tyro.conf.Positional]
    """the .gguf file"""
    output_dir: Path
    """folder for the model"""
    dtype: str = "float32"
    """float32 or bfloat16: how the dequantised weights are stored"""

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"--dtype must be one of {', '.join(DTYPES)}, got {self.dtype}")


def main(arguments: list[str] | None = None) -> None:
    config = parse(ImportGgufConfig, "llm.import_gguf", arguments)
    with one_line_errors():
        from llm.models.gguf_file import write_model

        print(write_model(config.file, config.output_dir, config.dtype))


if __name__ == "__main__":
    main()
