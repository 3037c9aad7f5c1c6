"""python -m llm.import_gguf FILE --output-dir FOLDER: a GGUF file as a model folder that every command takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harness import run_folder
from harness.command import one_line_errors, parse
from harness.reservation import reserved

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
    overwrite: bool = False
    """replace the model that an earlier import left in --output-dir"""

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"--dtype must be one of {', '.join(DTYPES)}, got {self.dtype}")


def write_model(config: ImportGgufConfig) -> Path:
    """The model folder. Nothing is written before the model has been read and has generated."""
    import transformers

    from llm.models.gguf_file import model_card, read_head, read_model

    transformers.utils.logging.disable_progress_bar()
    with reserved("llm.import_gguf", config.output_dir, config, config.overwrite) as place:
        head = read_head(config.file)
        model, tokenizer = read_model(config.file, config.dtype)
        folder = place.begin(config, config_file="import.json")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        run_folder.write(folder / "README.md", lambda part: part.write_text(model_card(head, config.file)))
    return folder


def main(arguments: list[str] | None = None) -> None:
    config = parse(ImportGgufConfig, "llm.import_gguf", arguments)
    with one_line_errors(config):
        print(f"wrote {write_model(config)}")


if __name__ == "__main__":
    main()
