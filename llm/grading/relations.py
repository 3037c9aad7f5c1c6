r"""Equations, inequalities, approximations: when two say the same, and when one says a value or an interval."""

from llm.grading import agreement
from llm.grading.expressions import difference, node_of, same_expression
from llm.grading.structure import Expression, Items, Named, Part, Relation, is_name
from llm.grading.units import split_unit

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def settled(part: Part) -> Part:
    r"""a \approx b is a, whatever b; 2 + 3 = 5 is 5, as every side equals the last."""
    if not isinstance(part, Relation):
        return part
    if "~" in part.signs:
        place = part.signs.index("~")
        part = Relation(part.sides[: place + 1], part.signs[:place])
    if not part.signs:
        return Expression(part.sides[0])
    if set(part.signs) == {"="} and all(same_expression(side, part.sides[-1]) for side in part.sides[:-1]):
        return Expression(part.sides[-1])
    return part


def contradict(one: Part, other: Part) -> bool:
    r"""Whether both are rounded (\approx) and not to about the same."""
    tails = [part.sides[-1] for part in (one, other) if isinstance(part, Relation) and part.signs[-1] == "~"]
    return len(tails) == 2 and not _nearly(*tails)


def same_equation(one: Part, other: Part) -> bool:
    """Equations, up to a constant factor and the side on which things stand: y = 2x + 1 and 4x - 2y = -2.

    2x + 3 = 13 is not x = 5: who only says the question again has not solved it.
    """
    sides = _sides(one), _sides(other)
    if sides[0] is None or sides[1] is None or _is_solved(*sides[0]) != _is_solved(*sides[1]):
        return False
    differences = difference(*sides[0]), difference(*sides[1])
    return (
        differences[0] is not None
        and differences[1] is not None
        and agreement.proportional(differences[0], differences[1], positive=False)
    )


def same_relations(one: Relation, other: Relation) -> bool:
    if len(one.signs) != len(other.signs):
        return False
    if len(one.signs) > 1:
        return any(
            one.signs == turned.signs and all(map(same_expression, one.sides, turned.sides))
            for turned in (other, _turned(other))
        )
    (sign,) = one.signs
    if _FLIPPED.get(sign) == other.signs[0]:
        other = _turned(other)
    differences = difference(*one.sides), difference(*other.sides)
    if _is_solved(*one.sides) != _is_solved(*other.sides):
        return False  # as 2x + 3 < 5 is not x < 1
    if sign != other.signs[0] or differences[0] is None or differences[1] is None:
        return False
    return agreement.proportional(differences[0], differences[1], positive=sign in _FLIPPED)


def interval(relation: Relation) -> Items | None:
    """The interval of a < x <= b, x < b and the like, where x is a name; None for any other relation."""
    if all(sign in (">", ">=") for sign in relation.signs):
        relation = _turned(relation)
    if not all(sign in ("<", "<=") for sign in relation.signs):
        return None
    sides = [*relation.sides]
    brackets = ["(" if relation.signs[0] == "<" else "[", ")" if relation.signs[-1] == "<" else "]"]
    if len(sides) == 2 and is_name(sides[0]):
        sides, brackets = [r"-\infty", *sides], ["(", brackets[1]]
    elif len(sides) == 2:
        sides, brackets = [*sides, r"\infty"], [brackets[0], ")"]
    if len(sides) != 3 or not is_name(sides[1]):
        return None
    return Items("".join(brackets), (Expression(sides[0]), Expression(sides[2])))


def _turned(relation: Relation) -> Relation:
    return Relation(relation.sides[::-1], tuple(_FLIPPED.get(sign, sign) for sign in relation.signs[::-1]))


def _sides(part: Part) -> tuple[str, str] | None:
    if isinstance(part, Named) and isinstance(part.value, Expression):
        return part.name, part.value.text
    if isinstance(part, Relation) and part.signs == ("=",):
        return part.sides[0], part.sides[1]
    return None


def _is_solved(left: str, right: str) -> bool:
    """Whether a name (or its negative) stands alone on one side and a constant on the other."""
    for name, value in ((left, right), (right, left)):
        node = node_of(value) if is_name(name.lstrip("- ")) else None
        if node is not None and agreement.constant(node) is not None:
            return True
    return False


def _nearly(exact: str, rough: str) -> bool:
    """Whether two constants are within a tenth of each other."""
    values = []
    for text in (exact, rough):
        node = node_of(split_unit(text)[0])
        value = None if node is None else agreement.constant(node)
        if value is None or isinstance(value, tuple):
            return False
        values.append(value)
    return agreement.near(values[0], values[1])
