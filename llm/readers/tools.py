"""The table in a file of another tool: which tool it is, its responses under our names, and what cannot be known."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import pandas as pd

from llm.readers import inspect_ai, lm_eval, nemo_rl, openai, plain, prime_rl, trl, verl
from llm.readers.found import CHOSEN_REWARD, Found, Misread, Row, key_of

TOOLS: tuple[ModuleType, ...] = (trl, verl, lm_eval, inspect_ai, nemo_rl, prime_rl, openai, plain)
OPTIONAL = ("log_p", "length", "finished", "answer")  # without them some numbers can still be told
OWN = {"prompt_id", "response"}  # of our own tables; none of the others has both


def tool_of(row: Row) -> ModuleType | None:
    """Whose file it is, by its first row; None for a table with columns of its own."""
    return None if set(row) >= OWN else next((tool for tool in TOOLS if tool.recognises(row)), None)


def read(tool: ModuleType, rows: Iterable[tuple[int, Row]], columns: Mapping[str, str]) -> Found:
    """The table, from the numbered rows of a file. Misread names the row that is not as the tool writes it."""
    responses: list[dict[str, Any]] = []
    for number, row in rows:
        try:
            responses += _responses(tool, row, columns)
        except ValueError as error:
            raise Misread(f"it is a file of {tool.NAME}, row {number}: {error}") from None
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise Misread(
                f"it looks like a file of {tool.NAME}, but row {number} is not as that tool writes it "
                f"({type(error).__name__}: {error})"
            ) from None
    if not responses:
        raise Misread(f"it is a file of {tool.NAME} without a single response")
    names = dict.fromkeys(name for response in responses for name in response)
    return _found(tool, pd.DataFrame({name: [response.get(name) for response in responses] for name in names}))


def _responses(tool: ModuleType, row: Row, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those of a row, with the columns that the user named; of Inspect, a reward is the name of a scorer."""
    if tool is inspect_ai:
        return tool.rows({**row, CHOSEN_REWARD: columns["reward"]} if "reward" in columns else row)
    named = {own: row.get(theirs) for own, theirs in columns.items()}
    responses = tool.rows({**row, CHOSEN_REWARD: named["reward"]} if "reward" in named else row)
    lacking = [f"{own}={theirs}" for own, theirs in columns.items() if theirs not in row]
    if lacking and responses:
        raise ValueError(f"--column {lacking[0]}: there is no such column, but {', '.join(map(str, row))}")
    return [response | named for response in responses]


def _found(tool: ModuleType, table: pd.DataFrame) -> Found:
    notes = list(tool.NOTES)
    if "filter" in table and table["filter"].nunique() > 1:
        filters = list(table["filter"].unique())
        notes.append(f"of its filters ({', '.join(map(str, filters))}) {filters[0]} is read")
        table = table[table["filter"] == filters[0]].reset_index(drop=True)
    unknown = _unknown(tool, table)
    table = table.drop(columns=[name for name in table if name in unknown or table[name].isna().all()])
    if "prompt_id" not in table:
        table["prompt_id"] = [key_of(prompt) for prompt in table["prompt"]]
    if "sample" not in table or table.duplicated(["prompt_id", "sample"]).any():
        table["sample"] = table.groupby("prompt_id").cumcount()
    return Found(table, tool.NAME, unknown, notes=tuple(notes))


def _unknown(tool: ModuleType, table: pd.DataFrame) -> dict[str, str]:
    """What not every response has -> why."""
    unknown = {}
    for name in OPTIONAL:
        lacking = int(table[name].isna().sum()) if name in table else len(table)
        if lacking:
            reason = tool.CANNOT.get(name, "the file does not hold it")
            unknown[name] = reason if lacking == len(table) else f"{lacking} of {len(table)} responses have none"
    if "reward" not in table or table["reward"].isna().all():
        unknown["reward"] = tool.CANNOT.get("reward", "it holds no rewards")
    boxed = table["response"].map(lambda text: isinstance(text, str) and r"\boxed" in text)
    if ("given" not in table or table["given"].isna().all()) and not boxed.any():
        unknown["given"] = "the answer that a response gives is neither in a box nor in the file"
    return unknown
