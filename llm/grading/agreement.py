r"""Are two expressions equal? Exactly where they are rational, else by their values at chosen points.

Constants are compared at 320 digits, relative to their size: 1/2004! and 1/2006! differ, and so do 10^{20} and
10^{20}+1. Expressions with symbols are compared at fourteen points of both signs, wherever both have real values:
\sqrt{1/n} and 1/\sqrt{n} have them for positive n only and agree there; \sqrt{x^2} and x differ at negative x.
"""

import hashlib
import itertools
from collections.abc import Iterator
from fractions import Fraction

from llm.grading.formulas import Node
from llm.grading.values import Evaluation, Outside, Undefined, Value

CONSTANT_DIGITS, POINT_DIGITS = 320, 60
# (scale, sign) of the points: sign 0 draws one for each symbol, scale 0 means in (0, 1).
_KINDS = (
    (1, 0),
    (1, 1),
    (0, 1),
    (1, -1),
    (40, 0),
    (1, 0),
    (0, 1),
    (1000, 1),
    (1, 1),
    (40, 1),
    (0, 0),
    (1000, 0),
    (0, 1),
    (1, 0),
)
NEEDED = 3  # points at which two expressions must be seen to agree
_STEPS = {"floor", "ceil"}  # these differ at whole numbers alone
_CONSTANTS = {"e", "i", r"\pi"}


def agree(one: Node, other: Node) -> bool:
    """Whether two expressions are the same wherever both have a value."""
    names = sorted((symbols(one) | symbols(other)) - _CONSTANTS)
    if not names:
        return _agree_at({}, one, other, CONSTANT_DIGITS, real=False) is True
    agreed = 0
    strict = "abs" in _calls(one) | _calls(other)  # |x| says that negative x are meant: ln |x| is not ln x
    points = itertools.chain(
        _points(names), _points(names, whole=True) if _STEPS & (_calls(one) | _calls(other)) else ()
    )
    for point in points:
        verdict = _agree_at(point, one, other, POINT_DIGITS, real=True, strict=strict)
        if verdict is False:
            return False
        agreed += verdict is True
    if agreed >= NEEDED:
        return True
    # (-1)^n and \cos n\pi, sums up to n: real at whole numbers only.
    verdicts = [_agree_at(point, one, other, POINT_DIGITS, real=True) for point in _points(names, whole=True)]
    return False not in verdicts and verdicts.count(True) >= NEEDED


def proportional(one: Node, other: Node, positive: bool) -> bool:
    """Whether one is a constant (not zero, or positive) times the other: 2x = 4 is x = 2; -x < 1 is x > -1."""
    names = sorted((symbols(one) | symbols(other)) - _CONSTANTS)
    ratio: Value | None = None
    seen = 0
    for point in _points(names):
        try:
            first, second = Evaluation(point, POINT_DIGITS, real=True), Evaluation(point, POINT_DIGITS, real=True)
            a, b = first.value(one), second.value(other)
            if isinstance(a, tuple) or isinstance(b, tuple) or (a == 0) != (b == 0):
                return False
            if a == 0:
                continue
            quotient = (
                a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else first.number(a) / first.number(b)
            )
        except Outside:
            continue
        except (Undefined, ArithmeticError):
            continue
        if ratio is not None and not _close(first, ratio, quotient):
            return False
        ratio, seen = quotient, seen + 1
    if seen < NEEDED or ratio is None:
        return False
    return not positive or bool(ratio == abs(ratio))


def constant(node: Node) -> Value | None:
    """The value of an expression without symbols or unknown functions; None where it has none."""
    if symbols(node) - _CONSTANTS or any(name.startswith("?") for name in _calls(node)):
        return None
    try:
        return Evaluation({}, CONSTANT_DIGITS, real=False).value(node)
    except (ArithmeticError, ValueError):
        return None


def near(one: Value, other: Value) -> bool:
    """Whether two constants are within a tenth of each other."""
    mp = Evaluation({}, 30, real=False)
    a, b = mp.number(one), mp.number(other)
    return bool(abs(a - b) <= abs(a) / 10)


def symbols(node: Node) -> set[str]:
    if node[0] == "symbol":
        return {node[1]}
    found: set[str] = set()
    for part in node[1:]:
        for inner in part if isinstance(part, list) else [part]:
            for leaf in inner if isinstance(inner, list) else [inner]:
                if isinstance(leaf, tuple):
                    found |= symbols(leaf)
    return found - {node[1]} if node[0] in ("sum", "product") else found


def _calls(node: Node) -> set[str]:
    found = {node[1]} if node[0] == "call" else set()
    for part in node[1:]:
        for inner in part if isinstance(part, list) else [part]:
            if isinstance(inner, tuple):
                found |= _calls(inner)
    return found


def _points(names: list[str], whole: bool = False) -> Iterator[dict[str, Fraction]]:
    """Points that depend on nothing but the names, of the kinds above; or of whole numbers."""
    for number, (scale, sign) in enumerate(_KINDS):
        point = {}
        for name in names:
            draw = int.from_bytes(hashlib.sha256(f"{name} {number}".encode()).digest()[:4], "big")
            if whole:
                point[name] = Fraction(1 + draw % 11)
            else:
                size = scale * Fraction(101 + draw % 1999, 701) if scale else Fraction(1 + draw % 996, 997)
                point[name] = size * (sign or (-1 if draw >> 20 & 1 else 1))
        yield point


def _agree_at(
    point: dict[str, Fraction], one: Node, other: Node, digits: int, real: bool, strict: bool = False
) -> bool | None:
    """Whether the values at a point are the same. None where one has no (real) value; False if strict and one has."""
    first, second = Evaluation(point, digits, real), Evaluation(point, digits, real)
    values = []
    for evaluation, node in ((first, one), (second, other)):
        try:
            values.append(evaluation.value(node))
        except Outside:
            values.append(None)
        except (ArithmeticError, ValueError, MemoryError):
            return None
    if values[0] is None or values[1] is None:
        return False if strict and values != [None, None] else None
    first.scale = max(first.scale, second.scale)
    return _close(first, *values)


def _close(evaluation: Evaluation, one: Value, other: Value) -> bool:
    if isinstance(one, tuple) or isinstance(other, tuple):
        return (
            isinstance(one, tuple)
            and isinstance(other, tuple)
            and [len(row) for row in one] == [len(row) for row in other]
            and all(
                _close(evaluation, a, b) for rows in zip(one, other, strict=True) for a, b in zip(*rows, strict=True)
            )
        )
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    a, b = evaluation.number(one), evaluation.number(other)
    if not (evaluation.mp.isfinite(a) and evaluation.mp.isfinite(b)):
        return False
    difference, size = abs(a - b), max(abs(a), abs(b))
    rounding = evaluation.mp.mpf(10) ** (-evaluation.mp.dps * 7 // 8)
    if difference <= rounding * size:
        return True
    # Zero, written as a difference of equal terms: what is left is the rounding of those terms.
    return size <= rounding * evaluation.scale and evaluation.scale < evaluation.mp.mpf(10) ** (evaluation.mp.dps // 4)
