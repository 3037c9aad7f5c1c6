"""What a kind of reward says of a response: the answer that it gives, and what it is worth, in [0, 1].

A response that was cut off is worth 0 and gives no answer, whatever the kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable  # annotations are checked while the tests run
class Problem(Protocol):
    """What a reward reads of a problem (llm.problems)."""

    @property
    def prompt_id(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def columns(self) -> Mapping[str, Any]: ...
    @property
    def verify(self) -> Callable[[str | None], float] | None: ...


@runtime_checkable
class Form(Protocol):
    """How a problem is put to the model (llm.prompts.form)."""

    def prompt(self, problem: Any) -> str | list[dict[str, str]]: ...


class RewardFault(ValueError):
    """A reward could not be told of a response; in a run that has begun, what was done before is kept."""


class Reward(ABC):
    """A kind of reward. Its answers are what responses vote for."""

    name: str
    """as --reward has it"""
    instruction = ""
    """what a chat model is asked below a problem, so that its answer stands where this kind looks; "": nothing"""
    boxes = False
    """answers are formulas in boxes, graded and counted as such"""
    needs_answer = True
    """every problem needs a gold answer"""
    tells_answers = True
    """it can tell which answer a response gives"""

    def gold(self, answer: str) -> str:
        """The gold answer in what the data has for it. ValueError, a sentence of its own: there is none."""
        return answer.strip()

    @abstractmethod
    def answer(self, response: str) -> str | None:
        """The answer that a complete response gives; None: it gives none."""

    def vote(self, response: str, finished: bool) -> str | None:
        """What a response votes for (majority voting, maj@k)."""
        return self.answer(response) if finished else None

    def scores(
        self, responses: Sequence[str], problems: Sequence[Problem], finished: Sequence[bool], form: Form
    ) -> list[float]:
        """One reward a response: here 1 where its answer is the gold one, else 0."""
        rows = zip(responses, problems, finished, strict=True)
        return [float(done and self.answer(text) == self.gold(problem.answer)) for text, problem, done in rows]

    def try_out(self, problems: Sequence[Problem], form: Form) -> None:
        """ValueError where it cannot work on these problems: found before anything is written."""
        for problem in problems:
            self.gold(problem.answer)


def after_thinking(response: str) -> str | None:
    """What follows the last </think>; None where the thinking never ended."""
    _, ended, rest = response.rpartition("</think>")
    return rest if ended or "<think>" not in response else None
