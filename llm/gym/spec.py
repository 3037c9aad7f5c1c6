"""--dataset reasoning-gym:TASK,TASK?OPTION=VALUE&...: which tasks, with which options of theirs, how many rows."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

PREFIX = "reasoning-gym:"
LIBRARY = "reasoning-gym"
SIZE, SEED = 500, 0  # as the library has them; without a seed it would draw other rows in every process


@dataclass(frozen=True)
class GymSpec:
    """What was asked for."""

    tasks: Mapping[str, Mapping[str, Any]]
    """task -> its options"""
    size: int
    """rows of every task"""
    seed: int


def is_gym(dataset: object) -> bool:
    return isinstance(dataset, str) and dataset.startswith(PREFIX)


def read(dataset: str) -> GymSpec:
    """A value is JSON or else a text; task.option=value is for one of several tasks. ValueError: it cannot be read."""
    names, _, query = dataset.removeprefix(PREFIX).partition("?")
    tasks: dict[str, dict[str, Any]] = {}
    for name in names.split(","):
        if not re.fullmatch(r"\w+", name):
            raise ValueError(f"{name!r} is no task's name; write {PREFIX}TASK,TASK?OPTION=VALUE&OPTION=VALUE")
        if name in tasks:
            raise ValueError(f"the task {name} stands there twice; name it once")
        tasks[name] = {}
    shared: dict[str, Any] = {}
    for part in re.split(r"&(?=[\w.]+=)", query) if query else ():
        option, equals, value = part.partition("=")
        task, dot, own = option.rpartition(".")
        if not equals or not re.fullmatch(r"(\w+\.)?\w+", option):
            raise ValueError(f"{part!r} is no option; write OPTION=VALUE, and & between two of them")
        if dot and task not in tasks:
            raise ValueError(f"{option} is an option of the task {task}, which is not asked for; the tasks are {names}")
        into = tasks[task] if dot else shared
        if own in into:
            raise ValueError(f"the option {option} stands there twice; give it once")
        into[own] = _value(value)
    size, seed = _whole("size", shared.pop("size", SIZE), 1), _whole("seed", shared.pop("seed", SEED), 0)
    return GymSpec({task: {**shared, **own} for task, own in tasks.items()}, size, seed)


def facts(dataset: str | None) -> dict[str, Any]:
    """For environment.json: the library's version, tasks, options, size and seed; nothing of any other data."""
    if not is_gym(dataset):
        return {}
    return {"dataset": {"library": LIBRARY, "version": version(), **asdict(read(str(dataset)))}}


def described(dataset: str) -> str:
    """A data set in the words of a model card."""
    if not is_gym(dataset):
        return dataset
    spec = read(dataset)
    return f"{dataset} ({LIBRARY} {version()}, {spec.size} rows a task, seed {spec.seed})"


def version() -> str | None:
    """Of the library that is installed."""
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        return None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return value
