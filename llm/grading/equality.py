r"""Does an answer say what the gold answer says? Words as words, plain numbers exactly, structures part by part.

The conventions are listed, with what other graders do, in docs/grading.md. Everything that is not surely equal is not
equal: a false no costs one reward, a false yes is found and used. A gold answer in digits asks for digits.
"""

from llm.grading.boxes import boxed_answer
from llm.grading.expressions import same_expression, same_numbers, unfinished
from llm.grading.relations import contradict, interval, same_equation, same_relations, settled
from llm.grading.structure import Expression, Items, Named, Part, Relation, Union, structure
from llm.grading.typography import clean, spelling
from llm.grading.words import is_formula_too, labelled, same_words, words


def at_once(answer: str, gold: str) -> bool | None:
    """The verdict where it takes no formula: same spelling, words, or two plain numbers; None where it takes one."""
    answer, gold = _unboxed(answer), _unboxed(gold)
    one, other = spelling(answer), spelling(gold)
    if one == other:
        return bool(one)
    if not one or not other:
        return False
    answer, gold = _without_labels(clean(answer), clean(gold))
    spoken = words(answer), words(gold)
    if spoken[0] is not None and spoken[1] is not None:
        return same_words(spoken[0], spoken[1])
    if any(word is not None and not is_formula_too(word) for word in spoken):
        return False
    return same_numbers(answer, gold)


def equal(answer: str, gold: str) -> bool:
    """at_once, or the structures are the same part by part."""
    verdict = at_once(answer, gold)
    if verdict is not None:
        return verdict
    answer, gold = _without_labels(clean(_unboxed(answer)), clean(_unboxed(gold)))
    return _same(structure(words(answer) or answer), structure(words(gold) or gold))


def _unboxed(text: str) -> str:
    return (boxed_answer(text) or text) if "box" in text else text


def _without_labels(answer: str, gold: str) -> tuple[str, str]:
    r"""\text{(C)} 5 says C where the other says a letter alone, and 5 where it says something else without a label."""
    labels = labelled(answer), labelled(gold)
    if (labels[0] is None) == (labels[1] is None):
        return answer, gold
    letter = len(words(gold if labels[0] else answer) or "") == 1
    if labels[0]:
        return labels[0][not letter], gold
    return (answer, labels[1][not letter]) if labels[1] else (answer, gold)


def _same(one: Part, other: Part) -> bool:
    """Whether one, from the answer, says what other says, from the gold answer."""
    if contradict(one, other):
        return False
    one, other = settled(one), settled(other)
    if isinstance(one, Named) or isinstance(other, Named):
        return _same_named(one, other)
    if isinstance(one, Relation) and isinstance(other, Relation):
        return same_relations(one, other) and not _left_unfinished(one, other)
    one, other = _as_interval(one), _as_interval(other)
    if isinstance(one, Union) or isinstance(other, Union):
        one, other = _as_union(one), _as_union(other)
        return isinstance(one, Union) and isinstance(other, Union) and _matched(_pieces(one), _pieces(other))
    if isinstance(one, Items) and isinstance(other, Items):
        return _same_items(one, other)
    if isinstance(one, Items):
        return one.kind in ("list", "set") and all(_same(member, other) for member in one.members)
    if isinstance(other, Items):
        return other.kind in ("list", "set") and all(_same(one, member) for member in other.members)
    if not isinstance(one, Expression) or not isinstance(other, Expression):
        return False
    return same_expression(one.text, other.text) and not unfinished(one.text, other.text)


def _left_unfinished(one: Relation, other: Relation) -> bool:
    """x < 9 + 1 for x < 10; the form of an equation, as r^2 = 3^2, is its own."""
    return set(one.signs) != {"="} and any(unfinished(side, bound) for side in one.sides for bound in other.sides)


def _same_named(one: Part, other: Part) -> bool:
    """x = 5 is 5, but not y = 5; y = 2x + 1 is also 2x - y + 1 = 0."""
    if isinstance(one, Named) and isinstance(other, Named):
        if spelling(one.name) == spelling(other.name):
            return _same(one.value, other.value)
        return same_equation(one, other)
    values = (part.value if isinstance(part, Named) else part for part in (one, other))
    return _same(*values) or same_equation(one, other)


def _same_items(one: Items, other: Items) -> bool:
    """Lists and sets in any order; tuples and intervals in theirs and with the same brackets."""
    unordered = {one.kind, other.kind} <= {"list", "set"}
    names = _names(one), _names(other)
    if unordered and (names[0] == names[1] or max(map(len, names)) < 2):
        return _matched(one.members, other.members)
    # x = 1, y = 2 is answered by 1, 2 in that order.
    in_order = len(one.members) == len(other.members) and all(map(_same, one.members, other.members))
    return in_order and (unordered or one.kind == other.kind)


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


def _names(items: Items) -> set[str]:
    return {spelling(member.name) for member in items.members if isinstance(member, Named)}


def _as_interval(part: Part) -> Part:
    return (interval(part) or part) if isinstance(part, Relation) else part


def _as_union(part: Part) -> Part:
    """x < -2 or x > 2 is a union of intervals."""
    if isinstance(part, Items) and part.kind == "list" and all(isinstance(member, Relation) for member in part.members):
        return Union(tuple(map(_as_interval, part.members)))
    return part


def _pieces(union: Union) -> tuple[Part, ...]:
    """The parts of a union, those of finite sets one by one."""
    return tuple(
        piece
        for part in union.parts
        for piece in (part.members if isinstance(part, Items) and part.kind == "set" else (part,))
    )
