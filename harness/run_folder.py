"""A run folder: config.json, environment.json, metrics.jsonl, summary.json, tables and figures beside them.

Every file is plain, and is written to a temporary name and renamed, so that a killed run leaves no half file;
metrics.jsonl grows by one flushed line a step, so that an interrupted run can still be read.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one move. Dataclasses become objects; nan and infinities become null."""
    write(path, lambda part: part.write_text(json.dumps(plain(content), indent=2, allow_nan=False) + "\n"))


def write(path: Path, save: Callable[[Path], Any]) -> None:
    """Call save on a temporary name of the same ending beside path, then rename."""
    part = path.with_name(f".{path.stem}.part-{os.getpid()}{path.suffix}")  # two processes may write beside each other
    try:
        save(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def append_metrics(output_dir: Path, row: Mapping[str, Any], name: str = "metrics.jsonl") -> None:
    with (output_dir / name).open("a") as file:
        file.write(json.dumps(plain(row), allow_nan=False) + "\n")


def read_metrics(output_dir: Path) -> Iterator[dict[str, Any]]:
    with (output_dir / "metrics.jsonl").open() as file:
        yield from (json.loads(line) for line in file if line.endswith("\n"))


def plain(value: Any) -> Any:
    """What JSON can hold: dataclasses become objects, arrays lists, paths text, nan and infinities null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and jax arrays and scalars
        return plain(value.tolist())
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
