r"""Answers that are words: \text{Evelyn}, even, no solution, (C). They compare as words, not as products of letters."""

import re

_TEXT = re.compile(r"\\text\s*\{([^{}\\]*)\}")
_LETTERS = re.compile(r"[^\W\d_]+(?:(?: |(?<=[^\W\d_]{3})[-'/&.]+ ?(?=[^\W\d_]{2}))[^\W\d_]+)*\.?")
_CHOICE = re.compile(r"[(\[]?([a-zA-Z])[)\].]?")
_LABEL = re.compile(r"\\text\s*\{\s*\(([A-H])\)\s*:?\s*\}\s*|\(([A-H])\)\s*:?\s+|([A-H])[.:)]\s+")
_SECOND = re.compile(
    r"(?<![a-zA-Z\\])(?:[A-H]|and|or|not|nor)(?![a-zA-Z])"
)  # a second choice, or doubt about the first
_FORMULA = re.compile(r"[a-zA-Z]{1,3}")  # xy, CD: also a product or a segment
_TRUTH = {"yes", "no", "true", "false", "even", "odd", "none", "all", "neither", "both", "undefined", "impossible"}


def words(text: str) -> str | None:
    r"""The words of a cleaned answer that is nothing but words; None where it holds mathematics.

    One letter in brackets is a choice: (C), \text{(C)} and C are the same.
    """
    plain = " ".join(_TEXT.sub(r" \1 ", text).split())
    if choice := _CHOICE.fullmatch(plain.replace(" ", "")):
        return choice[1]
    outside = _TEXT.sub("", text).strip()
    if outside != text and is_formula_too(outside):
        return None  # x \\text{ cm}
    return plain if _LETTERS.fullmatch(plain) else None


def labelled(text: str) -> tuple[str, str] | None:
    r"""(letter, rest) of a choice that is written out, as \text{(C)} 5 and (D) Alina; None for (A) or (B)."""
    if whole := _TEXT.fullmatch(text):
        text = whole[1].strip()
    label = _LABEL.match(text)
    rest = text[label.end() :].strip() if label else ""
    if label is None or not rest or _SECOND.search(rest):
        return None
    return label[1] or label[2] or label[3], rest


def is_formula_too(text: str) -> bool:
    """Whether a bare run of letters may also be read as a product: xy, but not even."""
    return _FORMULA.fullmatch(text.replace(" ", "")) is not None


def same_words(one: str, other: str) -> bool:
    """Letter by letter; Even and even are the same, yes and YES too, but not ab and AB, nor evelyN and Evelyn."""
    first, second = (re.sub(r"[^\w\s]", "", text).split() for text in (one, other))
    return "".join(first) == "".join(second) or (
        len(first) == len(second) and all(_same_word(*pair) for pair in zip(first, second, strict=True))
    )


def _same_word(one: str, other: str) -> bool:
    if one == other:
        return True
    if one.lower() != other.lower() or (len(one) < 3 and one.lower() not in _TRUTH):
        return False
    return one.lower() in _TRUTH or all(word[1:] == word[1:].lower() for word in (one, other))
