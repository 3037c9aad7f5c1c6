"""What stands below a command in the README is what the command prints, and every command there exists."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)
QUICK = {"python -m llm.forecast demo"}  # the others take minutes


def shown() -> dict[str, list[str]]:
    """Command -> the lines below it, for every command with a prompt sign."""
    found: dict[str, list[str]] = {}
    for block in BLOCKS:
        lines: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                lines = found.setdefault(line.removeprefix("$ "), [])
            else:
                lines.append(line)
    return found


def said(line: str) -> str:
    """Without the time in the name of a new folder."""
    return re.sub(r"(wrote runs/\w+-)[\d…-]+$", r"\1", line)


def test_quick_commands_are_shown_with_what_they_print():
    assert set(shown()) >= QUICK and all(len(lines) >= 3 for lines in shown().values())


@pytest.mark.parametrize("command", sorted(QUICK))
def test_a_command_prints_what_stands_below_it(command, tmp_path):
    program = [sys.executable, *command.split()[1:]]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    printed = done.stdout.rstrip("\n").splitlines()
    assert [said(line) for line in printed] == [said(line) for line in shown()[command]]


@pytest.mark.parametrize(
    "file", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.stem != "log")]
)
def test_every_command_that_is_named_is_a_module(file):
    modules = set(
        re.findall(
            r"python -m ((?:llm|theory|toysims|figures|harness|benchmarks)\.[\w.]*\w)", (ROOT / file).read_text()
        )
    )
    assert [name for name in sorted(modules) if importlib.util.find_spec(name) is None] == []
