"""The normal form of a boxed answer: what writes the same answer in the same notation has the same form.

It is deliberately shallow (typography, units, plain numbers), so that it is instant and safe on any text; equality of
formulas is math-verify's business. Answers vote by it, and two answers of one form need no further comparison.
"""

import functools
import re
from fractions import Fraction

MAX_ANSWER_CHARACTERS = 300  # longer boxes are wrong by fiat: no answer is that long, and parsers choke on them

_BRACES = re.compile(r"\\boxed\{|\\.|[{}]", re.DOTALL)  # an escaped brace is text
_SPACING = re.compile(r"\\(?:left|right|displaystyle|[!,;: ])(?![a-zA-Z])|[\s~$]")
_ENDING = re.compile(r"(?:\\\\|[.,;:])+$")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_BARE_FRACTION = re.compile(r"\\frac(\d)(\d)")
_DEGREES = re.compile(r"\^(?:\\circ|\{\\circ\})(?![a-zA-Z])")
_WORDS = r"\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{([^{}\\]*)\}"
_ONLY_WORDS = re.compile(_WORDS)
_UNIT = re.compile(rf"([\d.,}}])\s*(?:\\ )?\s*{_WORDS}$")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_RATIO = re.compile(r"([+-]?)\\frac\{([+-]?\d+)\}\{(\d+)\}|([+-]?)(\d+)/(\d+)")


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


@functools.lru_cache(maxsize=100_000)  # answers repeat far more than responses
def normal_form(answer: str) -> str:
    """A string that is equal for answers that differ only in spacing, \\dfrac for \\frac, a final full stop, \\text{}
    around words or a unit behind a number, degrees, thousands separators, or the way a rational number is written.
    """
    text = _ENDING.sub("", answer.strip().strip("$").strip())
    if words := _ONLY_WORDS.fullmatch(text):
        text = words.group(1)
    text = _UNIT.sub(r"\1", text)
    text = _DEGREES.sub("", _FRACTION.sub(r"\\frac", _SPACING.sub("", text.replace(r"\$", ""))))
    text = _ENDING.sub("", _BARE_FRACTION.sub(r"\\frac{\1}{\2}", text))
    if _THOUSANDS.fullmatch(text):
        text = text.replace("{,}", "").replace(",", "")
    value = _rational(text)
    return text if value is None else str(value)


def _rational(text: str) -> Fraction | None:
    """The value of a plain decimal or fraction of integers; None for anything else, and for a zero denominator."""
    if not text.isascii():
        return None
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    ratio = _RATIO.fullmatch(text)
    if ratio is None:
        return None
    sign, numerator, denominator = ratio.group(1, 2, 3) if ratio.group(2) else ratio.group(4, 5, 6)
    if not int(denominator):
        return None
    return Fraction(int(f"{sign}1") * int(numerator), int(denominator))
