"""Is the boxed answer of a response right? math-verify decides; this module only finds the box and keeps it safe.

The answer is looked for in the response alone (a prompt may hold boxes of its own). Text of a model is data: it is
parsed by math-verify, never evaluated as code.
"""

import functools
import logging
import re

MAX_ANSWER_CHARACTERS = 300  # longer boxes are wrong by fiat: no answer is that long, and parsers choke on them

_BRACES = re.compile(r"\\boxed\{|\\.|[{}]", re.DOTALL)  # an escaped brace is text

# math-verify reports every text it cannot parse; a wrong answer is not news here.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)


def boxed_answer(response: str) -> str | None:
    """What stands in the last complete \\boxed{...} of the response, braces balanced; None if there is none."""
    open_braces, last_start, answer = [], -1, None
    # One pass with a stack, so that a megabyte of braces costs no more than a megabyte of letters.
    for brace in _BRACES.finditer(response):
        if brace.group() == "}":
            start, is_box = open_braces.pop() if open_braces else (-1, False)
            if is_box and start > last_start:
                last_start, answer = start, response[start : brace.start()].strip()
        elif not brace.group().startswith("\\") or brace.group() == r"\boxed{":
            open_braces.append((brace.end(), brace.group() != "{"))
    return answer


@functools.lru_cache(maxsize=100_000)
def same_answer(answer: str, gold: str) -> bool:
    """Are two answers mathematically equal? Equal strings are; for anything else math-verify decides."""
    if answer.strip() == gold.strip():
        return True
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return False
    from math_verify import parse, verify

    # fallback "no_fallback" keeps math-verify from comparing leftovers of text that it could not parse.
    parsed_gold, parsed_answer = (
        parse(rf"$\boxed{{{text}}}$", fallback_mode="no_fallback", parsing_timeout=2) for text in (gold, answer)
    )
    return bool(parsed_gold and parsed_answer and verify(parsed_gold, parsed_answer, timeout_seconds=2))


def grade(response: str, gold: str, finished: bool = True) -> float:
    """1.0 if the response is complete and its boxed answer equals the gold one, else 0.0.

    A response that was cut off is not scored as if it were complete, even when a box stands in it.
    """
    answer = boxed_answer(response) if finished else None
    return float(answer is not None and same_answer(answer, gold))
