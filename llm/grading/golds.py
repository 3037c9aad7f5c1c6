"""Can the gold answers of a dataset be met? Each is graded against itself in a box and against itself written anew.

A gold answer that no box can meet caps the accuracy; one that is met in its own spelling only asks for luck.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from llm.grading.boxes import boxed_answer
from llm.grading.grade import grade_all
from llm.grading.rationals import based, rational
from llm.grading.structure import Expression, Items, Named, Part, Relation, Union, structure
from llm.grading.typography import clean
from llm.grading.units import split_unit
from llm.grading.words import words

CHECKED = 1000  # distinct golds, which takes seconds; of more, a sample


@dataclass(frozen=True)
class GoldReport:
    distinct: int
    checked: int
    never: tuple[str, ...]  # no box can meet them
    verbatim: tuple[str, ...]  # met by their own text only

    def line(self) -> str | None:
        """What a user should know, in one line; None where every gold can be met."""
        parts = [
            f"{len(golds)} ({len(golds) / self.checked:.1%}) {what}, e.g. {golds[0][:60]!r}"
            for golds, what in ((self.never, "can never be met"), (self.verbatim, "are met word for word only"))
            if golds
        ]
        of = (
            f"{self.checked} distinct"
            if self.checked == self.distinct
            else f"a sample of {self.checked} of {self.distinct}"
        )
        return f"of {of} gold answers {'; '.join(parts)}" if parts else None


def gold_of(answer: str) -> tuple[str, str]:
    """(gold, where it was): of a whole solution what follows its last #### (GSM8K) or stands in its box; else all."""
    _, mark, last = answer.rpartition("####")
    if mark and last.strip():
        return last.strip(), "what follows ####"
    boxed = boxed_answer(answer) if "box" in answer else None
    return (boxed, "what stands in the last box") if boxed else (answer.strip(), "")


def check_golds(golds: Sequence[str], checked: int = CHECKED) -> GoldReport:
    distinct = list(dict.fromkeys(golds))
    sample = distinct if len(distinct) <= checked else random.Random(0).sample(distinct, checked)
    itself = _graded(sample, sample)
    anew = _graded([rewritten(gold) for gold in sample], sample)
    return GoldReport(
        len(distinct),
        len(sample),
        tuple(gold for gold, met in zip(sample, itself, strict=True) if not met),
        tuple(gold for gold, met, twin in zip(sample, itself, anew, strict=True) if met and not twin),
    )


def _graded(answers: Sequence[str], golds: Sequence[str]) -> list[float]:
    return grade_all([rf"\boxed{{{answer}}}" for answer in answers], golds, [True] * len(golds))


def rewritten(gold: str) -> str:
    r"""The same answer, written so that one must read it: 1e-3 as 2/2000, x + 1 as 0 + (x + 1), odd as \textbf{odd}."""
    return _written(structure(clean(gold)))


def _written(part: Part) -> str:
    if isinstance(part, Named):
        return f"{part.name} = {_written(part.value)}"
    if isinstance(part, Relation):
        signs = {"<=": r"\leq", ">=": r"\geq", "!=": r"\neq", "~": r"\approx"}
        tail = (f" {signs.get(sign, sign)} {side}" for sign, side in zip(part.signs, part.sides[1:], strict=True))
        return part.sides[0] + "".join(tail)
    if isinstance(part, Union):
        return r" \cup ".join(_written(piece) for piece in part.parts)
    if isinstance(part, Items):
        left, right = {"list": ("", ""), "set": (r"\{", r"\}")}.get(part.kind) or tuple(part.kind)
        return left + ", ".join(_written(member) for member in part.members) + right
    return _expression(part)


def _expression(part: Expression) -> str:
    if spoken := words(part.text):
        return rf"\textbf{{{spoken}}}"
    text, _ = split_unit(part.text)
    percent, text = text.endswith("%"), text.removesuffix("%")
    value = rational(text)
    if value is None:
        if base := based(text):
            return "{}_{{{}}}".format(*base)
        if ":" in text:  # a ratio or a time of day
            return text.replace(":", " : ")
        if r"\begin" in text:
            return rf"1 \cdot {text}"
        return text if "infty" in text or "emptyset" in text else f"0 + ({text})"
    doubled = Fraction(2 * value)
    return f"{doubled.numerator}/{2 * doubled.denominator}" + (r"\%" if percent else "")
