"""The command that made a run folder, from its config.json."""

import shlex
from typing import Any

from figures.page.markup import element, text
from figures.study.words import UNKNOWN
from harness.run_kind import Folder, read_json

POSITIONAL = {"llm.forecast": "rollouts", "llm.evaluate": "rollouts"}
# Where the folder goes is the next user's own choice; --config holds nothing that is not in the other settings.
LEFT_OUT = ("output_dir", "overwrite", "resume", "config")


def command(kind: str, config: dict[str, Any]) -> str:
    """python -m KIND with every setting that is not null, quoted for a shell."""
    positional, options, passed_on = [], [], []
    for name, value in config.items():
        if value is None or value == [] or name in LEFT_OUT:
            continue
        values = [str(item) for item in (value if isinstance(value, list) else [value])]
        if name == POSITIONAL.get(kind):
            positional = values
        elif name == "trl":  # words as they were typed; the object that llm.train keeps is what they came to mean
            passed_on = values if isinstance(value, list) else []
        elif isinstance(value, bool):
            options.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
        else:
            options += [f"--{name.replace('_', '-')}", *values]
    return shlex.join(["python", "-m", kind, *positional, *options, *passed_on])


def rerun(folder: Folder) -> str:
    """The command, and the commit and versions that it ran with."""
    if folder.kind == "benchmarks.samplers":
        file = folder.path / "samplers.json" if folder.path.is_dir() else folder.path
        return _shown(folder.name, "python benchmarks/samplers.py", read_json(file).get("environment") or {})
    made = read_json(folder.path / "environment.json") if (folder.path / "environment.json").exists() else {}
    return _shown(folder.name, command(folder.kind, read_json(folder.path / "config.json")), made)


def _shown(name: str, typed: str, made: dict[str, Any]) -> str:
    libraries = [f"{library} {version}" for library, version in (made.get("libraries") or {}).items() if version]
    commit, python = (made.get(part) or UNKNOWN for part in ("commit", "python"))
    return element("p", text(name)) + element(
        "div",
        element("pre", text(typed)),
        element("p", text(", ".join([f"commit {commit}", f"Python {python}", *libraries]))),
    )
