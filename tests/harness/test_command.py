from dataclasses import dataclass
from pathlib import Path

import pytest
from tyro.conf import Positional

from harness import startup
from harness.command import did_you_mean, one_line_errors, parse


@dataclass(frozen=True)
class SomeConfig:
    """Say what it does."""

    k: int = 50
    """number of responses"""

    def __post_init__(self):
        if self.k < 2:
            raise ValueError(f"k must be at least 2, got {self.k}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--k", "abc"], "--k: invalid literal for int() with base 10: 'abc'"),
        (["--k", "1"], "error: k must be at least 2, got 1"),
        (["--kay", "3"], "--kay"),
        (["--k"], "--k"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(SomeConfig, "some.command", arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1 and said in error and "python -m some.command --help" in error


def test_a_right_argument_is_read():
    assert parse(SomeConfig, "some.command", ["--k", "7"]) == SomeConfig(7)


def test_mendable_errors_are_one_line_and_bugs_keep_their_traceback(capsys):
    with pytest.raises(SystemExit) as stop, one_line_errors():
        raise ValueError("alpha must be >= 0,\n  got -1")
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: alpha must be >= 0, got -1\n"
    with pytest.raises(TypeError), one_line_errors():
        raise TypeError("a bug")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--learning_rat", "; did you mean --learning_rate?"),
        ("--learning-rates", "; did you mean --learning_rate?"),
        ("--output_dirs", "; did you mean --output-dir?"),
        ("--warm", "; did you mean --warmup_steps?"),
        ("--weights", ""),
    ],
)
def test_a_typo_is_answered_with_the_flag_that_is_spelt_most_like_it(typed, said):
    assert did_you_mean(typed, ["learning_rate", "warmup_steps", "output-dir"]) == said


@dataclass(frozen=True)
class FileConfig:
    rollouts: Positional[Path]
    policy: Path | None = None
    model: str = "aligned"


def one_line(capsys, error: Exception, config=None) -> str:
    with pytest.raises(SystemExit) as stop, one_line_errors(config):
        raise error
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said.removeprefix("error: ").rstrip()


def test_a_file_error_names_its_option(capsys, tmp_path):
    config = FileConfig(Path("runs/a"), Path("nowhere.json"), "models/x")
    missing = FileNotFoundError(2, "No such file or directory", "nowhere.json")
    assert one_line(capsys, missing, config) == "--policy nowhere.json: No such file or directory"
    inside = PermissionError(13, "Permission denied", "runs/a/b.parquet")
    assert one_line(capsys, inside, config) == "ROLLOUTS runs/a: runs/a/b.parquet: Permission denied"
    weights = PermissionError(13, "Permission denied", "models/x/model.safetensors")
    assert one_line(capsys, weights, config).startswith("--model models/x: ")
    assert one_line(capsys, missing) == "nowhere.json: No such file or directory"
    assert one_line(capsys, OSError("hub says no"), config) == "hub says no"


def test_a_file_that_is_no_text_is_named(capsys, tmp_path):
    (tmp_path / "good.json").write_text("{}")
    (tmp_path / "bad.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(UnicodeDecodeError) as caught:
        (tmp_path / "bad.json").read_text(encoding="utf-8")
    config = FileConfig(tmp_path / "good.json", tmp_path / "bad.json")
    assert one_line(capsys, caught.value, config).startswith(f"--policy {tmp_path / 'bad.json'} is not UTF-8 text")


def test_too_little_memory_is_one_line(capsys):
    assert "too little memory" in one_line(capsys, MemoryError("Unable to allocate 7 TiB"))


def test_ctrl_c_is_one_line_with_what_is_kept(capsys):
    startup.nothing_is_kept()
    for kept in ("nothing was written", "the weights are in runs/a"):
        with pytest.raises(SystemExit) as stop, one_line_errors():
            raise KeyboardInterrupt
        assert stop.value.code == 130 and capsys.readouterr().err == f"interrupted; {kept}\n"
        startup.work_begins(lambda: "the weights are in runs/a")
        startup.work_begins(lambda: "what is inside of that")  # the first to speak says it


def test_ctrl_c_while_the_command_line_is_read(capsys, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tyro.cli", stopped)
    with pytest.raises(SystemExit) as stop:
        parse(SomeConfig, "some.command", [])
    assert stop.value.code == 130 and capsys.readouterr().err == "interrupted; nothing was written\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--modell", "3"], "--modell is no option of some.command; did you mean --model?"),
        (["--policyy=x"], "--policyy=x is no option of some.command; did you mean --policy?"),
        (["--zzz", "3"], "--zzz is no option of some.command (see"),
    ],
)
def test_an_unknown_option_is_named_with_the_nearest(typed, said, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(FileConfig, "some.command", ["x", *typed])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1
