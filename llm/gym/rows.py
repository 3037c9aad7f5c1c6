"""The rows of a Reasoning Gym data set and the verdicts on answers to them, asked of a process of their own."""

import atexit
import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import Any

from llm.grading.pool import Worker
from llm.gym.spec import LIBRARY, read

SCRIPT = Path(__file__).with_name("worker.py")
MAKING_SECONDS = 1800.0  # for all rows together; most tasks make a thousand a second, the slowest one or two
# Some tasks go through sets in an order that differs from process to process, unless hashes are the same.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
STOPPED = "it took too long, or too much memory"


class GymRows:
    """What the library made, and its verifiers."""

    def __init__(self, dataset: str):
        """ValueError, one sentence: a task or an option that there is not, or that is refused."""
        spec = json.dumps(dataclasses.asdict(read(dataset)))
        self._worker = Worker(SCRIPT, [spec], MAKING_SECONDS, ENVIRONMENT)
        atexit.register(self._worker.close)
        said = self._worker.first_words()
        if isinstance(said, dict):
            raise ValueError(said["error"])
        self.rows: list[dict[str, Any]] = said
        self._told: set[tuple[str, str]] = set()

    def reward(self, number: int, answer: str | None) -> float:
        """The verifier's, of an answer as it stands between the tags (None: there were none); 0 where it has none.

        Why it has none is said on stderr, once for every task and reason.
        """
        reward, reason = self._worker.ask(number, answer) or (0.0, STOPPED)
        task = self.rows[number]["task"]
        if reason and (task, reason) not in self._told:
            self._told.add((task, reason))
            print(
                f"{LIBRARY}: the verifier of {task} has no verdict on an answer ({reason}); it counts as wrong",
                file=sys.stderr,
            )
        return reward


@functools.cache
def gym_rows(dataset: str) -> GymRows:
    """The same rows and one process for all that ask in this one."""
    return GymRows(dataset)
