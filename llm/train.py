"""python -m llm.train: run one objective on a language model with TRL's RLOO, beside the forecast of where it ends."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from harness.command import did_you_mean, one_line_errors, parse_known
from llm.training.config import TrainConfig
from llm.training.option_lists import NAMES, check_options

OPTIONS = {field.name for field in dataclasses.fields(TrainConfig)}
# Where the configurations lie: beside the packages in a checkout, under the environment when a wheel was installed.
SHIPPED = (Path(__file__).parents[1] / "configs", Path(sys.prefix) / "share" / "sharpening" / "configs")

OUT_OF_MEMORY = (
    "the GPU is out of memory; three knobs help: a smaller --per_device_train_batch_size (and as much larger "
    "--gradient_accumulation_steps), a smaller --max_completion_length, --lora-rank 64 in place of all weights"
)


def read_command_line(arguments: list[str] | None = None) -> tuple[TrainConfig, list[str]]:
    """(our config, the arguments left for TRL). What --config holds is read as if it stood before the command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", nargs="?")  # without a file, parse() says what is wrong
    named = finder.parse_known_args(arguments)[0].config
    with one_line_errors():
        from_file = _arguments_in(config_file(named)) if named else []
    config, trl_arguments = parse_known(TrainConfig, "llm.train", [*from_file, *arguments])
    with one_line_errors():
        check_options(trl_arguments, OPTIONS, [config.regime])
    return config, trl_arguments


def config_file(named: str) -> Path:
    """A path as it stands; the name of a shipped configuration (qwen2.5-3b-instruct) as the path of its file."""
    if "/" in named or Path(named).suffix == ".yaml" or Path(named).exists():
        return Path(named)
    shipped = {file.stem: file for place in SHIPPED for file in sorted(place.glob("*.yaml"))}
    if named not in shipped:
        raise ValueError(f"--config {named} is no file, and no configuration of ours: {', '.join(sorted(shipped))}")
    return shipped[named]


def _arguments_in(path: Path) -> list[str]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
    except UnicodeDecodeError as error:
        raise ValueError(f"--config {path} is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ValueError(f"--config {path}: {error.strerror}; name a YAML file") from None
    except yaml.YAMLError as error:
        raise ValueError(f"--config {path} is not valid YAML ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"--config {path} must hold options by name, got {type(content).__name__}")
    arguments = []
    for name, value in content.items():
        known = str(name).replace("-", "_")
        if known not in (OPTIONS | NAMES) - {"config"}:
            raise ValueError(f"--config {path}: unknown option {name}{did_you_mean(known, OPTIONS | NAMES)}")
        option = name.replace("_", "-")
        if option in ("overwrite", "resume", "stop-on-collapse", "chat", "strict", "share-prefixes"):
            arguments += [f"--{option}" if value else f"--no-{option}"]
        elif isinstance(value, dict):
            arguments += [f"--{name}", json.dumps(value)]
        elif value is not None:
            arguments += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return arguments


def main() -> None:
    config, trl_arguments = read_command_line()
    with one_line_errors(config):
        import warnings

        # TRL 1.16 still asks transformers for is_gradient_checkpointing under its old name.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        from llm.training.interruption import RunStopped
        from llm.training.run import run  # torch and TRL load only now, so that --help answers at once

        try:
            print(f"wrote {run(config, trl_arguments)}")
        except RunStopped as stopped:
            print(stopped)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            raise ValueError(OUT_OF_MEMORY) from None


if __name__ == "__main__":
    main()
