"""Whose folder is it: a run of ours, and of which command, or somebody's files, which no command may touch.

environment.json is the mark. It names the command that began the run and, once the run has ended, when it did and what
it wrote. Runs that are older than the mark are told by the keys of environment.json and by what else they hold.
"""

import fnmatch
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from harness.run_kind import TOYS, kind_of

MARK = "environment.json"
HIDDEN = (".lock", ".replaced", ".*.part*", ".DS_Store")  # of the harness, or of a file browser
# What commands write at the top of a run folder; the list for a run that could not write its own.
WRITTEN = {
    *(MARK, "config.json", "metrics.jsonl", "validation.jsonl", "summary.json", "forecast.json", "evaluation.json"),
    *("evaluation.csv", "report.txt", "curves.png", "plane.png", "training.png", "stability.png", *TOYS),
    *(f"{name}.parquet" for name in ("base", "final", "best", "rollouts", "results", "following")),
    *(f"{name}.png" for name in TOYS.values()),
    *("base", "runs", "logs", "parts", "model", "checkpoints"),
    # a model folder of llm.pretrain or llm.lookalike
    *("pretrain.json", "lookalike.json", "README.md", "model.safetensors", "generation_config.json", "tokenizer.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
}
# Work that takes long to do again: a run that holds it is gone on with, or replaced on request only.
WORK = ("checkpoints/checkpoint-*", "parts/*.parquet", "base/parts/*.parquet", "runs/*/*/config.json")


class Held(NamedTuple):
    """What a run folder holds. command is None where a run older than the mark does not tell."""

    command: str | None
    finished: bool
    strangers: tuple[str, ...]
    """names at its top that no command wrote"""


def held(folder: Path) -> Held | None:
    """What the folder holds; None where it is not there or empty. ValueError: it holds something that is no run."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--output-dir {folder} is a file; name a folder")
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    names = sorted(name for name in names if not _matches(name, HIDDEN))
    if not names:
        return None
    mark = read_mark(folder)
    command, finished = _kind(folder)
    if mark is None and command != "llm.pretrain":
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise ValueError(
            f"--output-dir {folder} holds files that are no run of this project ({shown}); name another folder, or a "
            "new one inside it"
        )
    mark = mark or {}
    own = set(mark.get("files") or ()) or WRITTEN
    strangers = tuple(name for name in names if name not in own)
    return Held(mark.get("command", command), finished or bool(mark.get("finished")), strangers)


def has_work(folder: Path) -> bool:
    """Whether an unfinished run has anything to go on from."""
    return any(True for pattern in WORK for _ in folder.glob(pattern))


def read_mark(folder: Path) -> dict[str, Any] | None:
    """The content of environment.json, if it is one of ours."""
    try:
        content = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or not {"python", "platform", "cpus", "commit", "libraries"} <= content.keys():
        return None
    return content if "command" in content or (folder / "config.json").exists() else None


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not _matches(path.name, HIDDEN))


def _kind(folder: Path) -> tuple[str | None, bool]:
    """(command, whether it is finished), by the files that a run leaves at its end."""
    card = folder / "README.md"
    if (folder / "model.safetensors").exists() and card.exists():
        if card.read_text(encoding="utf-8", errors="replace").startswith(("# The `aligned` org", "# The `misaligned`")):
            return "llm.pretrain", True
    try:
        kind = kind_of(folder)
    except (ValueError, OSError):
        return None, False
    if kind == "llm.compare":
        return kind, (folder / "results.parquet").exists()
    return (None if kind == "toysims" else kind), True


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
