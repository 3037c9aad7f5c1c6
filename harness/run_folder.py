"""A run folder: config.json, environment.json, metrics.jsonl, summary.json, tables and figures beside them.

Every file is plain, and is written to a temporary name and renamed, so that a killed run leaves no half file;
metrics.jsonl grows by one flushed line a step, so that an interrupted run can still be read.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.environment import environment


def prepare(output_dir: Path, config: Any, overwrite: bool = False) -> Path:
    """Make the folder and write config.json and environment.json. A folder that holds a run is refused."""
    output_dir = Path(output_dir)
    if output_dir.exists() and not output_dir.is_dir():
        raise ValueError(f"--output-dir {output_dir} is a file; name a folder")
    if (output_dir / "config.json").exists():
        if not overwrite:
            raise ValueError(
                f"--output-dir {output_dir} already holds a run; name another folder, or pass --overwrite to replace it"
            )
        shutil.rmtree(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    write_json(output_dir / "config.json", config)
    write_json(output_dir / "environment.json", environment())
    return output_dir


def prepare_or_resume(output_dir: Path, config: Any, overwrite: bool = False, may_change: Sequence[str] = ()) -> Path:
    """prepare(), but a folder that was begun with the same config is gone on with. The config is kept up to date.

    may_change names the settings that may differ from what the folder was begun with; the folder's own name always may.
    """
    wanted = plain(config)
    begun = Path(output_dir) / "config.json"
    if overwrite or not begun.exists():
        return prepare(output_dir, wanted, overwrite)
    found = json.loads(begun.read_text())
    for name, value in wanted.items():
        if name not in ("overwrite", "output_dir", *may_change) and found.get(name) != value:
            raise ValueError(
                f"--output-dir {output_dir} was begun with another --{name.replace('_', '-')} ({found.get(name)}, now "
                f"{value}); name another folder, or pass --overwrite to replace it"
            )
    write_json(begun, wanted)
    return Path(output_dir)


@contextlib.contextmanager
def locked(output_dir: Path) -> Iterator[None]:
    """While inside, no other command that asks for the lock works in the folder; a killed one frees it."""
    import fcntl  # not on Windows, where the rest of this module works

    with (output_dir / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"--output-dir {output_dir} is in use by another process; wait for it, or name another folder"
            ) from None
        yield


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
