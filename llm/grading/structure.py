r"""What kind of thing an answer is: a list, a set, a tuple or interval, a union, a relation, or one expression.

Cleaned text is split at signs that stand outside all brackets. Expressions stay text (llm.grading.formulas reads them).
"""

import itertools
import re
from dataclasses import dataclass

OPEN, CLOSE = (
    {r"\{", "(", "[", "{", r"\langle", r"\lfloor", r"\lceil"},
    {r"\}", ")", "]", "}", r"\rangle", r"\rfloor", r"\rceil"},
)
MAX_ITEMS = 64
_TOKEN = re.compile(r"\\text\s*\{[^{}]*\}|\\(?:begin|end)\s*\{[a-z]+\*?\}|\\[a-zA-Z]+|\\.|\S|\s+", re.DOTALL)
_AND = re.compile(r"\\text\s*\{\s*,?\s*(?:and|or)\s*,?\s*\}|\\(?:lor|vee|land|wedge)")
_BARE_AND = re.compile(r"(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])")
_RELATIONS = {"=": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">=", r"\ne": "!=", r"\in": "in", r"\approx": "~"}
_GREEK = "alpha|beta|gamma|delta|epsilon|theta|lambda|mu|rho|sigma|tau|phi|psi|omega|Delta|Gamma|Omega|Sigma"
_NAME = re.compile(
    r"(?=.*[A-Z]|.*\\(?:angle|measuredangle))"
    r"(?:\\(?:frac|overline|angle|triangle|overrightarrow|measuredangle|operatorname|text|lim|min|max|mathcal|mathbb|prime"
    rf"|{_GREEK})|[A-Z]\d*|_\{{[^{{}}]*\}}|_\w|[\^:{{}}|\[\]' ])+"
)
_SHORT_NAME = re.compile(
    r"(?:\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|rho|sigma|tau|phi|psi|omega)|[a-zA-Z]|\\text\{[^{}]*\}"
    r"|\\(?:hat|bar|vec|tilde|overline|mathcal|mathbb)\{?[a-zA-Z]+\}?)"
    r"(?:_(?:\w|\{[^{}]*\})|'|\^\{?\\prime\}?|\^\{?\*\}?)*"
)
_CALL = re.compile(rf"\|?(?:{_SHORT_NAME.pattern})(?:\((?:[\w\s,+\-]|\\[a-z]+)*\)|\[[A-Z]+\])\|?")


@dataclass(frozen=True)
class Expression:
    text: str


@dataclass(frozen=True)
class Items:
    """kind: "list" (1, 2), "set" ({1, 2}) or the brackets of a tuple or interval, such as "(]"."""

    kind: str
    members: tuple["Part", ...]


@dataclass(frozen=True)
class Union:
    parts: tuple["Part", ...]


@dataclass(frozen=True)
class Named:
    """name = value, or name in value."""

    name: str
    value: "Part"


@dataclass(frozen=True)
class Relation:
    """sides[0] signs[0] sides[1] signs[1] ...: an equation, an inequality or a chain of them; ~ is \\approx."""

    sides: tuple[str, ...]
    signs: tuple[str, ...]


Part = Expression | Items | Union | Named | Relation


def structure(text: str) -> Part:
    """The structure of a cleaned answer."""
    groups = [_join_thousands(_split(group, ",")) for group in _split(text, ";")]
    if len(groups) > 1 and all(len(group) == 1 for group in groups):
        groups = [[group[0] for group in groups]]
    members: list[Part] = []
    for group in groups:
        members += [_items("()", group)] if len(groups) > 1 and len(group) > 1 else [_member(text) for text in group]
    flat = _grouped(_flat(members))
    if not flat:
        return Expression("")
    return flat[0] if len(flat) == 1 else Items("list", flat)


def is_name(text: str) -> bool:
    r"""Whether the text only names what is asked for: x, x_1, f(x), P(A), |AB|, \angle ABC, (p, q), \frac{NO}{BO}."""
    text = text.strip()
    if text.startswith("(") and text.endswith(")") and "," in text:
        return all(_SHORT_NAME.fullmatch(part.strip()) for part in text[1:-1].split(","))
    compact = text.replace(" ", "")
    return bool(_SHORT_NAME.fullmatch(compact) or _CALL.fullmatch(compact) or _NAME.fullmatch(text))


def _flat(members: list[Part], kind: str = "list") -> tuple[Part, ...]:
    """Lists within a list or a set are its members, as \\pm makes them."""
    if kind not in ("list", "set"):
        return tuple(members[:MAX_ITEMS])
    inner = [part.members if isinstance(part, Items) and part.kind == "list" else (part,) for part in members]
    return tuple(itertools.chain.from_iterable(inner))[:MAX_ITEMS]


def _items(kind: str, texts: list[str]) -> Items:
    return Items(kind, _flat([_member(text) for text in texts], kind))


