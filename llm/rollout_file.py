"""A table of rollouts in a file: Parquet, JSON lines or a JSON array, each read so that an error names its place."""

from pathlib import Path
from typing import Any

import pandas as pd

from llm.json_lines import objects

TEXTS = ("prompt_id", "response", "answer")  # of a JSON number its own digits: 007 stays a text, 7 becomes one


def read_table(path: Path) -> pd.DataFrame:
    """The table in a file; a folder of llm.sample or llm.train stands for the base rollouts in it."""
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in ("rollouts.parquet", "base.parquet") if (path / name).exists()]
        if not found:
            raise ValueError(f"ROLLOUTS {path} is a folder without rollouts.parquet or base.parquet; name a table")
        path = found[0]
    if not path.exists():
        raise ValueError(f"ROLLOUTS {path} does not exist; make it with python -m llm.sample")
    try:
        return _with_booleans(pd.read_parquet(path) if path.suffix == ".parquet" else _from_json(path))
    except (ValueError, OSError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"ROLLOUTS {path} could not be read ({reason}); it must be Parquet or JSONL") from None


def _from_json(path: Path) -> pd.DataFrame:
    """Only the columns of the first row: a key that appears later is a column that other rows lack."""
    columns: dict[str, list[Any]] = {}
    for _, row in objects(path):
        for name in row if not columns else columns:
            columns.setdefault(name, []).append(row.get(name))
    table = pd.DataFrame(columns)
    for name in set(TEXTS) & set(table):
        table[name] = table[name].map(str, na_action="ignore")
    return table


def _with_booleans(table: pd.DataFrame) -> pd.DataFrame:
    """True and "true" are the same, whoever wrote the file."""
    if "finished" not in table or table["finished"].dtype == bool:
        return table
    words = {"true": True, "false": False}
    told = table["finished"].map(lambda x: words.get(x.strip().lower(), x) if isinstance(x, str) else x)
    return table.assign(finished=told)
