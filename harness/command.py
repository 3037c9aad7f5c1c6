"""The door of every command: a wrong argument or file ends with exit code 2 and one line."""

import contextlib
import difflib
import io
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from harness.extras import missing_extra

Config = TypeVar("Config")


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors that a user can mend become one line on stderr and exit code 2; bugs keep their traceback."""
    try:
        yield
    except (ValueError, OSError) as error:
        # OSError(2, "No such file") has its path in .filename, and str() shows all three.
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        raise SystemExit(2) from None
    except ModuleNotFoundError as error:
        message = missing_extra(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2) from None


def parse(config: Callable[..., Config], prog: str, arguments: Sequence[str] | None = None, **options: Any) -> Config:
    """Read the command line into a frozen config; tyro's boxed error becomes one line.

    options go to tyro.cli: default=..., return_unknown_args=True (which returns a pair).
    """
    import tyro

    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(config, prog=f"python -m {prog}", args=arguments, **options)
    except SystemExit as stop:
        if stop.code == 2:
            message = _message_in_box(boxed.getvalue())
            print(f"error: {message} (see python -m {prog} --help)", file=sys.stderr)
        raise


def _message_in_box(text: str) -> str:
    """The sentences between the title of tyro's box and the next rule; the box is drawn as the terminal allows."""
    lines = [line.strip("│| ").strip() for line in text.splitlines()[1:]]
    blocks = itertools.groupby(lines, key=lambda line: re.fullmatch(r"[─╭╮╰╯+-]*", line) is None)
    message = next((" ".join(block) for is_text, block in blocks if is_text), "the command line could not be read")
    return re.sub(r"^Error parsing \w*Config: ", "", message)  # our own sentence says it all


def did_you_mean(flag: str, known: Iterable[str]) -> str:
    """The end of a message, "; did you mean --learning_rate?", or "" where no known flag is spelt alike.

    The known flags are named as they are suggested, without dashes before them; - and _ count as one letter.
    """
    by_spelling = {name.replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(flag.lstrip("-").replace("-", "_"), by_spelling, n=1, cutoff=0.7)
    return f"; did you mean --{by_spelling[near[0]]}?" if near else ""
