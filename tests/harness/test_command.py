from dataclasses import dataclass

import pytest

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
