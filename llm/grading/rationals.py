r"""Plain numbers: integers, decimals, e-notation, thousands, fractions of integers, mixed numbers; read exactly."""

import re
from fractions import Fraction

LARGEST_EXPONENT = 400  # of ten; longer numbers are left to be compared as formulas or as text
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_POWER = r"(?:\s*[eE]\s?([+-]?\d+)|\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{\s*([+-]?\d+)\s*\}|([+-]?\d+)))"
_NUMBER = re.compile(rf"([+-]?)\s*({_DECIMAL})(?:{_POWER})?", re.ASCII)
_TEN = re.compile(r"([+-]?)\s*10\s*\^\s*(?:\{\s*([+-]?\d+)\s*\}|([+-]?\d+))", re.ASCII)
_INTEGER = r"[+-]?\d+(?:,\d{3})*\.?"
_RATIO = re.compile(
    rf"([+-]?)\s*(?:(\d+)\s*)?\\frac\s*\{{\s*({_INTEGER})\s*\}}\s*\{{\s*({_INTEGER})\s*\}}"
    rf"|([+-]?)\s*(?:(\d+)\s+)?({_INTEGER})\s*/\s*({_INTEGER})",
    re.ASCII,
)
_REPEATING = re.compile(r"([+-]?)(\d*)\.(\d*)\\(?:overline|bar)\s*\{\s*(\d+)\s*\}", re.ASCII)
_SPELT = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_BASE = rf"(?:\{{?\s*(\d+)\s*\}}?|\{{\s*(?:\\text\s*\{{)?\s*({'|'.join(_SPELT)})\s*\}}?\s*\}})"
_BASED = re.compile(rf"(-?[\dA-F ]*\d[\dA-F ]*)_\s*{_BASE}")
_SCALE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALED = re.compile(r"(.*[\d}])\s*(?:\\text\s*\{\s*)?(thousand|million|billion|trillion)s?\s*\}?", re.DOTALL)


def rational(text: str) -> Fraction | None:
    """The value of a plain number (cleaned text); None for anything else and for a zero denominator."""
    text = text.strip()
    if not text.isascii():
        return None
    if scaled := _SCALED.fullmatch(text):
        value = rational(scaled.group(1))
        return None if value is None else value * _SCALE[scaled.group(2)]
    if number := _NUMBER.fullmatch(text):
        return _number(number)
    if ten := _TEN.fullmatch(text):
        exponent = int(ten.group(2) or ten.group(3))
        return Fraction(f"{ten.group(1)}1e{exponent}") if abs(exponent) <= LARGEST_EXPONENT else None
    if ratio := _RATIO.fullmatch(text):
        return _ratio(*(ratio.groups()[:4] if ratio.group(3) else ratio.groups()[4:]))
    if repeating := _REPEATING.fullmatch(text):
        sign, whole, fixed, period = repeating.groups()
        value = int(whole + fixed or 0) + Fraction(int(period), 10 ** len(period) - 1)
        return (-1 if sign == "-" else 1) * value / 10 ** len(fixed)
    return None


def based(text: str) -> tuple[str, str] | None:
    r"""(digits, base) of 12_8, 12_{8} and 12_{\text{eight}}; None for anything else."""
    number = _BASED.fullmatch(text.strip())
    if number is None:
        return None
    base = number[2] or number[3]
    return number[1].replace(" ", ""), str(_SPELT.index(base) + 2 if base in _SPELT else base)


def decimal_step(text: str) -> Fraction | None:
    """One unit in the last place of a decimal of at least six significant digits; None for any other text."""
    number = _NUMBER.fullmatch(text.strip())
    if number is None or "." not in number.group(2):
        return None
    digits = number.group(2).replace(",", "").replace(" ", "")
    if len(digits.replace(".", "").lstrip("0")) < 6:
        return None
    exponent = int(next((part for part in number.group(3, 4, 5) if part), 0))
    if abs(exponent) > LARGEST_EXPONENT:
        return None
    return Fraction(10) ** (exponent - len(digits.partition(".")[2]))


def _number(number: re.Match[str]) -> Fraction | None:
    exponent = int(next((part for part in number.group(3, 4, 5) if part), 0))
    if abs(exponent) > LARGEST_EXPONENT:
        return None
    mantissa = number.group(2).replace(",", "").replace(" ", "")
    return Fraction(number.group(1) + mantissa.rstrip(".")) * Fraction(10) ** exponent


def _ratio(sign: str, whole: str | None, numerator: str, denominator: str) -> Fraction | None:
    """whole + numerator/denominator; a mixed number has a proper sign-free fraction: 2 \\frac{-1}{2} is no number."""
    top, bottom = (int(part.replace(",", "").rstrip(".")) for part in (numerator, denominator))
    if not bottom or (whole and not 0 < top < bottom):
        return None
    return (-1 if sign == "-" else 1) * (int(whole or 0) + Fraction(top, bottom))
