"""The core installation is enough for theory, the forecast and the evaluation; what needs more says so in one line."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.extras import EXTRAS

ROOT = Path(__file__).parents[1]
# Runs a module as `python -m` would, in a process that cannot find the libraries of the extras.
WITHOUT_EXTRAS = """
import runpy, sys
heavy = {heavy!r}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in heavy:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = {arguments!r}
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
HEAVY = sorted(library for libraries in EXTRAS.values() for library in libraries if library != "yaml")


def without_extras(*arguments) -> subprocess.CompletedProcess:
    code = WITHOUT_EXTRAS.format(heavy=HEAVY, arguments=list(map(str, arguments)))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.fixture
def rollouts(tmp_path):
    generator = np.random.default_rng(0)
    reward = generator.integers(0, 2, 480)
    table = pd.DataFrame(
        {
            "prompt_id": np.repeat(np.arange(30), 16).astype(str),
            "sample": np.tile(np.arange(16), 30),
            "response": [rf"number {i}: \boxed{{{r}}}" for i, r in enumerate(reward)],
            "answer": "1",
            "reward": reward.astype(float),
            "log_p": -20 - 2 * generator.random(480),
            "length": generator.integers(5, 30, 480),
            "finished": True,
        }
    )
    table.to_parquet(tmp_path / "rollouts.parquet")
    return tmp_path / "rollouts.parquet"


def test_the_atlas_needs_the_core_only():
    done = without_extras("theory.atlas", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


@pytest.mark.parametrize(("command", "file"), [("llm.forecast", "forecast.json"), ("llm.evaluate", "evaluation.json")])
def test_forecast_and_evaluate_need_the_core_only(command, file, rollouts, tmp_path):
    done = without_extras(command, rollouts, "--output-dir", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / file).exists()


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("llm.train", "llm"),
        ("llm.sample", "llm"),
        ("llm.score", "llm"),
        ("llm.compare", "llm"),
        ("toysims.sharpening", "toysims"),
        ("toysims.noise", "toysims"),
    ],
)
def test_a_command_that_needs_an_extra_says_which_in_one_line(command, extra, tmp_path):
    given = ("nowhere.jsonl", "--model", "aligned") if command == "llm.score" else ()
    done = without_extras(command, *given, "--output-dir", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: this command needs ") and done.stderr.count("\n") == 1
    assert f"pip install 'sharpening[{extra}]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_extras_of_the_package_are_those_that_the_commands_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(requirements):
        return {re.split(r"[>=\[]", requirement)[0].replace("-", "_") for requirement in requirements}

    core, declared = names(project["dependencies"]), project["optional-dependencies"]
    for extra, libraries in EXTRAS.items():
        assert names(declared[extra]) == {"pyyaml" if name == "yaml" else name for name in libraries}
        assert not core & set(libraries)
