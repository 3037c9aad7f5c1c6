"""Our docstrings as Markdown: the equation that opens one is set as it was typed, and its signs are not markup."""

import html
import re

from griffe import Docstring, Extension, Object

SIGNS = re.compile(r"(`[^`]*`)|([*_\[\]#<])")


def markdown(text: str, equation: bool) -> str:
    """Paragraphs one by one: an equation at the top and doctests as blocks, all else as text with its signs escaped."""
    first, *others = text.split("\n\n")
    opening = _block(first)
    if equation and any(sign in first for sign in "=∝≤≥→"):
        opening = f'<div class="equation">{html.escape(first)}</div>'
    return "\n\n".join([opening, *map(_block, others)])


def _block(paragraph: str) -> str:
    if paragraph.lstrip().startswith(">>>"):
        return f"```pycon\n{paragraph}\n```"
    if all(line.startswith("    ") for line in paragraph.splitlines()):
        return paragraph  # an indented block is one in Markdown too
    return SIGNS.sub(_literal, paragraph)


def _literal(found: re.Match[str]) -> str:
    """Code as it is; a sign of the maths as itself, not as markup."""
    return found[1] or ("&lt;" if found[2] == "<" else f"\\{found[2]}")


class Escaped(Extension):
    """Every docstring that griffe reads."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        if obj.docstring:
            told = obj.docstring
            text = markdown(told.value, equation=obj.is_function)
            obj.docstring = Docstring(text, lineno=told.lineno, endlineno=told.endlineno, parent=obj)
