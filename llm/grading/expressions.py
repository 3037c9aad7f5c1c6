r"""Two single expressions: plain numbers exactly, with what stands beside them; anything else by value (agreement)."""

import re
from fractions import Fraction

from llm.grading import agreement
from llm.grading.formulas import Node, Unreadable, read
from llm.grading.rationals import based, decimal_step, rational
from llm.grading.typography import spelling
from llm.grading.units import split_unit, units_differ
from llm.grading.words import same_words, words

_COMMA = re.compile(r"[+-]?(?:0,\d{2,}|\d+,(?:\d{2}|\d{4,}))")
_INFINITE = {r"\infty": "+", r"+\infty": "+", r"-\infty": "-"}
_MINUS: Node = ("number", Fraction(-1))
_DEGREES = re.compile(r"([\d.]+|[a-zA-Z])\s*°")


def same_numbers(answer: str, gold: str) -> bool | None:
    """Two plain numbers with or without units, compared exactly; None where one is no plain number."""
    (value, unit), (gold_value, gold_unit) = split_unit(answer), split_unit(gold)
    value, percent = _percent(value)
    gold_value, gold_percent = _percent(gold_value)
    if _decimal_comma(value, gold_value) or _decimal_comma(gold_value, value):
        return True
    one, other = rational(value), rational(gold_value)
    if one is None or other is None:
        return None
    if units_differ(unit, gold_unit) or (percent and gold_unit) or (gold_percent and unit):
        return False
    if percent == gold_percent:
        return one == other or _rounds(value, one, other) or _rounds(gold_value, other, one)
    # 50% is 1/2; it is also 50 where the other leaves the sign to the question.
    number, bare = (one, other) if percent else (other, one)
    return number == 100 * bare or (number == bare and abs(number) > 1)


def same_expression(one: str, other: str) -> bool:
    if spelling(one) == spelling(other):
        return True
    bases = based(one), based(other)
    if bases[0] or bases[1]:  # 12_8 is 12_8 in whatever spelling; 12 and 10 are not
        return bases[0] == bases[1]
    numbers = same_numbers(one, other)
    if numbers is not None:
        return numbers
    (one, unit), (other, other_unit) = split_unit(one), split_unit(other)
    if units_differ(unit, other_unit):
        return False
    if spelling(one) == spelling(other):
        return True
    if infinite(one) or infinite(other):
        return infinite(one) == infinite(other)
    spoken = words(one), words(other)
    if spoken[0] is not None and spoken[1] is not None:
        return same_words(spoken[0], spoken[1])
    nodes = node_of(one), node_of(other)
    if nodes[0] is None or nodes[1] is None:
        return False
    return agreement.agree(nodes[0], nodes[1]) or _approximates(one, nodes[1]) or _approximates(other, nodes[0])


def unfinished(answer: str, gold: str) -> bool:
    """Whether the gold answer is a number in digits that the answer leaves to be worked out: 9 + 1, 5! and 2^7 for 10.

    Who only says the question again has not solved it. What has no end of decimals may stay a formula: sqrt(17).
    """
    nodes = [node_of(split_unit(text)[0].removesuffix("%")) for text in (answer, gold)]
    if nodes[0] is None or nodes[1] is None:
        return False
    for one, other in _entries(nodes[0], nodes[1]):
        if _in_digits(other) and not _in_digits(one):
            if isinstance(agreement.constant(one), Fraction) or agreement.agree(one, other):
                return True
    return False


def node_of(text: str) -> Node | None:
    """The tree of an expression; None where it cannot surely be read. 3% is 3/100 in it, and 30° is pi/6."""
    number = rational(text)
    if number is not None:
        return ("number", number)
    if text.endswith("%"):
        text = rf"({text[:-1]})\cdot\frac{{1}}{{100}}"
    try:
        return read(_DEGREES.sub(r"(\1\\cdot\\frac{\\pi}{180})", text))
    except (Unreadable, RecursionError):
        return None


def difference(left: str, right: str) -> Node | None:
    nodes = node_of(left), node_of(right)
    if nodes[0] is None or nodes[1] is None:
        return None
    return ("add", [nodes[0], ("multiply", [("number", Fraction(-1)), nodes[1]])])


def infinite(text: str) -> str:
    """The sign of an infinite endpoint; "" for anything else."""
    return _INFINITE.get(text.replace(" ", ""), "")


def _entries(answer: Node, gold: Node) -> list[tuple[Node, Node]]:
    """The entries of two matrices of one shape side by side; else the two themselves."""
    if answer[0] == gold[0] == "matrix" and [*map(len, answer[1])] == [*map(len, gold[1])]:
        return [pair for rows in zip(answer[1], gold[1], strict=True) for pair in zip(*rows, strict=True)]
    return [(answer, gold)]


def _in_digits(node: Node) -> bool:
    """A number as one writes it down when it is found: -3, 2/3, 4.5 times 10^33, 1/10^6."""
    if node[0] == "divide":
        return _is_decimal(node[1]) and (_is_decimal(node[2]) or _is_power_of_ten(node[2]))
    if node[0] == "multiply" and len(node[1]) == 2:
        one, other = node[1]
        return (one == _MINUS and _in_digits(other)) or (_in_digits(one) and _is_power_of_ten(other))
    return _is_decimal(node) or _is_power_of_ten(node)


def _is_decimal(node: Node) -> bool:
    return node[0] == "number" or (node[0] == "multiply" and node[1][0] == _MINUS and _is_decimal(node[1][-1]))


def _is_power_of_ten(node: Node) -> bool:
    return node[0] == "power" and node[1] == ("number", Fraction(10)) and _is_decimal(node[2])


def _percent(text: str) -> tuple[str, bool]:
    return (text[:-1].strip(), True) if text.endswith("%") else (text, False)


def _decimal_comma(one: str, other: str) -> bool:
    """Whether one is the other with a comma for the point: 3,14 (not 3,141, which is 3141, nor 3,1, a list)."""
    return bool(_COMMA.fullmatch(one)) and one.replace(",", ".") == other


def _rounds(text: str, decimal: Fraction, exact: Fraction) -> bool:
    """Whether text is a decimal of six digits or more that rounds a number with no end of decimals."""
    step = decimal_step(text)
    return step is not None and not _ends(exact) and abs(decimal - exact) <= _allowed(step, exact)


def _approximates(text: str, exact: Node) -> bool:
    """The same for a formula: 4.12310563 and \\sqrt{17}."""
    step, decimal = decimal_step(text), rational(text)
    value = agreement.constant(exact) if step is not None else None
    if step is None or decimal is None or value is None or isinstance(value, tuple):
        return False
    if isinstance(value, Fraction):
        return _rounds(text, decimal, value)
    if getattr(value, "imag", 0):
        return False
    one, allowed = value * 0 + 1, _allowed(step, decimal)  # one: of the precision that the value has
    return bool(
        abs(value - one * decimal.numerator / decimal.denominator) <= one * allowed.numerator / allowed.denominator
    )


def _allowed(step: Fraction, exact: Fraction) -> Fraction:
    """Half a unit in the last place; what a double may be off by, where all its digits are written."""
    return max(step / 2, abs(exact) / 10**14 if step * 10**14 < abs(exact) else Fraction(0))


def _ends(value: Fraction) -> bool:
    """Whether its decimals end before anybody would round them."""
    rest = value.denominator
    if rest > 10**17:
        return False
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
