"""Simulations are in double precision, as their commands are; and how the tests of commands run one."""

import importlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from smallest import run_smallest

jax.config.update("jax_enable_x64", True)


class Judged(NamedTuple):
    """A finished command: its exit code, its folder, and the predictions of its summary."""

    code: int
    folder: Path
    predictions: list[dict]

    @property
    def failed(self) -> set[str]:
        return {row["claim"] for row in self.predictions if not row["holds"]}


@pytest.fixture
def judge(tmp_path):
    """Run a command to its end. What judges nothing has found out nothing, so that is no test."""

    def run(name, *arguments):
        folder, code = tmp_path / "run", 0
        try:
            importlib.import_module(f"toysims.{name}").main([*arguments, "--output-dir", str(folder)])
        except SystemExit as stop:
            code = stop.code
        summary = json.loads((folder / "summary.json").read_text())
        judged = Judged(code, folder, summary["predictions"])
        assert judged.predictions, "nothing was judged"
        assert summary["agreement"] == (code == 0) == (not judged.failed)
        return judged

    return run


@pytest.fixture(scope="session")
def smallest_run(tmp_path_factory):
    """The folder of a simulation at its smallest settings, run once for all tests that look at it."""
    folders = {}

    def run(name):
        if name not in folders:
            folders[name] = run_smallest(name, tmp_path_factory.mktemp("smallest") / name)
        return folders[name]

    return run
