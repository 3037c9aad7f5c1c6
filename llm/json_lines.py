"""Objects in a file, one a line or in one JSON array, read so that an error names its line."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object), or (place in the array, object). Empty lines and a byte-order mark are passed over.

    ValueError, which begins with the line: not JSON, not UTF-8, not an object.
    """
    with _open(path) as file:
        first = next((line for line in file if line.strip()), b"")
        file.seek(0)
        is_array = first.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[")
        for number, row in _in_array(file.read()) if is_array else _in_lines(file):
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not an object with named columns, but a {type(row).__name__}")
            yield number, row


def _open(path: Path) -> Any:
    return OPENERS[path.suffix](path, "rb") if path.suffix in OPENERS else path.open("rb")


def _in_array(content: bytes) -> Iterator[tuple[int, Any]]:
    try:
        rows = json.loads(content.removeprefix(BYTE_ORDER_MARK).decode("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 text") from None
    yield from enumerate(rows, start=1)


def _in_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        line = line.removeprefix(BYTE_ORDER_MARK).strip()
        if not line:
            continue
        try:
            yield number, json.loads(line.decode("utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is not JSON: {error.msg}; is the file cut off?") from None
        except UnicodeDecodeError:
            raise ValueError(f"line {number} is not UTF-8 text") from None
