"""Reasoning Gym's own rows and verdicts; it runs in the process of llm.gym.worker alone.

A verifier that evaluates its answer as Python would run what a model wrote. Which do was found by reading the sources
of one version, so that only this version is taken, and tests/llm/gym reads them again.
"""

import contextlib
import dataclasses
import difflib
import importlib
import random
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from llm.gym.spec import LIBRARY, GymSpec, version

READ = "0.1.25"  # the version whose verifiers were read
_INSTALL = "pip install 'sharpening[gym]' brings all of it"
_EVALUATES = "its verifier evaluates what the model writes as Python, which may do anything"
REFUSED = {
    **dict.fromkeys(("binary_matrix", "n_queens", "spiral_matrix", "string_insertion"), _EVALUATES),
    **dict.fromkeys(
        ("countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"),
        "its verifier reads answers with sympy's parse_expr, which evaluates them as Python and may do anything",
    ),
    "complex_arithmetic": "its verifier calls the answer nan right",
    "game_of_life_halting": "its verifier calls every answer right",
    "composite": "it is a mixture; name the tasks themselves, with commas between them",
}


class Tasks:
    """The tasks of a spec: their rows, all made at once, and the verdicts on answers to them."""

    def __init__(self, spec: GymSpec):
        """ValueError, one sentence: what is not there, is refused, or cannot make its rows."""
        _check_version()
        known = _registered()
        for name in spec.tasks:
            _check_task(name, known)
        sets = {name: _made(name, known, spec, options) for name, options in spec.tasks.items()}
        self.rows = [
            (name, made, _row(name, made, i, spec.seed)) for name, made in sets.items() for i in range(len(made))
        ]

    def described(self) -> list[dict[str, Any]]:
        """The rows as the other process gets them. An answer is None where the library names none: many are right."""
        return [
            {"task": name, "row": number % len(made), "problem": entry["question"], "answer": entry["answer"]}
            for number, (name, made, entry) in enumerate(self.rows)
        ]

    def try_out(self, number: int, answer: Any) -> None:
        """Have a verifier load what it needs; the library's own answer is no news."""
        with contextlib.suppress(Exception):
            self.verdict(number, answer)

    def verdict(self, number: int, answer: str | None) -> tuple[float, str | None]:
        """(reward, why it is no verdict of the library's). ValueError and whatever else a verifier raises."""
        _, made, entry = self.rows[number]
        if answer is not None and _is_nan(answer) and not _is_nan(str(entry["answer"])):
            return 0.0, None  # number_sorting calls NaN right: no distance to it is too large
        reward = float(made.score_answer(answer, entry))
        if not 0 <= reward <= 1:
            return 0.0, f"it said {reward}, which is not in [0, 1]"
        return reward, None


def _is_nan(text: str) -> bool:
    return re.search(r"(?<![^\W_])nan(?![^\W_])", text, re.IGNORECASE) is not None


def _registered() -> Mapping[str, Any]:
    """Task -> (class, config) of the library."""
    try:
        return importlib.import_module("reasoning_gym.factory").DATASETS
    except ImportError as error:
        raise ValueError(f"{LIBRARY} cannot be loaded ({short(error)}); {_INSTALL}") from None


def _check_version() -> None:
    found = version()
    if found is None:
        raise ValueError(f"it needs {LIBRARY}, which is not installed; {_INSTALL}")
    if found != READ:
        raise ValueError(
            f"{LIBRARY} {found} is installed, and only the verifiers of {READ} are known not to evaluate what a model "
            f"writes; pip install {LIBRARY}=={READ}"
        )


def _check_task(name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0)
        raise ValueError(f"{LIBRARY} has no task {name}; the nearest names are {', '.join(close)}")
    if name in REFUSED:
        raise ValueError(f"the task {name} is refused: {REFUSED[name]}")


def _made(name: str, known: Mapping[str, Any], spec: GymSpec, options: Mapping[str, Any]) -> Any:
    """The library's data set of a task."""
    made, config = known[name]
    defaults = {field.name: _default(field) for field in dataclasses.fields(config)}
    own = [option for option in defaults if option not in ("seed", "size")]
    for option, value in options.items():
        if option not in own:
            near = difflib.get_close_matches(option, own, n=1)
            one = f"; for one of several tasks write TASK.{option}" if len(spec.tasks) > 1 else ""
            hint = f"did you mean {near[0]}?" if near else f"its options are {', '.join(own) or 'none'}"
            raise ValueError(f"the task {name} has no option {option}; {hint}{one}")
        if not _fits(value, defaults[option]):
            kind = type(defaults[option]).__name__
            raise ValueError(
                f"{option} of the task {name} must be of the kind {kind}, as {defaults[option]!r}, got {value!r}"
            )
    try:
        random.seed(spec.seed)
        return made(config(size=spec.size, seed=spec.seed, **options))
    except Exception as error:  # its checks are assertions and whatever the libraries below raise
        raise ValueError(f"the task {name} refuses its options ({short(error)})") from None


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _fits(value: Any, default: Any) -> bool:
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list)
    return isinstance(value, type(default))


def _row(name: str, made: Any, number: int, seed: int) -> dict[str, Any]:
    """The entry of a row. Some tasks draw from the global generators too: these are set for every row."""
    random.seed(f"{seed} {number}")
    np.random.seed([seed % 2**32, number])  # noqa: NPY002, it is the library's own
    try:
        return made[number]
    except Exception as error:
        raise ValueError(f"the task {name} cannot make its row {number} ({short(error)}); give other options") from None


def short(error: Exception) -> str:
    """An exception in one line."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return line if len(line) <= 120 else line[:117] + "..."
