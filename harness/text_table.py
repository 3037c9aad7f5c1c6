"""Tables of plain text that no terminal, pipe or log file cuts: columns as wide as their cells, in as many blocks as
the width asks for.
"""

import itertools
import shutil
from collections.abc import Collection, Sequence

WITHOUT_TERMINAL = 100  # columns of a file, a pipe or a log, where nothing says how wide it will be read
GAP = "  "


def width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((WITHOUT_TERMINAL, 24)).columns


def table(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int, left: Collection[int] = (0,)) -> str:
    """Columns to the right, but for those in `left`; where they do not fit, further blocks that repeat the first.

    No cell is ever cut: a block is wider than `columns` only where its first two columns alone are.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    blocks = _blocks(widths, columns)
    return "\n\n".join("\n".join(_line(line, widths, block, left) for line in lines) for block in blocks)


def display_width(text: str) -> int:
    """Columns that a terminal gives it: two for a Chinese character, none for a combining accent."""
    from rich.cells import cell_len

    return cell_len(text)


def _blocks(widths: Sequence[int], columns: int) -> list[list[int]]:
    """The columns of each block, the first in all of them."""
    blocks, used = [[0]], widths[0]
    for number in range(1, len(widths)):
        needed = len(GAP) + widths[number]
        if used + needed > columns and len(blocks[-1]) > 1:
            blocks.append([0])
            used = widths[0]
        blocks[-1].append(number)
        used += needed
    return blocks


def _line(cells: Sequence[str], widths: Sequence[int], block: Sequence[int], left: Collection[int]) -> str:
    padded = []
    for number in block:
        space = " " * (widths[number] - display_width(cells[number]))
        padded.append(cells[number] + space if number in left else space + cells[number])
    return GAP.join(padded).rstrip()


def without_shared_beginning(names: Sequence[str]) -> tuple[str, list[str]]:
    """(the folders that all paths begin with, the rest of each); with a single path all but its last part."""
    parts = [name.split("/") for name in names]
    together = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    shared = min(len(list(together)), min(map(len, parts), default=1) - 1)
    return "/".join(parts[0][:shared]) if parts else "", ["/".join(own[shared:]) for own in parts]
