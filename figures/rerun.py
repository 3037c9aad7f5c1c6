"""The command that made a run folder, from its config.json."""

import shlex
from typing import Any

from figures.kinds import Folder, read_json
from figures.markup import element, text

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
    made = read_json(folder.path / "environment.json") if (folder.path / "environment.json").exists() else {}
    versions = ", ".join(f"{name} {version}" for name, version in (made.get("libraries") or {}).items() if version)
    return element("p", text(folder.name)) + element(
        "div",
        element("pre", text(command(folder.kind, read_json(folder.path / "config.json")))),
        element("p", text(f"commit {made.get('commit') or 'unknown'}, Python {made.get('python')}, {versions}")),
    )