def _grouped(members: tuple[Part, ...]) -> tuple[Part, ...]:
    """p = 5, q = 2, p = 7, q = 2 are two solutions of two values each."""
    names = [member.name.strip() for member in members if isinstance(member, Named)]
    period = len(dict.fromkeys(names))
    if len(names) != len(members) or not 1 < period < len(names) or len(names) % period:
        return members
    if names != names[:period] * (len(names) // period):
        return members
    return tuple(Items("()", members[start : start + period]) for start in range(0, len(members), period))


def _member(text: str) -> Part:
    """One member of a list: everything but a bare list, unless a sign \\pm makes two of it."""
    text = text.strip()
    if r"\pm" in text or r"\mp" in text:
        return Items("list", tuple(_member(variant) for variant in _signs(text)))
    sides, signs = _relation(text)
    if signs:
        return _related(sides, signs)
    unions = _split_at(text, r"\cup")
    if len(unions) > 1 and all(part.strip() for part in unions):
        return Union(tuple(_member(part) for part in unions))
    return _bracketed(text) or Expression(text)


def _related(sides: list[str], signs: list[str]) -> Part:
    if signs[0] == "~" and (not sides[0] or is_name(sides[0])):  # x ≈ 11 gives 11
        sides, signs = (sides[1:], signs[1:]) if not sides[0] else (sides, ["=", *signs[1:]])
        if not signs:
            return _member(sides[0])
    if not all(sides):
        return Expression(" ".join(sides))
    if signs == ["in"]:
        return Named(sides[0], structure(sides[1]))
    if signs == ["="] and is_name(sides[1]) and not is_name(sides[0]):
        sides = sides[::-1]
    if is_name(sides[0]) and signs[0] == "=" and set(signs) <= {"=", "~"}:
        last = signs.index("~") if "~" in signs else len(signs)
        return Named(
            sides[0],
            structure(sides[last]) if last == len(signs) else Relation(tuple(sides[last:]), tuple(signs[last:])),
        )
    return Relation(tuple(sides), tuple(signs))


def _bracketed(text: str) -> Part | None:
    """A set, tuple or interval; None where the brackets only group, or do not hold the whole text."""
    tokens = _TOKEN.findall(text)
    if (
        len(tokens) < 3
        or tokens[0] not in {"(", "[", "]", r"\{", r"\langle"}
        or tokens[-1] not in {")", "]", "[", r"\}", r"\rangle"}
    ):
        return None
    depth = 1
    for token in tokens[1:-1]:
        depth += (token in OPEN) - (token in CLOSE)
        if depth == 0:
            return None
    inner = "".join(tokens[1:-1])
    members = [member for group in _split(inner, ";") for member in _split(group, ",")]
    if tokens[0] == r"\{":
        return _items("set", members) if tokens[-1] == r"\}" else None
    if len(members) < 2:
        return None
    kind = {r"\langle": "("}.get(tokens[0], tokens[0]) + {r"\rangle": ")"}.get(tokens[-1], tokens[-1])
    return _items({"][": "()", "[[": "[)", "]]": "(]"}.get(kind, kind), members)


def _signs(text: str) -> list[str]:
    r"""Every reading of \pm; where a \mp stands too, the upper signs belong together and so do the lower ones."""
    parts = re.split(r"\\(pm|mp)(?![a-zA-Z])", text)
    count = len(parts) // 2
    if r"\mp" in text or count > 3:
        choices = [[1] * count, [-1] * count]
    else:
        choices = [list(choice) for choice in itertools.product((1, -1), repeat=count)]
    readings = []
    for choice in choices:
        reading = parts[0]
        for kind, following, sign in zip(parts[1::2], parts[2::2], choice, strict=True):
            reading += ("+" if (sign > 0) == (kind == "pm") else "-") + following
        readings.append(reading)
    return readings


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators (for commas also between and, or); empty parts are dropped."""
    if separator == ",":
        text = _BARE_AND.sub(",", _AND.sub(",", text))
    parts = _split_at(text, separator)
    return [part for part in parts if part.strip()]


def _join_thousands(parts: list[str]) -> list[str]:
    r"""1,234 is one number where it is all there is and has no space (1, 234 is a list)."""
    if (
        len(parts) > 1
        and re.search(r"(?<!\d)\d{1,3}$", parts[0])
        and all(re.match(r"\d{3}(?!\d)", part) for part in parts[1:])
    ):
        if all(re.fullmatch(r"\d{3}", part) for part in parts[1:-1]) and all(part == part.lstrip() for part in parts):
            return [",".join(parts)]
    return parts


def _split_at(text: str, separator: str) -> list[str]:
    parts, depth = [], 0
    current: list[str] = []
    for token in _TOKEN.findall(text):
        depth += (token in OPEN or token.startswith(r"\begin")) - (token in CLOSE or token.startswith(r"\end"))
        if token == separator and depth == 0:
            parts.append("".join(current))
            current = []
        else:
            current.append(token)
    return [*parts, "".join(current)]


def _relation(text: str) -> tuple[list[str], list[str]]:
    sides, signs, depth = [], [], 0
    current: list[str] = []
    for token in _TOKEN.findall(text):
        depth += (token in OPEN or token.startswith(r"\begin")) - (token in CLOSE or token.startswith(r"\end"))
        if token in _RELATIONS and depth == 0:
            sides.append("".join(current).strip())
            signs.append(_RELATIONS[token])
            current = []
        else:
            current.append(token)
    return [*sides, "".join(current).strip()], signs
