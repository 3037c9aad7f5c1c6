"""The commit that a run folder names is that of this code, or none."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from harness import environment

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository that tracks a copy of the code at its top."""
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "environment.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "begin")
    return tmp_path


def test_the_commit_of_the_codes_own_repository(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert environment.code_version(repository) == {"commit": head, "dirty": False}
    (repository / "notes.txt").write_text("not tracked, and so not part of it")
    assert environment.code_version(repository) == {"commit": head, "dirty": False}
    (repository / "harness" / "environment.py").write_text("changed")
    assert environment.code_version(repository) == {"commit": head, "dirty": True}


def test_the_repository_around_an_installed_copy_is_not_ours(repository):
    """As where a project keeps its virtual environment inside its own repository."""
    installed = repository / ".venv" / "site-packages"
    (installed / "harness").mkdir(parents=True)
    (installed / "harness" / "environment.py").write_text("")
    assert environment.code_version(installed) == {"commit": None, "dirty": None}


def test_a_repository_that_holds_a_copy_is_not_ours(repository):
    """As where a project keeps a copy of this code among its own files, and tracks it."""
    copy = repository / "vendor"
    (copy / "harness").mkdir(parents=True)
    (copy / "harness" / "environment.py").write_text("")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "a copy")
    assert environment.code_version(copy) == {"commit": None, "dirty": None}


def test_a_repository_that_does_not_track_the_code_is_not_ours(repository):
    git(repository, "rm", "-q", "--cached", "harness/environment.py")
    assert environment.code_version(repository) == {"commit": None, "dirty": None}


def test_the_versions_of_the_libraries():
    found = environment.environment()
    assert found["libraries"]["numpy"] == np.__version__ and {"commit", "dirty", "python", "cpus"} <= found.keys()


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment.code_version(repository) == {"commit": None, "dirty": None}
