"""The normal form of a boxed answer: what writes the same answer in the same notation has the same form.

It is deliberately shallow (typography, units, plain numbers), so that it is instant and safe on any text; equality of
formulas is math-verify's business. Answers vote by it, and two answers of one form need no further comparison.
"""

import functools
import re
from fractions import Fraction

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
