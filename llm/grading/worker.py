"""A process that compares answers by math-verify and may die of it; llm.grading.pool starts it as a script.

A request and its verdict are a JSON line each: [number, answer, gold] on stdin, [number, true | false | null] on
stdout, null where the comparison was ended by force. Two processes share the work, so that a dead one is replaced
within milliseconds:

    supervisor  loads math-verify and forks a reader; when the reader is killed it answers null and forks the next
    reader      answers requests; the kernel kills it where a comparison takes too long

The reader is limited in CPU seconds a comparison (SIGPROF: a busy machine changes no verdict), in wall seconds
(SIGALRM, for what waits without working), in address space, and may write no file. The text of a model is parsed as
LaTeX and never evaluated as Python (math-verify's parser of plain expressions does that; it is not used).
"""

import json
import logging
import mmap
import os
import resource
import signal
import sys
from collections.abc import Callable

CPU_SECONDS = 0.5
WALL_SECONDS = 10.0
MEMORY_BYTES = 2**30


def equal(answer: str, gold: str) -> bool:
    """math-verify's verdict, without its own time limits: they are exceptions, which what they end can swallow."""
    from math_verify import LatexExtractionConfig, parse, verify

    # fallback "no_fallback" keeps math-verify from comparing leftovers of text that it could not parse.
    parsed_gold, parsed_answer = (
        parse(rf"$\boxed{{{text}}}$", [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None)
        for text in (gold, answer)
    )
    return bool(parsed_gold and parsed_answer and verify(parsed_gold, parsed_answer, timeout_seconds=None))


def read(requests, note: Callable[[int], None]) -> None:
    """The reader: answer requests until there are no more. note(number) says which one is being worked on, 0 none."""
    for limit, amount in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (amount, amount))
    for name in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(name, signal.SIG_DFL)  # the default action ends the process, whatever it is doing
    while line := requests.readline():
        number, answer, gold = json.loads(line)
        note(number)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        try:
            verdict = equal(answer, gold)
        except Exception:  # whatever a hostile text makes the parser raise, it is not a right answer
            verdict = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        reply(number, verdict)
        note(0)


def reply(number: int, verdict: bool | None) -> None:
    os.write(1, json.dumps([number, verdict]).encode() + b"\n")


def supervise() -> None:
    """Keep a reader alive until stdin ends, which it does when the process that asks has closed it or died."""
    # The signals of a terminal or a cluster are for that process; its end is seen in stdin.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)  # math-verify reports every text it cannot parse; here that is no news
    equal("1", "2")  # what is loaded and compiled now, no reader has to load again
    # Readers share stdin, so none may read ahead of the request it works on.
    requests = open(0, "rb", buffering=0, closefd=False)
    current = mmap.mmap(-1, 8)  # memory that supervisor and reader share: the number of the request in work

    def note(number: int) -> None:
        current[:] = number.to_bytes(8, "little")

    while True:
        reader = os.fork()
        if reader == 0:
            read(requests, note)
            os._exit(0)
        _, status = os.waitpid(reader, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        if number := int.from_bytes(current[:], "little"):
            reply(number, None)
            note(0)


if __name__ == "__main__":
    try:
        supervise()
    except BrokenPipeError:
        sys.exit(0)  # nobody waits for the verdict any more
