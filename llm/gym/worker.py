"""A process that makes Reasoning Gym's rows and judges answers to them, and may die of it; see llm.grading.worker.

Called with the JSON of a GymSpec; its first words are the rows, or {"error": sentence}. A request is [number, row,
answer], its verdict [reward, reason], null where the verifier was ended by force.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# They evaluate text of their own rows, never an answer.
EVALUATES_ITS_ROW = ("bitwise_arithmetic", "number_sorting")
FORBIDDEN = ("subprocess.", "socket.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename")


class Guard:
    """What verifiers may not do, whatever was overlooked in their sources; an audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.task: str | None = None
        """whose verifier is at work"""
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.task is None:
            return
        evaluates = event == "exec" and arguments[0].co_filename.startswith("<string")
        if event.startswith(FORBIDDEN) or (evaluates and self.task not in EVALUATES_ITS_ROW):
            raise PermissionError(f"the verifier of {self.task} wanted to do what no verifier may ({event})")


def prepare() -> tuple[Callable[..., Any], Any]:
    from llm.gym.spec import GymSpec
    from llm.gym.tasks import Tasks, short

    warnings.simplefilter("ignore")  # what is wrong with an answer is nobody's concern but the verifier's
    try:
        tasks = Tasks(GymSpec(**json.loads(sys.argv[1])))
    except ValueError as error:
        return lambda *_: None, {"error": str(error)}
    for number, (_, _, entry) in enumerate(tasks.rows):  # all that a verdict loads is loaded before the first question
        if number == 0 or tasks.rows[number - 1][0] != tasks.rows[number][0]:
            tasks.try_out(number, entry["answer"])
    guard = Guard()

    def decide(number: int, answer: str | None) -> tuple[float, str | None]:
        guard.task = tasks.rows[number][0]
        try:
            return tasks.verdict(number, answer)
        except Exception as error:  # the verifier's own, of an answer that it cannot read
            return 0.0, short(error)
        finally:
            guard.task = None

    return decide, tasks.described()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where this package lies, installed or not
    from llm.grading.worker import supervise

    try:
        supervise(prepare)
    except BrokenPipeError:
        sys.exit(0)  # nobody waits for the verdict any more
