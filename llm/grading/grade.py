"""Is the boxed answer of a response right? Text, words and plain numbers at once, formulas in a process apart.

The answer is looked for in the response alone (a prompt may hold boxes of its own). Text of a model is data: it is read
by llm.grading.formulas in a process of its own (llm.grading.pool), never evaluated as code.
"""

from collections.abc import Sequence

from llm.grading.answers import MAX_ANSWER_CHARACTERS
from llm.grading.boxes import boxed_answer
from llm.grading.equality import at_once

REMEMBERED = 100_000  # verdicts kept (about): a run asks the same questions again and again

_verdicts: dict[tuple[str, str], bool] = {}


def same_answers(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """For each (answer, gold): do they say the same?"""
    if len(_verdicts) > REMEMBERED:
        _verdicts.clear()
    known = {pair: _without_worker(*pair) for pair in pairs}
    asked = [pair for pair, verdict in known.items() if verdict is None and pair not in _verdicts]
    if asked:
        from llm.grading.pool import shared_pool

        _verdicts.update(zip(asked, shared_pool().same(asked), strict=True))
    return [_verdicts[pair] if (verdict := known[pair]) is None else verdict for pair in pairs]


def same_answer(answer: str, gold: str) -> bool:
    return same_answers([(answer, gold)])[0]


def _without_worker(answer: str, gold: str) -> bool | None:
    """The verdict where it needs no formula; None where it does."""
    if answer.strip() == gold.strip():
        return bool(answer.strip())
    if max(len(answer), len(gold)) > MAX_ANSWER_CHARACTERS:
        return False
    return at_once(answer, gold)


def grade_all(responses: Sequence[str], golds: Sequence[str], finished: Sequence[bool]) -> list[float]:
    """1.0 where a response is complete and its boxed answer equals the gold one, else 0.0; compared in parallel.

    A response that was cut off is not scored as if it were complete, even when a box stands in it.
    """
    answers = [boxed_answer(response) if done else None for response, done in zip(responses, finished, strict=True)]
    boxed = [(answer, gold) for answer, gold in zip(answers, golds, strict=True) if answer is not None]
    correct = iter(same_answers(boxed))
    return [float(answer is not None and next(correct)) for answer in answers]


def grade(response: str, gold: str, finished: bool = True) -> float:
    """grade_all of one response."""
    return grade_all([response], [gold], [finished])[0]
