r"""What stands beside a number without being part of it: units, currencies, words (5\text{ cm}^2, \$5, 5 apples, 90°)."""

import re

_WORD = r"\\text\s*\{[^{}\\]*\}\s*(?:\^\s*(?:\{\s*-?\d\s*\}|\d))?"
_BEHIND = re.compile(rf"(.*?[^\s\\])\s*((?:{_WORD}\s*(?:/|\\cdot)?\s*)+)", re.DOTALL)
_BARE = re.compile(
    r"(.*[\d}])\s*(?<![a-zA-Z\\])((?:[a-z]{2,}|[kK][mgWJN]|[mkMG]?Hz|[mk]?[VWJLN]|[a-z]+/[a-z]+|per|[A-Z][a-z]{2,})"
    r"(?:\s+[a-z]+)*(?:\s*\^\s*(?:\{\d\}|\d))?)",
    re.DOTALL,
)
_MONEY = re.compile(r"(?:\\\$|€|£|¥|\\pounds?(?![a-z])|\\euro?(?![a-z])|\\text\s*\{\s*\\?\$?\s*\})")
_DEGREES = re.compile(r"(.*\S)\s*°\s*(?:\\text\s*\{\s*([CF])\s*\}|([CF]))?", re.DOTALL)
_NO_UNIT = {"and", "or", "if", "for", "when", "not", "mod", "base", "is", "no", "where", "dozen", "hundred", "with", "to"}
_NO_UNIT |= {"thousand", "million", "billion", "trillion", "thousands", "millions", "billions", "except", "than", "plus"}

_KNOWN = {
    name: unit
    for unit, names in {
        "mm": "mm millimeter millimetre", "cm": "cm centimeter centimetre", "m": "m meter metre", "km": "km kilometer kilometre",
        "in": "in inch inche", "ft": "ft foot feet", "yd": "yd yard", "mi": "mi mile", "g": "g gram", "kg": "kg kilogram",
        "mg": "mg milligram", "lb": "lb pound", "oz": "oz ounce", "s": "s sec second", "min": "min minute", "h": "h hr hour",
        "day": "day", "week": "week", "month": "month", "year": "year yr", "$": "$ dollar usd buck", "cent": "cent ¢",
        "€": "€ euro", "£": "£", "mph": "mph", "degree": "degree deg °", "radian": "radian rad", "K": "K kelvin",
        "°C": "°C celsius", "°F": "°F fahrenheit", "L": "L l liter litre", "mL": "mL ml milliliter", "gal": "gal gallon",
        "J": "J joule", "kJ": "kJ", "N": "N newton", "W": "W watt", "Hz": "Hz hertz", "yuan": "yuan", "rupee": "rupee",
    }.items()
    for name in names.split()
}  # fmt: skip


def split_unit(text: str) -> tuple[str, str]:
    r"""(value, unit) of a cleaned text; unit is "" where there is none: ("5", "cm^2") of 5\text{ cm}^2."""
    without_money = _MONEY.sub(" ", text).strip()
    if without_money != text and re.search(r"\d", without_money) and not re.search(r"[,;]\s", without_money):
        sign = next((mark for mark in ("€", "£", "¥") if mark in text), "$" if r"\$" in text else "")
        without_money = re.sub(r"^([+-])\s+", r"\1", without_money)
        value, words = split_unit(without_money)
        return value, sign or words
    if degrees := _DEGREES.fullmatch(text):
        if not re.search(r"\\(?:sin|cos|tan|cot|sec|csc)|°", degrees[1]):
            return degrees[1], "°" + (degrees[2] or degrees[3] or "")
    for pattern in (_BEHIND, _BARE):
        if behind := pattern.fullmatch(text):
            value, unit = behind[1].rstrip(), re.sub(r"\\text\s*|[{}]", "", behind[2])
            words = set(re.findall(r"[a-zA-Z]+", unit.lower()))
            whole = value.endswith((")", "}", "]")) or value[-1:].isalnum()
            if whole and re.search(r"[\d}a-z]", value) and not re.search(r"\\text", value) and not words & _NO_UNIT:
                if not re.search(r"\d", re.sub(r"\^\s*-?\d", "", unit)) and "," not in unit:
                    return value, " ".join(unit.split())
    return text, ""


def units_differ(one: str, other: str) -> bool:
    """Whether both are known units of measure and not the same one; words that are no unit (apples) are not compared."""
    first, second = _canonical(one), _canonical(other)
    return bool(first and second and first != second)


def _canonical(unit: str) -> str:
    power = re.search(r"\^\s*(-?\d)", unit)
    words = re.sub(r"\^\s*-?\d", "", unit).replace(".", "").split()
    degree = power[1] if power else "1"
    for name, exponent in (("square", "2"), ("sq", "2"), ("cubic", "3"), ("cu", "3")):
        if words and words[0].lower() == name:
            words, degree = words[1:], exponent
    if len(words) != 1:
        return ""
    word = words[0]
    singular = word[:-1] if len(word) > 2 and word.endswith("s") else word
    known = _KNOWN.get(word) or _KNOWN.get(word.lower()) or _KNOWN.get(singular.lower())
    return f"{known}^{degree}" if known else ""
