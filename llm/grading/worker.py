"""A process that compares answers and may die of it; llm.grading.pool starts it as a script.

A request and its verdict are a JSON line each: [number, answer, gold] on stdin, [number, true | false | null] on
stdout, null where the comparison was ended by force. Two processes share the work, so that a dead one is replaced
within milliseconds (llm.gym.worker has its own question answered in the same way):

    supervisor  loads the grader, compares one pair of every kind (WARMING) and forks a reader; when the reader is
                killed it answers null and forks the next
    reader      answers requests; the kernel kills it where a comparison takes too long

The reader is limited in CPU seconds a comparison (SIGPROF: a busy machine changes no verdict), in wall seconds
(SIGALRM, for what waits without working), in address space, and may write no file. The text of a model is parsed as
LaTeX and never evaluated as Python. A verdict is a function of the pair alone: nothing that one comparison leaves
behind (caches, loaded code) decides another, and the first of a kind costs hardly more than the next.
"""

import json
import mmap
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

CPU_SECONDS = 2.0  # the slowest comparison of public gold answers takes a tenth of a second
WALL_SECONDS = 10.0
MEMORY_BYTES = 2**30


# One pair of every kind, so that what Python and mpmath load and compute once is loaded before the first question.
WARMING = (
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\sin^2 x + \cos^2 x", "1 + 0x"),
    (r"\ln(ab)", r"\ln a+\ln b"),
    (r"\{1, x\}", r"\{x, 1+0\}"),
    (r"(1, \sqrt{4})", "(1, 2)"),
    (r"[0, \infty)", r"x \ge 0"),
    ("y = 2x", "2y - 4x = 0"),
    ("x < 1", "-x > -1"),
    (r"\begin{pmatrix} 1 & \pi \end{pmatrix}", r"\begin{pmatrix} 1 & 2\pi/2 \end{pmatrix}"),
    (r"\int_0^1 x\,dx", r"\int_0^1 x \cdot dx"),
    (r"\sum_{k=1}^{9} k^2", "285"),
    (r"\arcsin\frac{1}{2}+\arctan 1", r"\frac{5\pi}{12}"),
    (r"20! \cdot \binom{n}{2}", r"20!\frac{n(n-1)}{2}"),
    (r"e^{i\pi}", "-1"),
    (r"\log_2 8", "3"),
    (r"\sqrt{17}", "4.123105625617661"),
    (r"|x|+\lfloor y\rfloor", r"\lfloor y\rfloor+|x|"),
    (r"\cosh x", r"\frac{e^x+e^{-x}}{2}"),
    (r"n! + \tan 2n", r"\tan 2n + n!"),
    (r"1 \pm \sqrt{5}", r"1+\sqrt5, 1-\sqrt5"),
)


def read(requests: IO[bytes], note: Callable[[int], None], decide: Callable[..., Any]) -> None:
    """The reader: answer requests until there are no more. note(number) says which one is being worked on, 0 none."""
    for limit, amount in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (amount, amount))
    for name in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(name, signal.SIG_DFL)  # the default action ends the process, whatever it is doing
    while line := requests.readline():
        number, *question = json.loads(line)
        note(number)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        try:
            verdict = decide(*question)
        except Exception:  # whatever a hostile text makes the reader raise, it is not a right answer
            verdict = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        reply(number, verdict)
        note(0)


def reply(number: int, verdict: Any) -> None:
    left = json.dumps([number, verdict]).encode() + b"\n"
    while left:
        left = left[os.write(1, left) :]


def supervise(prepare: Callable[[], tuple[Callable[..., Any], Any]]) -> None:
    """Keep a reader alive until stdin ends, which it does when the process that asks has closed it or died.

    prepare() loads and gives (what answers a question, the first words to the process that asks).
    """
    # The signals of a terminal or a cluster are for that process; its end is seen in stdin.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    decide, first_words = prepare()
    reply(0, first_words)  # ready
    # Readers share stdin, so none may read ahead of the request it works on.
    requests = open(0, "rb", buffering=0, closefd=False)
    current = mmap.mmap(-1, 8)  # memory that supervisor and reader share: the number of the request in work

    def note(number: int) -> None:
        current[:] = number.to_bytes(8, "little")

    while True:
        reader = os.fork()
        if reader == 0:
            read(requests, note, decide)
            os._exit(0)
        _, status = os.waitpid(reader, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        if number := int.from_bytes(current[:], "little"):
            reply(number, None)
            note(0)


def warm() -> tuple[Callable[[str, str], bool], None]:
    """The comparison, with all loaded that it ever needs."""
    from llm.grading.equality import equal

    for answer, gold in WARMING:
        equal(answer, gold)
    return equal, None


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where this package lies, installed or not
    try:
        supervise(warm)
    except BrokenPipeError:
        sys.exit(0)  # nobody waits for the verdict any more
