"""What made a result: versions, machine, and the commit of this code where that can be known."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy", "jax", "diffrax", "torch", "transformers", "trl", "mpmath", "arviz-stats")
ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, Any]:
    """Versions, commit and machine: what a reader needs to run it again."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        **code_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def code_version(root: Path = ROOT) -> dict[str, Any]:
    """commit, and dirty: whether tracked files differ from it. Both are None where the code is in no repository.

    A copy that was installed into somebody's project lies inside that project's repository, whose commit says nothing
    about this code: only a work tree whose top is the code's own folder, and that tracks it, counts.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    own = top is not None and Path(top).resolve() == root
    commit = _git(root, "rev-parse", "HEAD") if own and _git(root, "ls-files", "harness/environment.py") else None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
