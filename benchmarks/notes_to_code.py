"""How much a reader is told beside the code: lines of docstrings and comments for each line of code, file by file.

Run `python benchmarks/notes_to_code.py theory`; any files or folders will do, other people's too. A line of notes is
one that is not blank and belongs to a docstring (or a string under an attribute) or has a comment, a licence's
included; a line of code is any other that is not blank, and a line with a comment behind its code is both. Two ratios
are given, of lines and of characters: long lines of prose beside short ones of code make the first smaller.
"""

import ast
import io
import sys
import tokenize
from pathlib import Path
from typing import NamedTuple


class Tally(NamedTuple):
    """Lines of notes and of code, and the characters in them without indentation."""

    notes: int
    code: int
    note_characters: int
    code_characters: int

    def __add__(self, other):
        return Tally(*map(sum, zip(self, other, strict=True)))

    def ratios(self):
        return tuple(a / b if b else 0.0 for a, b in ((self[0], self[1]), (self[2], self[3])))


def tally(source):
    lines = source.splitlines()
    prose = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, node.end_lineno + 1)
        if lines[number - 1].strip()
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    code = {
        number: line[: comments[number].start[1]] if number in comments else line
        for number, line in enumerate(lines, 1)
        if number not in prose
    }
    code = {number: line.strip() for number, line in code.items() if line.strip()}
    characters = sum(len(lines[number - 1].strip()) for number in prose) + sum(len(c.string) for c in comments.values())
    return Tally(len(prose) + len(comments), len(code), characters, sum(map(len, code.values())))


def main():
    total = Tally(0, 0, 0, 0)
    for root in map(Path, sys.argv[1:] or ["theory"]):
        for file in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            counted = tally(file.read_text())
            total += counted
            print(f"{counted.notes:5} {counted.code:5}  {'{:.2f}  {:.2f}'.format(*counted.ratios())}  {file}")
    lines, characters = total.ratios()
    print(f"{total.notes:5} {total.code:5}  {lines:.3f} of lines, {characters:.3f} of characters: notes to code")


if __name__ == "__main__":
    main()
