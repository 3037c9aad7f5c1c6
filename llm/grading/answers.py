"""What a response votes for (maj@k, majority voting): the normal form of its boxed answer."""

import functools
import re

from llm.grading.boxes import boxed_answer
from llm.grading.rationals import rational
from llm.grading.structure import is_name
from llm.grading.typography import clean, spelling
from llm.grading.units import split_unit
from llm.grading.words import words

MAX_ANSWER_CHARACTERS = 300  # longer boxes are wrong by fiat: no answer is that long, and parsers choke on them


def vote(response: str, finished: bool = True) -> str | None:
    """What a response votes for: the normal form of its boxed answer. None, no vote: no box, or cut off."""
    answer = boxed_answer(response) if finished else None
    return None if answer is None else _form(answer)


def vote_for(answer: str) -> str | None:
    """What an answer that is known votes for, whether it stands in a box or not; None for an empty one."""
    text = boxed_answer(answer) or answer.strip()
    return _form(text) if text else None


def _form(answer: str) -> str:
    """Longer answers are never right, and are not worth reading: they vote as they stand."""
    return normal_form(answer) if len(answer) <= MAX_ANSWER_CHARACTERS else answer


@functools.lru_cache(maxsize=100_000)  # answers repeat far more than responses
def normal_form(answer: str) -> str:
    r"""A string that is equal for answers that differ only in typography, \text{} around words, a unit behind a number,
    a name before it (x = 5), the order of a bare list, or the way a rational number is written. It computes nothing.
    """
    text = clean(answer)
    if spoken := words(text):
        return spoken if len(spoken) == 1 else " ".join(spoken.split())
    parts = re.split(r",(?!\d{3}(?!\d))|;", text)
    if len(parts) > 1 and not re.search(r"[()\[\]{}]", text):
        return ",".join(sorted({normal_form(part) for part in parts if part.strip()}))
    name, equals, value = text.rpartition("=")
    if equals and is_name(name):
        text = value.strip()
    text = split_unit(text)[0].removesuffix("%").strip()
    value_of = rational(text)
    return spelling(text) if value_of is None else str(value_of)
