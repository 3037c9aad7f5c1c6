r"""Does an answer say what the gold answer says? Words as words, plain numbers exactly, structures part by part.

The conventions are listed, with what other graders do, in docs/grading.md. Everything that is not surely equal is not
equal: a false no costs one reward, a false yes is found and used.
"""

import re
from fractions import Fraction

from llm.grading import agreement
from llm.grading.boxes import boxed_answer
from llm.grading.formulas import Node, Unreadable, read
from llm.grading.rationals import based, decimal_step, rational
from llm.grading.structure import Expression, Items, Named, Part, Relation, Union, structure
from llm.grading.typography import clean, spelling
from llm.grading.units import split_unit, units_differ
from llm.grading.words import is_formula_too, labelled, same_words, words

_COMMA = re.compile(r"[+-]?(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def at_once(answer: str, gold: str) -> bool | None:
    """The verdict where it takes no formula: same spelling, words, or two plain numbers; None where it takes one."""
    answer, gold = _unboxed(answer), _unboxed(gold)
    one, other = spelling(answer), spelling(gold)
    if one == other:
        return bool(one)
    if not one or not other:
        return False
    pair = _without_labels(clean(answer), clean(gold))
    spoken = [words(text) for text in pair]
    if spoken[0] is not None and spoken[1] is not None:
        return same_words(spoken[0], spoken[1])
    if any(word is not None and not is_formula_too(word) for word in spoken):
        return False
    return _as_numbers(*pair)


def equal(answer: str, gold: str) -> bool:
    """at_once, or the structures are the same part by part."""
    verdict = at_once(answer, gold)
    if verdict is not None:
        return verdict
    pair = [words(text) or text for text in _without_labels(clean(_unboxed(answer)), clean(_unboxed(gold)))]
    return _same(structure(pair[0]), structure(pair[1]))


def _unboxed(text: str) -> str:
    return (boxed_answer(text) or text) if "box" in text else text


def _without_labels(answer: str, gold: str) -> list[str]:
    r"""\text{(C)} 5 says C where the other says a letter alone, and 5 where it says something else without a label."""
    labels = labelled(answer), labelled(gold)
    if (labels[0] is None) == (labels[1] is None):
        return [answer, gold]
    other = gold if labels[0] else answer
    letter = len(words(other) or "") == 1
    texts = [text if label is None else label[0] if letter else label[1] for text, label in zip((answer, gold), labels, strict=True)]
    return texts


def _as_numbers(answer: str, gold: str) -> bool | None:
    """Two plain numbers with or without units, compared exactly; None where one is no plain number."""
    (value, unit), (gold_value, gold_unit) = split_unit(answer), split_unit(gold)
    value, percent = _percent(value)
    gold_value, gold_percent = _percent(gold_value)
    one, other = rational(value), rational(gold_value)
    if one is None or other is None:
        return True if _decimal_comma(value, gold_value) or _decimal_comma(gold_value, value) else None
    if one != other and (_decimal_comma(value, gold_value) or _decimal_comma(gold_value, value)):
        return True
    if units_differ(unit, gold_unit) or (percent and gold_unit) or (gold_percent and unit):
        return False
    if percent == gold_percent:
        return one == other or _rounded(value, one, other) or _rounded(gold_value, other, one)
    # 50% is 1/2; it is also 50 where the gold answer leaves the sign to the question.
    number, bare = (one, other) if percent else (other, one)
    return number == 100 * bare or (number == bare and abs(number) > 1)


def _percent(text: str) -> tuple[str, bool]:
    return (text[:-1].strip(), True) if text.endswith("%") else (text, False)


def _decimal_comma(one: str, other: str) -> bool:
    """Whether one is the other with a comma for the point: 3,14 (not 3,141, which is a number of thousands)."""
    return bool(_COMMA.fullmatch(one)) and one.replace(",", ".") == other


def _rounded(text: str, decimal: Fraction, exact: Fraction) -> bool:
    """Whether text is a decimal of six digits or more that rounds a number with no end of decimals."""
    step = decimal_step(text)
    return step is not None and not _ends(exact) and abs(decimal - exact) <= max(step / 2, _float_noise(step, exact))


def _float_noise(step: Fraction, exact: Fraction) -> Fraction:
    """What a double may be off by, for a decimal of that many digits; 0 for a shorter one, which is rounded by hand."""
    return abs(exact) / 10**14 if step * 10**14 < abs(exact) else Fraction(0)


def _ends(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _same(one: Part, other: Part) -> bool:
    one, other = _settled(one), _settled(other)
    if isinstance(one, Named) or isinstance(other, Named):
        return _same_named(one, other)
    if isinstance(one, Relation) or isinstance(other, Relation):
        return _same_relation(one, other)
    if isinstance(one, Union) or isinstance(other, Union):
        one, other = _as_union(one), _as_union(other)
        return isinstance(one, Union) and isinstance(other, Union) and _matched(_pieces(one), _pieces(other))
    if isinstance(one, Items) and isinstance(other, Items):
        loose = {"list", "set"}
        if one.kind in loose and other.kind in loose:
            if _names(one) != _names(other) and max(len(_names(one)), len(_names(other))) > 1:
                return len(one.members) == len(other.members) and all(map(_same, one.members, other.members))
            return _matched(one.members, other.members)
        return one.kind == other.kind and len(one.members) == len(other.members) and all(
            _same(*pair) for pair in zip(one.members, other.members, strict=True)
        )
    for group, single in ((one, other), (other, one)):
        if isinstance(group, Items):
            return group.kind in ("list", "set") and all(_same(member, single) for member in group.members)
    assert isinstance(one, Expression) and isinstance(other, Expression)
    return _same_expression(one.text, other.text)


def _settled(part: Part) -> Part:
    r"""What stands before \approx counts, unless what stands behind it contradicts it (by a tenth or more)."""
    if not isinstance(part, Relation) or "~" not in part.signs:
        return part
    place = part.signs.index("~")
    nodes = [_read(split_unit(text)[0]) for text in part.sides[place : place + 2]]
    values = [None if node is None else agreement.constant(node) for node in nodes]
    if any(value is None or isinstance(value, tuple) for value in values):
        return part
    exact, rough = (complex(value) for value in values)  # type: ignore[arg-type]
    if abs(exact - rough) > abs(exact) / 10:
        return part
    sides, signs = part.sides[: place + 1], part.signs[:place]
    return Relation(sides, signs) if signs else Expression(sides[0])


def _same_named(one: Part, other: Part) -> bool:
    """x = 5 is 5, but not y = 5; y = 2x + 1 is also 2x - y + 1 = 0."""
    if isinstance(one, Named) and isinstance(other, Named):
        if spelling(one.name) == spelling(other.name):
            return _same(one.value, other.value)
        return _same_equation(one, other)
    named, rest = (one, other) if isinstance(one, Named) else (other, one)
    assert isinstance(named, Named)
    if isinstance(rest, Relation):
        return _same_equation(named, rest) or _same(named.value, rest)
    return _same(named.value, rest)


def _same_equation(one: Part, other: Part) -> bool:
    differences = []
    for part in (one, other):
        sides = (part.name, part.value.text) if isinstance(part, Named) and isinstance(part.value, Expression) else None
        if isinstance(part, Relation) and part.signs == ("=",):
            sides = part.sides
        difference = None if sides is None else _difference(*sides)
        if difference is None:
            return False
        differences.append(difference)
    return agreement.proportional(*differences, positive=False)


def _same_relation(one: Part, other: Part) -> bool:
    if isinstance(one, Relation) and isinstance(other, Relation):
        return _same_relations(one, other)
    relation, rest = (one, other) if isinstance(one, Relation) else (other, one)
    assert isinstance(relation, Relation)
    if set(relation.signs) == {"="}:  # 2 + 3 = 5: a chain that holds says its last side
        sides = relation.sides
        holds = all(_same_expression(side, sides[-1]) for side in sides[:-1])
        return holds and _same(Expression(sides[-1]), rest)
    interval = _interval(relation)
    return interval is not None and _same(interval, rest)


def _same_relations(one: Relation, other: Relation) -> bool:
    if len(one.signs) != len(other.signs):
        return False
    if len(one.signs) > 1:
        return any(
            one.signs == turned.signs and all(map(_same_expression, one.sides, turned.sides))
            for turned in (other, _turned(other))
        )
    (sign,), (other_sign,) = one.signs, other.signs
    if sign in _FLIPPED and _FLIPPED[sign] == other_sign:
        other, other_sign = _turned(other), sign
    differences = [_difference(*relation.sides) for relation in (one, other)]
    if sign != other_sign or differences[0] is None or differences[1] is None:
        return False
    return agreement.proportional(differences[0], differences[1], positive=sign in _FLIPPED)


def _turned(relation: Relation) -> Relation:
    return Relation(relation.sides[::-1], tuple(_FLIPPED.get(sign, sign) for sign in relation.signs[::-1]))


def _interval(relation: Relation) -> Items | None:
    """The interval of a < x <= b, x < b and the like, where x is a name; None for any other relation."""
    from llm.grading.structure import is_name

    if all(sign in (">", ">=") for sign in relation.signs):
        relation = _turned(relation)
    if not all(sign in ("<", "<=") for sign in relation.signs):
        return None
    sides, signs = relation.sides, relation.signs
    if len(sides) == 3 and is_name(sides[1]):
        kind = ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]")
        return Items(kind, (Expression(sides[0]), Expression(sides[2])))
    if len(sides) == 2 and is_name(sides[0]):
        return Items("(" + (")" if signs[0] == "<" else "]"), (Expression(r"-\infty"), Expression(sides[1])))
    if len(sides) == 2 and is_name(sides[1]):
        return Items(("(" if signs[0] == "<" else "[") + ")", (Expression(sides[0]), Expression(r"\infty")))
    return None


def _names(items: Items) -> set[str]:
    """The names in x = 5, y = 6: values without them answer in that order."""
    return {spelling(member.name) for member in items.members if isinstance(member, Named)}


def _as_union(part: Part) -> Part:
    """x < -2 or x > 2 is a union of intervals."""
    if not (isinstance(part, Items) and part.kind == "list"):
        return part
    intervals = [_interval(member) if isinstance(member, Relation) else None for member in part.members]
    return Union(tuple(intervals)) if all(intervals) else part  # type: ignore[arg-type]


def _pieces(union: Union) -> tuple[Part, ...]:
    """The parts of a union, those of finite sets one by one."""
    return tuple(
        piece
        for part in union.parts
        for piece in (part.members if isinstance(part, Items) and part.kind == "set" else (part,))
    )


def _matched(one: tuple[Part, ...], other: tuple[Part, ...]) -> bool:
    """The same members in any order. Repeats count where the gold answer (other) repeats a member."""
    repeats = any(_same(a, b) for place, a in enumerate(other) for b in other[:place])
    if not repeats:
        return all(any(_same(a, b) for b in other) for a in one) and all(any(_same(a, b) for a in one) for b in other)
    left = list(one)
    for member in other:
        place = next((place for place, candidate in enumerate(left) if _same(candidate, member)), None)
        if place is None:
            return False
        del left[place]
    return not left


def _same_expression(one: str, other: str) -> bool:
    if spelling(one) == spelling(other):
        return True
    bases = based(one), based(other)
    if bases[0] or bases[1]:  # 12_8 is 12_8 in whatever spelling; 12 and 10 are not
        return bases[0] == bases[1]
    numbers = _as_numbers(one, other)
    if numbers is not None:
        return numbers
    (one, unit), (other, other_unit) = split_unit(one), split_unit(other)
    if units_differ(unit, other_unit) or _infinite(one) or _infinite(other):
        return not units_differ(unit, other_unit) and _infinite(one) == _infinite(other)
    one_word, other_word = words(one), words(other)
    if one_word is not None and other_word is not None:
        return same_words(one_word, other_word)
    one_node, other_node = _read(one), _read(other)
    if one_node is None or other_node is None:
        return False
    if agreement.agree(one_node, other_node):
        return True
    return _rounds(one, other_node) or _rounds(other, one_node)


def _rounds(decimal: str, exact: Node) -> bool:
    step = decimal_step(decimal)
    value = agreement.constant(exact) if step is not None else None
    if step is None or value is None or isinstance(value, tuple):
        return False
    if isinstance(value, Fraction):
        return _rounded(decimal, rational(decimal) or Fraction(0), value)
    written = rational(decimal) or Fraction(0)
    if getattr(value, "imag", 0):
        return False
    one = value * 0 + 1  # of the precision that the value has
    allowed = max(step / 2, _float_noise(step, written))
    return abs(value - one * written.numerator / written.denominator) <= one * allowed.numerator / allowed.denominator


def _infinite(text: str) -> str:
    sign = {r"\infty": "+", r"+\infty": "+", r"-\infty": "-"}
    return sign.get(text.replace(" ", ""), "")


def _difference(left: str, right: str) -> Node | None:
    nodes = _read(left), _read(right)
    if nodes[0] is None or nodes[1] is None:
        return None
    return ("add", [nodes[0], ("multiply", [("number", Fraction(-1)), nodes[1]])])


def _read(text: str) -> Node | None:
    """The tree of an expression; 3\\% is 3/100 in it."""
    number = rational(text)
    if number is not None:
        return ("number", number)
    try:
        return read(text.replace("%", r"\cdot\frac{1}{100}") if text.endswith("%") else _degrees(text))
    except (Unreadable, RecursionError, ValueError):
        return None


def _degrees(text: str) -> str:
    return re.sub(r"([\d.]+|[a-zA-Z])\s*°", r"(\1\\cdot\\frac{\\pi}{180})", text)
