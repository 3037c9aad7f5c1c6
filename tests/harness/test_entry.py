"""One name for all commands, and what it says where Python finds another package in the place of one of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import startup
from harness.entry import COMMANDS, overview, run

ROOT = Path(__file__).parents[2]


def python(*arguments, cwd=ROOT, path=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_every_command_is_listed_with_what_it_does():
    files = [file for package in startup.PACKAGES for file in (ROOT / package).rglob("*.py")]
    commands = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if "\n    main()\n" in file.read_text()
    }
    assert commands == set(COMMANDS.values())
    for line in overview().splitlines()[2:]:
        assert len(line.split()) > 4 and len(line) < 120, line


def test_a_command_is_the_module_of_its_name():
    by_name, by_module = (python("-m", *words, "--json") for words in (("sharpening", "atlas"), ("theory.atlas",)))
    assert by_name.returncode == 0 and by_name.stdout == by_module.stdout != ""
    wrong = python("-m", "sharpening", "forecast", "nowhere.parquet")
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: ROLLOUTS nowhere.parquet") and not wrong.stdout


def test_a_reader_that_has_gone_is_no_error():
    """As `head` goes once it has its lines."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    gone, end = os.pipe()
    os.close(gone)
    with open(end, "wb") as nobody:
        command = [sys.executable, "-m", "theory.atlas"]
        done = subprocess.run(command, env=environment, stdout=nobody, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_list_loads_nothing_heavy():
    code = (
        "import sys; from harness.entry import run; run(['--help']); print([m for m in sys.modules if m in sys.argv])"
    )
    heavy = ("numpy", "tyro", "jax", "torch", "llm", "theory", "toysims", "figures", "matplotlib")
    listed = python("-c", code, *heavy)
    assert "forecast" in listed.stdout and listed.stdout.splitlines()[-1] == "[]", listed.stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [("forcast", "did you mean forecast?"), ("toysims.swep", "did you mean toysims.sweep?"), ("llm.grading", "--help")],
)
def test_an_unknown_command_is_one_line_with_the_nearest(typed, said, capsys, monkeypatch):
    monkeypatch.setattr("harness.startup.install", lambda: None)  # its hooks are for a process of its own
    with pytest.raises(SystemExit) as stop:
        run([typed])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and f"{typed} is no command" in error and said in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["harness", "theory", "llm", "figures"])
def test_another_package_of_our_name_is_named_in_one_line(tmp_path, name):
    """As in a project folder with a package llm or figures of its own: `python -m` looks there first."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    commands = [["-m", "sharpening", "atlas"]]
    commands += [["-m", "theory.atlas"]] if name in ("llm", "figures") else []  # else not a line of ours is reached
    for command in commands:
        done = python(*command, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert (
            f"Python finds {tmp_path.resolve() / name} under the name {name}, not {ROOT.resolve() / name}"
            in done.stderr
        )


def test_a_folder_of_our_name_that_is_no_package_is_no_obstacle(tmp_path):
    (tmp_path / "figures").mkdir()
    assert python("-m", "theory.atlas", cwd=tmp_path).returncode == 0


def test_tests_and_libraries_are_no_command():
    """Importing the harness elsewhere installs no hook."""
    assert not startup.is_command()
    hooks = python("-c", "import sys, harness.command; print(sys.excepthook is sys.__excepthook__)")
    assert hooks.stdout.strip() == "True"
