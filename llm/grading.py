"""Is the boxed answer of a response right? Its normal form or math-verify decides; this module finds the box.

The answer is looked for in the response alone (a prompt may hold boxes of its own). Text of a model is data: it is
parsed by math-verify in a process apart (llm.grading_pool), never evaluated as code.
"""

import re
from collections.abc import Sequence

from llm.answer_form import normal_form

MAX_ANSWER_CHARACTERS = 300  # longer boxes are wrong by fiat: no answer is that long, and parsers choke on them
REMEMBERED = 100_000  # verdicts kept (about): a run asks the same questions again and again

_BRACES = re.compile(r"\\boxed\{|\\.|[{}]", re.DOTALL)  # an escaped brace is text
_verdicts: dict[tuple[str, str], bool] = {}


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


def vote(response: str, finished: bool = True) -> str | None:
    """What a response votes for: the normal form of its boxed answer. None, no vote: no box, or cut off."""
    answer = boxed_answer(response) if finished else None
    # Longer boxes are never right, and are not worth reading: they vote as they stand.
    return normal_form(answer) if answer and len(answer) <= MAX_ANSWER_CHARACTERS else answer


def same_answers(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """For each (answer, gold): are they mathematically equal? Equal strings and forms are; else math-verify decides."""
    if len(_verdicts) > REMEMBERED:
        _verdicts.clear()
    known = {pair: _without_parsing(*pair) for pair in pairs}
    asked = [pair for pair, verdict in known.items() if verdict is None and pair not in _verdicts]
    if asked:
        from llm.grading_pool import shared_pool

        _verdicts.update(zip(asked, shared_pool().same(asked), strict=True))
    return [_verdicts[pair] if known[pair] is None else known[pair] for pair in pairs]


def same_answer(answer: str, gold: str) -> bool:
    return same_answers([(answer, gold)])[0]


def _without_parsing(answer: str, gold: str) -> bool | None:
    """The verdict where it needs no parser; None where it does."""
    if answer.strip() == gold.strip():
        return True
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return False
    form = normal_form(answer)
    return (form != "" and form == normal_form(gold)) or None


def grade_all(responses: Sequence[str], golds: Sequence[str], finished: Sequence[bool]) -> list[float]:
    """1.0 where a response is complete and its boxed answer equals the gold one, else 0.0; compared in parallel.

    A response that was cut off is not scored as if it were complete, even when a box stands in it.
    """
    answers = [boxed_answer(response) if done else None for response, done in zip(responses, finished, strict=True)]
    boxed = [(answer, gold) for answer, gold in zip(answers, golds, strict=True) if answer is not None]
    right = iter(same_answers(boxed))
    return [float(answer is not None and next(right)) for answer in answers]


def grade(response: str, gold: str, finished: bool = True) -> float:
    """grade_all of one response."""
    return grade_all([response], [gold], [finished])[0]
