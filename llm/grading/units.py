r"""What stands beside a number and is no part of it: units, currencies, words (5\text{ cm}^2, \$5, 5 apples, 90°)."""

import re

_WORD = r"\\text\s*\{[^{}\\]*\}\s*(?:\^\s*(?:\{\s*-?\d\s*\}|\d))?"
_BEHIND = re.compile(rf"(.*?[^\s\\])\s*((?:{_WORD}\s*(?:/|\\cdot)?\s*)+)()", re.DOTALL)
_MONEY = re.compile(r"(?:\\\$|€|£|¥|\\pounds?(?![a-z])|\\euro?(?![a-z])|\\text\s*\{\s*\\?\$?\s*\})")
_DEGREES = re.compile(r"(.*\S)\s*°\s*(?:\\text\s*\{\s*([CF])\s*\}|([CF]))?", re.DOTALL)
_NO_UNIT = set("and or if for when not mod base is no where dozen hundred with to except than plus".split())
_NO_UNIT |= set("thousand million billion trillion thousands millions billions".split())

_NAMES = """
mm millimeter millimetre; cm centimeter centimetre; m meter metre; km kilometer kilometre; in inch inche; ft foot feet;
yd yard; mi mile; mg milligram; g gram; kg kilogram; lb pound; oz ounce; s sec second; min minute; h hr hour; day; week;
month; year yr; $ dollar usd buck; cent ¢; € euro; £; ¥; yuan; rupee; mph; degree deg °; radian rad; K kelvin;
°C celsius; °F fahrenheit; L l liter litre; mL ml milliliter; gal gallon; J joule; kJ; N newton; W watt; Hz hertz
"""
_KNOWN = {name: names.split()[0] for names in _NAMES.split(";") for name in names.split()}


# 5 cm, 5cm and 5 apples, but 5xy, 5 xy and 5 ab are products: a bare word is a unit if it is known or long.
_LONG = "|".join(sorted((re.escape(name) for name in _KNOWN if len(name) > 1), key=len, reverse=True))
_BARE = re.compile(
    rf"(.*[\d}}])(?:\s*(?<![a-zA-Z\\])((?:(?:square|cubic|sq|cu)\s+)?(?:{_LONG})e?s?\.?(?:\s*\^\s*(?:\{{\d\}}|\d))?)"
    r"|\s+([a-zA-Z][a-z]{3,}(?:\s+[a-z]+)*))",
    re.DOTALL,
)


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
            value, unit = behind[1].rstrip(), re.sub(r"\\text\s*|[{}]", "", behind[2] or behind[3])
            named = set(re.findall(r"[a-zA-Z]+", unit.lower()))
            whole = value.endswith((")", "}", "]")) or value[-1:].isalnum()
            if whole and re.search(r"[\d}a-z]", value) and not re.search(r"\\text", value) and not named & _NO_UNIT:
                if not re.search(r"\d", re.sub(r"\^\s*-?\d", "", unit)) and "," not in unit:
                    return value, " ".join(unit.split())
    return text, ""


def units_differ(one: str, other: str) -> bool:
    """Whether both are known units and not the same one; words that are no unit (apples) are not compared."""
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
