"""How far a long loop is: a bar on a terminal; in a file or under nohup a line a minute, with the time left."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

EVERY = 60.0  # seconds between two lines in a file
Item = TypeVar("Item")


def track(items: Sequence[Item], what: str, now: Callable[[], float] = time.monotonic) -> Iterator[Item]:
    """The items, one after the other, while stderr says what is done to them and how far it is.

    What is left is by what was done so far.
    """
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        yield from progress.track(items, what, console=console)
        return
    began = said = now()
    for done, item in enumerate(items):
        if (at := now()) - said >= EVERY:
            said = at
            print(f"{what}: {done} of {len(items)}{_left(said - began, done, len(items))}", file=sys.stderr, flush=True)
        yield item
    print(f"{what}: all done in {_minutes(now() - began)}", file=sys.stderr, flush=True)


def _left(seconds: float, done: int, number: int) -> str:
    return f", about {_minutes(seconds / done * (number - done))} left" if done else ""


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
