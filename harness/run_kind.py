"""What kind of run a folder or file holds, told by its content alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# The table or drawing that a toy simulation leaves for its figure; the first that is found names the simulation.
TOYS = {
    "plane.json": "sharpening",
    "stability.json": "instability",
    **{
        f"{name}.parquet": name
        for name in ("heterogeneity", "length", "noise", "practice", "sweep", "tokens", "trainers", "voting")
    },
}


class Folder(NamedTuple):
    """A run folder, a name for it that no other has, and its kind: a command (llm.compare) or a simulation.

    A benchmark may be the one file that it wrote.
    """

    path: Path
    name: str
    kind: str


def folders(paths: Sequence[Path]) -> list[Folder]:
    """Each RUN with its kind. Two folders of one name get the name of the folder around them as well."""
    kinds = [kind_of(path) for path in paths]  # first, so that an error shows the path as it was typed
    kind = dict(zip((path.resolve() for path in paths), kinds, strict=True))
    paths = list(kind)
    names = [path.stem if path.is_file() else path.name for path in paths]
    named = [
        name if names.count(name) == 1 else f"{path.parent.name}-{name}-{number}"
        for number, (path, name) in enumerate(zip(paths, names, strict=True), 1)
    ]
    return [Folder(path, name, kind[path]) for path, name in zip(paths, named, strict=True)]


def kind_of(path: Path) -> str:
    """llm.compare, llm.forecast, llm.train, llm.evaluate, llm.sample, toysims.NAME or benchmarks.samplers.

    ValueError: none of them.
    """
    if (path / "samplers.json").exists() or (path.is_file() and path.suffix == ".json"):
        read_samplers(path)
        return "benchmarks.samplers"
    if not path.is_dir():
        raise ValueError(f"RUN {path} is not a folder; name the folder that a command of this project wrote")
    if (path / "forecast.json").exists():
        return "llm.compare" if "arms" in read_json(path / "forecast.json") else "llm.forecast"
    if (path / "evaluation.json").exists():
        return "llm.evaluate"
    if (path / "metrics.jsonl").exists() and (path / "final.parquet").exists():
        return "llm.train"
    if (path / "summary.json").exists():
        if "predictions" in read_json(path / "summary.json"):
            known = [name for file, name in TOYS.items() if (path / file).exists()]
            return f"toysims.{known[0]}" if known else "toysims"
        if (path / "rollouts.parquet").exists():
            return "llm.sample"
    raise ValueError(
        f"RUN {path} is not a finished run: it has no forecast.json, evaluation.json, final.parquet or summary.json "
        "of ours; name a folder of llm.compare, llm.forecast, llm.train, llm.evaluate, llm.sample or toysims"
    )


def read_samplers(path: Path) -> dict[str, list[dict]]:
    """organism -> the rows of error against cost, from samplers.json or a folder with it. ValueError: no such rows."""
    file = path / "samplers.json" if path.is_dir() else path
    parts = read_json(file).items()
    found = {name: part["error"] for name, part in parts if isinstance(part, dict) and part.get("error")}
    if not found:
        raise ValueError(f"RUN file {file} has no errors of samplers; make it with python benchmarks/samplers.py")
    return found


def read_json(path: Path) -> dict:
    """The object in a file of a run folder. ValueError: unreadable, or no object."""
    try:
        content = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"RUN file {path} is not JSON ({error}); the run may have been cut off: run it again"
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"RUN file {path} holds no JSON object; it is not of this project")
    return content
