r"""Where the answer of a response stands: in its last box. What the other graders do: docs/grading.md.

A box is \boxed, \fbox or \framebox with braces (spaces before them allowed), or \boxed with one bare word (\boxed 5).
"""

import re

# \\boxed stands in files that were escaped twice.
_BOX = r"\\{1,2}(?:boxed|fbox|framebox)(?![a-zA-Z])\s*(?:\[[^\]\n]{0,20}\]\s*){0,2}(?P<brace>\{)?"
_TOKEN = re.compile(rf"{_BOX}|\\.|[{{}}]", re.DOTALL)
_BARE = re.compile(r"[^\s${}\\]+|\\[a-zA-Z]+(?:\{[^{}\s]*\})*[^\s${}\\]*")
_THINKING, _THOUGHT = "<think>", "</think>"
_LONE = re.compile(r"\\boxed\{(\s*[^\s{}\\][^{}\\]*)\}[^{}\\]*\Z")
_AND = r"(?<![a-zA-Z])(?:and|or)(?![a-zA-Z])|\\text\s*\{\s*,?\s*(?:and|or)?\s*\}"
_JOINED = re.compile(rf"(?:[\s,;.:$&]|\\[()\[\],;:! ]|\\q?quad(?![a-z])|\\\\|\*\*|{_AND})*")


def boxed_answer(response: str) -> str | None:
    r"""The answer of the response as it stands in its last box; None if there is none.

    Neighbouring boxes with nothing but punctuation, "and" or "or" between them are one list. A last box that is never
    closed is no answer, whatever stands before it. After a </think> only what follows it counts; thinking that never
    ended holds no answer. Empty boxes are passed over.
    """
    # What nearly every response is, read without a scan of all its braces: one box, of plain text.
    start = response.rfind("\\boxed{")
    if start >= 0 and response.count("box") == 1 and "think>" not in response and response[start - 1 : start] != "\\":
        if lone := _LONE.match(response, start):
            return lone.group(1).strip()
    thinking = response.rfind(_THOUGHT)
    if thinking >= 0:
        response = response[thinking + len(_THOUGHT) :]
    elif _THINKING in response:
        return None
    boxes, cut_off = _boxes(response)
    if cut_off or not boxes:
        return None
    first = len(boxes) - 1
    while first and _JOINED.fullmatch(response, boxes[first - 1][1], boxes[first][0]):
        first -= 1
    contents = list(dict.fromkeys(content for _, _, content in boxes[first:]))
    return ", ".join(contents)


def _boxes(text: str) -> tuple[list[tuple[int, int, str]], bool]:
    """((start, end, content) of the closed boxes that hold no other, in order; whether a later one stays open).

    One pass with a stack, so that a megabyte of braces costs no more than a megabyte of letters.
    """
    found: list[tuple[int, int, str]] = []
    open_braces: list[tuple[int, int]] = []  # (where the box starts or -1 for a plain brace, where its content starts)
    for token in _TOKEN.finditer(text):
        if token.group() == "}":
            start, content = open_braces.pop() if open_braces else (-1, -1)
            # The content of an outer box ends in the inner one: \boxed{\boxed{4}} says 4.
            if start >= 0 and text[content : token.start()].strip() and (not found or found[-1][0] < start):
                found.append((start, token.end(), text[content : token.start()].strip()))
        elif token.group() == "{":
            open_braces.append((-1, token.end()))
        elif token.group("brace"):
            open_braces.append((token.start(), token.end()))
        elif token.group().lstrip("\\").startswith(("boxed", "fbox")) and (bare := _BARE.match(text, token.end())):
            if word := bare.group().rstrip(".,;:"):
                found.append((token.start(), bare.end(), word))
    last_open = max((start for start, _ in open_braces), default=-1)
    return found, last_open > (found[-1][0] if found else -1)
