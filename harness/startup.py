"""What must hold before a command's own code runs: that our packages are ours, and that Ctrl-C is one line and 130.

A project folder may hold a package of its own named llm or figures, and so may the Python environment; which of two
packages is imported is then decided by the order of sys.path. A half of ours and a half of theirs ends in an error that
says nothing, so it is said at once.

Ctrl-C ends a command on the spot until it begins to write: the libraries that it loads are not made to be left by an
exception (some end the process with a core dump). Once there is something to keep, it is Python's KeyboardInterrupt.
"""

import atexit
import os
import signal
import sys
from collections.abc import Callable

PACKAGES = ("harness", "theory", "toysims", "llm", "figures")
_installed = False
_kept: Callable[[], str] | None = None


def start() -> None:
    """Called as a command is imported; does nothing where Python was not asked to run one of our modules."""
    if is_command():
        install()


def install() -> None:
    """Ctrl-C ends this process with one line; exit code 2 where a package of ours is not the one that Python finds."""
    global _installed
    _installed = True
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as under nohup
        signal.signal(signal.SIGINT, _stop_on_the_spot)
    # When all is done and Python tears itself down, it would be ended by the signal after all.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    if message := shadowed():
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2)


def is_command() -> bool:
    """Whether this process was started as `python -m` one of our modules, or through the console script."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.partition(".")[0] in PACKAGES


def shadowed() -> str | None:
    """One sentence where a package that is imported under one of our names is not the one beside this file."""
    import importlib.util
    from pathlib import Path

    own = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        places = [Path(place).resolve() for place in spec.submodule_search_locations or ()] if spec else []
        if own / name not in places[:1]:
            found = places[0] if places else (spec.origin if spec else "nothing")
            return (
                f"Python finds {found} under the name {name}, not {own / name}; run from another folder, or in an "
                "environment without that package"
            )
    return None


def work_begins(kept: Callable[[], str]) -> None:
    """From here on there is something to keep, and kept() says what: Ctrl-C unwinds. The first to say so speaks."""
    global _kept
    _kept = _kept or kept
    if signal.getsignal(signal.SIGINT) is _stop_on_the_spot:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def nothing_is_kept() -> None:
    """A command begins."""
    global _kept
    _kept = None


def interrupted() -> SystemExit:
    """Say what is kept, and end with 130.

    A command's process is left without teardown: threads that still compute would be waited for, or torn down beneath.
    """
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        kept = _kept() if _kept else "nothing was written"
        # A command reads its command line with stderr redirected, and a library may do so at any time.
        print(f"interrupted; {kept}", file=sys.__stderr__ if _installed else sys.stderr, flush=True)
    if _installed:
        sys.stdout.flush()
        os._exit(130)
    return SystemExit(130)


def _stop_on_the_spot(number, frame) -> None:
    interrupted()


def _uncaught(kind, error, trace) -> None:
    """Ctrl-C outside main(). Python would end itself by the signal, which is no exit code."""
    if issubclass(kind, KeyboardInterrupt):
        interrupted()
    sys.__excepthook__(kind, error, trace)


def _unraisable(about) -> None:
    """Ctrl-C in a finaliser, where Python would print a traceback and go on as if nothing had been asked."""
    if about.exc_type is not None and issubclass(about.exc_type, KeyboardInterrupt):
        interrupted()
    sys.__unraisablehook__(about)
