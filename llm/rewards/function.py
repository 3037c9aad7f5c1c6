"""`module:function`: the user's own, with TRL's signature: (prompts, completions, **columns) -> a float a response.

prompts and completions are what TRL hands over: texts, or for a chat model lists of turns; columns are those of the
data, answer among them. Any value in [0, 1] will do. It runs with the rights of whoever runs the command. What it
wants to be asked below every problem stands in its attribute `instruction`; without one nothing is.
"""

import importlib
import math
import sys
from collections.abc import Callable
from typing import Any

from llm.rewards.reward import Reward, RewardFault


class Function(Reward):
    needs_answer = False
    tells_answers = False

    def __init__(self, name: str):
        self.name = name
        self._function = _imported(name)
        self.instruction = getattr(self._function, "instruction", "")
        if not isinstance(self.instruction, str):
            raise ValueError(f"--reward {name}: its attribute instruction is {_kind(self.instruction)}; make it a text")

    def answer(self, response):
        return None

    def scores(self, responses, problems, finished, form):
        values = self._values(responses, problems, form)
        return [value if done else 0.0 for value, done in zip(values, finished, strict=True)]

    def try_out(self, problems, form):
        few = list(problems[:2])
        self._values([problem.answer for problem in few], few, form)

    def _values(self, responses, problems, form) -> list[float]:
        prompts = [form.prompt(problem) for problem in problems]
        completions = [
            text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
            for prompt, text in zip(prompts, responses, strict=True)
        ]
        rows = [{**problem.columns, "answer": problem.answer} for problem in problems]
        names = {column for row in rows for column in row} - {"prompts", "completions", "prompt", "completion"}
        columns = {column: [row.get(column) for row in rows] for column in sorted(names)}
        return self._called(prompts, completions, columns, problems)

    def _called(self, prompts, completions, columns, problems) -> list[float]:
        try:
            values = self._function(prompts=prompts, completions=completions, **columns)
        except Exception as error:  # the user's code may raise anything
            row, raised = self._first_that_raises(prompts, completions, columns, error)
            where = "on all rows together" if row is None else _row(row, problems)
            raise RewardFault(f"--reward {self.name} raised {_short(raised)} {where}; fix it") from None
        listed = _listed(values)
        if listed is None:
            raise RewardFault(
                f"--reward {self.name} returned {_kind(values)}; it must return a list, a float a response"
            )
        if len(listed) != len(completions):
            raise RewardFault(f"--reward {self.name} returned {len(listed)} values for {len(completions)} responses")
        return [self._checked(value, row, problems) for row, value in enumerate(listed)]

    def _first_that_raises(self, prompts, completions, columns, error) -> tuple[int | None, Exception]:
        for row in range(len(prompts)):
            one = {name: [values[row]] for name, values in columns.items()}
            try:
                self._function(prompts=[prompts[row]], completions=[completions[row]], **one)
            except Exception as raised:
                return row, raised
        return None, error

    def _checked(self, value: Any, row: int, problems) -> float:
        try:
            number = float(value)
        except Exception:  # the user's value may be anything
            number = math.nan
        if not 0 <= number <= 1:
            shown = " ".join((repr(value) if isinstance(value, str) else str(value)).split())[:40]
            raise RewardFault(f"--reward {self.name} returned {shown} {_row(row, problems)}; a reward is in [0, 1]")
        return number


def _listed(values: Any) -> list[Any] | None:
    """The values as a list; None for what has no order or cannot be gone through, as a lone number in an array."""
    if isinstance(values, str | dict | set):
        return None
    try:
        return list(values)
    except TypeError:
        return None


def _row(row: int, problems) -> str:
    return f"for row {row + 1} (prompt {problems[row].prompt_id})"


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _short(error: Exception) -> str:
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return line if len(line) <= 120 else line[:117] + "..."


def _imported(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # the folder that the command is run in, as python -m has it
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # the user's module may raise anything
        raise ValueError(f"--reward {name} cannot be imported ({_short(error)}); run from its folder") from None
    if not callable(found):
        raise ValueError(f"--reward {name} is {_kind(found)}, not a function")
    return found
