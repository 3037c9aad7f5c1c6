"""A table of rollouts in a file: Parquet, JSON lines or a JSON array, each read so that an error names its place.

It holds our own columns, or those of a tool that llm.readers knows, or others that the user names with --column.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from llm.json_lines import BYTE_ORDER_MARK, objects
from llm.readers import inspect_ai, tools
from llm.readers.answers import with_answers, with_rewards
from llm.readers.columns import parsed_columns
from llm.readers.found import Found, Misread

TEXTS = ("prompt_id", "response", "answer")  # of a JSON number its own digits: 007 stays a text, 7 becomes one


def read_table(path: Path) -> pd.DataFrame:
    """The table in a file; a folder of llm.sample or llm.train stands for the base rollouts in it."""
    return read_file(path).table


def read_file(path: Path, columns: Sequence[str] = (), answers: Path | None = None) -> Found:
    """The table in a file and what is not known of it.

    columns: OURS=THEIRS, names of the file under ours. answers: a table of right answers or rewards, for a file without
    (llm.readers.answers). ValueError says what is wrong, and in which row.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in ("rollouts.parquet", "base.parquet") if (path / name).exists()]
        if not found:
            raise ValueError(f"ROLLOUTS {path} is a folder without rollouts.parquet or base.parquet; name a table")
        path = found[0]
    if not path.exists():
        raise ValueError(f"ROLLOUTS {path} does not exist; make it with python -m llm.sample")
    named = parsed_columns(columns)
    right = None if answers is None else read_table(answers)
    try:
        read = _from_parquet(path, named) if _is_parquet(path) else _from_json(path, named)
        read = with_rewards(read if right is None else with_answers(read, right))
    except Misread as error:
        raise ValueError(f"ROLLOUTS {path}: {' '.join(str(error).split())}") from None
    except (ValueError, OSError, EOFError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"ROLLOUTS {path} could not be read ({reason}); it must be Parquet or JSONL") from None
    return replace(_without_answers(read), table=_with_booleans(read.table), path=path)


def tells_no_answers(table: pd.DataFrame) -> bool:
    """A column given that is empty in every row says that answers are not known, not that there are none in boxes."""
    return "given" in table and bool(table["given"].isna().all())


def _without_answers(found: Found) -> Found:
    """Says so where the table tells no answers."""
    if not len(found.table) or not tells_no_answers(found.table):
        return found
    why = "no row of the column given holds an answer; maj@k is not known"
    return replace(found, unknown={"given": why, **found.unknown})


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".parquet" or file.read(4) == b"PAR1"


def _from_parquet(path: Path, named: Mapping[str, str]) -> Found:
    table = pd.read_parquet(path)
    first = {name: table[name].iloc[0] for name in table} if len(table) else {}
    tool = tools.tool_of(first)
    if tool is None:
        return Found(_renamed(table, named))
    rows = ({name: _plain(value) for name, value in row.items()} for row in table.to_dict("records"))
    return tools.read(tool, enumerate(rows, start=1), named)


def _plain(value: Any) -> Any:
    """Lists and numbers as JSON has them, for what Parquet gives as NumPy's."""
    return value.tolist() if hasattr(value, "tolist") else value


def _from_json(path: Path, named: Mapping[str, str]) -> Found:
    """Only the columns of the first row: a key that appears later is a column that other rows lack."""
    rows = _documents(path)
    first = list(itertools.islice(rows, 1))
    tool = tools.tool_of(first[0][1]) if first else None
    if tool is not None:
        return tools.read(tool, itertools.chain(first, rows), named)
    columns: dict[str, list[Any]] = {}
    for _, row in itertools.chain(first, rows):
        for name in row if not columns else columns:
            columns.setdefault(name, []).append(row.get(name))
    table = _renamed(pd.DataFrame(columns), named)
    for name in set(TEXTS) & set(table):
        table[name] = table[name].map(str, na_action="ignore")
    return Found(table)


def _documents(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects in a file: one a line, in an array, one over many lines, or the log in a ZIP of Inspect."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        first = next((line for line in file if line.strip()), b"")
    if start == b"PK\x03\x04":
        yield 1, inspect_ai.log_of_zip(path)
    elif first.removeprefix(BYTE_ORDER_MARK).strip() == b"{":
        yield 1, json.loads(path.read_text(encoding="utf-8-sig"))
    else:
        yield from objects(path)


def _renamed(table: pd.DataFrame, named: Mapping[str, str]) -> pd.DataFrame:
    """Their columns under our names, in the place of those that had them; samples numbered where they are not."""
    lacking = [f"{own}={theirs}" for own, theirs in named.items() if theirs not in table]
    if lacking:
        raise Misread(f"--column {lacking[0]}: there is no such column, but {', '.join(map(str, table.columns))}")
    table = table.assign(**{own: table[theirs] for own, theirs in named.items()})
    if named and "sample" not in table and "prompt_id" in table:
        table["sample"] = table.groupby("prompt_id", sort=False).cumcount()
    return table


def _with_booleans(table: pd.DataFrame) -> pd.DataFrame:
    """True and "true" are the same, whoever wrote the file."""
    if "finished" not in table or table["finished"].dtype == bool:
        return table
    words = {"true": True, "false": False}
    told = table["finished"].map(lambda x: words.get(x.strip().lower(), x) if isinstance(x, str) else x)
    return table.assign(finished=told)
