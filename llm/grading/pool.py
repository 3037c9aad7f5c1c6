"""A few grading processes and a queue for them: many answers are compared at once, and none can hang or end the run."""

import atexit
import functools
import itertools
import json
import os
import queue
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from llm.grading.worker import WALL_SECONDS

SCRIPT = Path(__file__).with_name("worker.py")
START_SECONDS = 60.0  # loading and warming take a second or less; only a broken installation takes longer


class Worker:
    """One grading process, asked one thing at a time and started again when it does not answer."""

    def __init__(
        self,
        script: Path | None = None,
        arguments: Sequence[str] = (),
        start_seconds: float = START_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        # -P: the folder of the script is no place to import from.
        self._command = [sys.executable, "-P", str(script or SCRIPT), *arguments]
        self._start_seconds = start_seconds
        self._environment = {**os.environ, **(environment or {})}
        self._numbers = itertools.count(1)
        self._start()

    def _start(self) -> None:
        # A process of its own, started and not forked, has neither the threads nor the memory of this one. In a
        # process group of its own: Ctrl-C is for the process that asks, whose end this one sees.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
            env=self._environment,
        )
        self._first_line = b""

    def same(self, answer: str, gold: str) -> bool:
        return bool(self.ask(answer, gold))

    def ask(self, *question: Any) -> Any:
        """What the process says to it; None where it had to be stopped."""
        number = next(self._numbers)
        self.first_words()
        try:
            self._requests.write(json.dumps([number, *question]).encode() + b"\n")
            while line := self._line(2 * WALL_SECONDS):
                replied, verdict = json.loads(line)
                if replied == number:
                    return verdict
        except BrokenPipeError:
            pass  # it died between two requests
        self.close()
        self._start()
        return None

    def first_words(self) -> Any:
        """What it says when it is ready.

        A grader that cannot start grades nothing; to call every answer wrong instead would be silent.
        """
        if not self._first_line:
            self._first_line = self._line(self._start_seconds)
        if not self._first_line:
            self.close()
            raise RuntimeError(f"the grading process did not start; run {' '.join(self._command)} to see why")
        return json.loads(self._first_line)[1]

    def _line(self, seconds: float) -> bytes:
        """The next line of the process; b"" where it ended or said nothing for so long."""
        return self._replies.readline() if select.select([self._replies], [], [], seconds)[0] else b""

    @property
    def _requests(self) -> IO[bytes]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _replies(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    def close(self) -> None:
        self._requests.close()  # the worker ends when it sees this
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()


class Pool:
    """Workers started when they are first needed, at most `size` of them."""

    def __init__(self, size: int):
        self.size = size
        self._workers: list[Worker] = []
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()

    def same(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """For each (answer, gold): are they equal? False where the comparison had to be stopped."""
        while len(self._workers) < min(self.size, len(pairs)):
            self._workers.append(Worker())
            self._idle.put(self._workers[-1])
        if len(pairs) == 1:
            return [self._ask(pairs[0])]
        with ThreadPoolExecutor(max(1, len(self._workers))) as threads:  # threads only wait for processes
            return list(threads.map(self._ask, pairs))

    def _ask(self, pair: tuple[str, str]) -> bool:
        worker = self._idle.get()
        try:
            return worker.same(*pair)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self._workers, self._idle = [], queue.SimpleQueue()


@functools.cache
def shared_pool() -> Pool:
    """The pool of this process. Several training processes on one machine share its cores."""
    pool = Pool(size=max(1, min(8, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))))
    atexit.register(pool.close)
    return pool
