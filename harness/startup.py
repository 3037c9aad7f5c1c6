"""What must hold before a command's own code runs: that our packages are ours, and that Ctrl-C is one line.

A project folder may hold a package of its own named llm or figures, and so may the Python environment; which of two
packages is imported is then decided by the order of sys.path. A half of ours and a half of theirs ends in an error that
says nothing, so it is said at once.
"""

import importlib.util
import os
import sys
from pathlib import Path

PACKAGES = ("harness", "theory", "toysims", "llm", "figures")


def start() -> None:
    """Called as a command is imported; does nothing where Python was not asked to run one of our modules."""
    if is_command():
        install()


def install() -> None:
    """Ctrl-C ends this process with one line; exit code 2 where a package of ours is not the one that Python finds."""
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    if message := shadowed():
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2)


def is_command() -> bool:
    """Whether this process was started as `python -m` one of our modules, or through the console script."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.partition(".")[0] in PACKAGES


def shadowed() -> str | None:
    """One sentence where a package that is imported under one of our names is not the one beside this file."""
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


def interrupted(stop: BaseException) -> SystemExit:
    """Say what is kept, as the reservation of the run folder has noted it, and end with 130."""
    print("interrupted; " + "; ".join(getattr(stop, "__notes__", ["nothing was written"])), file=sys.stderr, flush=True)
    return SystemExit(130)


def _uncaught(kind, error, trace) -> None:
    """Ctrl-C outside main(), such as while the command is still being imported."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    interrupted(error)
    os._exit(130)  # Python would end itself by the signal, which is no exit code


def _unraisable(about) -> None:
    """Ctrl-C in a finaliser, where Python would print a traceback and go on as if nothing had been asked."""
    if about.exc_type is not None and issubclass(about.exc_type, KeyboardInterrupt):
        _uncaught(about.exc_type, about.exc_value or KeyboardInterrupt(), about.exc_traceback)
    else:
        sys.__unraisablehook__(about)
