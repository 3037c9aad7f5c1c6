"""The door of every command: a wrong argument or file ends with 2 and one line, Ctrl-C with 130 and one line."""

import contextlib
import dataclasses
import difflib
import io
import itertools
import os
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness import startup
from harness.extras import missing_extra

Config = TypeVar("Config")


@contextlib.contextmanager
def one_line_errors(config: Any = None) -> Iterator[None]:
    """Errors that a user can fix become one line on stderr and exit code 2; bugs keep their traceback.

    config: what the command was asked, to name the argument that a file belongs to.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has gone, as `head` does: there is nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(128 + 13) from None  # as if it had been ended by SIGPIPE
    except KeyboardInterrupt:
        raise startup.interrupted() from None
    except (ValueError, OSError, MemoryError) as error:
        print("error: " + " ".join(_sentence(error, config).split()), file=sys.stderr)
        raise SystemExit(2) from None
    except ModuleNotFoundError as error:
        message = missing_extra(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2) from None


def parse_known(
    config: Callable[..., Config], prog: str, arguments: Sequence[str] | None = None
) -> tuple[Config, list[str]]:
    """(the config, the arguments that are none of its options), as parse() reads it."""
    return parse(config, prog, arguments, return_unknown_args=True)  # type: ignore[return-value]  # tyro gives a pair


def parse(config: Callable[..., Config], prog: str, arguments: Sequence[str] | None = None, **options: Any) -> Config:
    """Read the command line into a frozen config; tyro's boxed error becomes one line.

    options go to tyro.cli: default=...
    """
    startup.nothing_is_kept()
    boxed = io.StringIO()
    try:
        import tyro

        with contextlib.redirect_stderr(boxed):
            return tyro.cli(config, prog=f"python -m {prog}", args=arguments, **options)
    except KeyboardInterrupt:
        raise startup.interrupted() from None
    except SystemExit as stop:
        if stop.code == 2:
            message = _message_in_box(boxed.getvalue())
            message = _with_suggestion(message, options_of(config), prog)
            print(f"error: {message} (see python -m {prog} --help)", file=sys.stderr)
        raise


def options_of(config: Any) -> dict[str, str]:
    """How each field of a config dataclass is named on the command line: --output-dir, or ROLLOUTS for a positional."""
    if not dataclasses.is_dataclass(config):
        return {}
    hints = typing.get_type_hints(config if isinstance(config, type) else type(config), include_extras=True)
    return {
        name: name.upper() if "Positional" in str(hints[name]) else f"--{name.replace('_', '-')}"
        for name in (field.name for field in dataclasses.fields(config))
    }


def did_you_mean(flag: str, known: Iterable[str]) -> str:
    """The end of a message, "; did you mean --learning_rate?", or "" where no known flag is spelt alike.

    The known flags are named as they are suggested, without dashes before them.
    """
    near = nearest(flag.lstrip("-"), known)
    return f"; did you mean --{near}?" if near else ""


def nearest(typed: str, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like what was typed, or the only one that begins so; None where none is.

    - and _ count as one letter.
    """
    by_spelling = {name.replace("-", "_"): name for name in known}
    typed = typed.replace("-", "_")
    longer = [name for name in by_spelling if name.startswith(typed)]
    near = longer if len(longer) == 1 else difflib.get_close_matches(typed, by_spelling, n=1, cutoff=0.7)
    return by_spelling[near[0]] if near else None


def _message_in_box(text: str) -> str:
    """The sentences between the title of tyro's box and the next rule; the box is drawn as the terminal allows."""
    lines = [line.strip("│| ").strip() for line in text.splitlines()[1:]]
    blocks = itertools.groupby(lines, key=lambda line: re.fullmatch(r"[─╭╮╰╯+-]*", line) is None)
    message = next((" ".join(block) for is_text, block in blocks if is_text), "the command line could not be read")
    return re.sub(r"^Error parsing \w*Config: ", "", message)  # our own sentence says it all


def _with_suggestion(message: str, known: dict[str, str], prog: str) -> str:
    unknown = re.match(r"Unrecognized options: (--[^\s,]+)", message)
    if unknown is None:
        return message
    flags = [flag.removeprefix("--") for flag in known.values() if flag.startswith("--")]
    return f"{unknown[1]} is no option of {prog}{did_you_mean(unknown[1].partition('=')[0], flags)}"


def _sentence(error: Exception, config: Any) -> str:
    """What is wrong, beginning with the argument that it is about where the error itself does not know it."""
    if isinstance(error, MemoryError):
        return f"this machine has too little memory for that ({error or 'no more is known'}); ask for less"
    if isinstance(error, UnicodeDecodeError):
        files = [(flag, path) for flag, path in _files(config) if path.is_file() and not _is_text(path)]
        about = " or ".join(f"{flag} {path}" for flag, path in files) or "a file"
        return f"{about} is not UTF-8 text ({error.reason} at byte {error.start})"
    if not isinstance(error, OSError) or error.filename is None:
        return str(error)
    place, reason = Path(str(error.filename)), error.strerror or type(error).__name__
    for flag, path in _files(config):
        if place == path:
            return f"{flag} {path}: {reason}"
        if place.is_relative_to(path) or path.is_relative_to(place):
            return f"{flag} {path}: {place}: {reason}"
    return f"{place}: {reason}"


def _files(config: Any) -> Iterator[tuple[str, Path]]:
    """(option, path) of every path that the config names."""
    for name, flag in options_of(config).items():
        value = getattr(config, name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Path) or (isinstance(item, str) and name in ("model", "dataset", "eval_dataset")):
                yield flag, Path(item)


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return False
    return True
