"""One prompt's responses in a file: a policy written out in JSON, or a table of rollouts (JSON, JSONL or Parquet).

A policy is an object of lists, {"p": [...]} or {"log_p": [...]} with "reward" and optionally "length". A table has
rows with log_p and reward, and optionally prompt_id, response, finished and length: what `llm.sample` writes.

The two differ in what a missing sum means. Who writes p knows all responses, so the numbers must add up to one. Who
samples knows some of them, with what the model says of each: they add up to less, and what is listed is made a
distribution of its own, with a sentence that says how much of the model it is. Sums above one cannot be either, and
have a cause that is worth naming: equal rows, or log p in other units.

Files come from others: numbers are read as numbers, nothing is evaluated, and each fault is one line that names the
file, the entry and the remedy.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from theory.distribution import SUM_TOLERANCE, checked_log_p, log_sum_exp
from theory.problem import Problem

# Sums of float32 token log-probabilities differ by this much between batches of one model.
SAME_LOG_P = 0.05
COLUMNS = ("log_p", "reward", "length", "prompt_id", "response", "finished")

Row = dict[str, Any]


class Listed(NamedTuple):
    """The problem over the listed responses, how much of the model's probability they hold, and whose they are.

    Renormalising is right for the listed responses among themselves: ratios of p are kept, and every optimum depends
    on ratios alone. What is not listed could change which response is the mode, and the limits of sharpening with it.
    """

    problem: Problem
    mass: float
    prompt_id: str | None

    def note(self, path: Path) -> str:
        """One sentence for the reader of a result: what it is computed for."""
        whose = f"prompt {self.prompt_id} of {path}" if self.prompt_id is not None else str(path)
        return (
            f"{len(self.problem)} distinct responses of {whose}: they hold {self.mass:.4g} of the model's probability, "
            "and are renormalised to be all the responses there are"
        )


def read_policy(path: Path, prompt_id: str | None = None) -> Listed:
    """log p, reward and length of the distinct responses of one prompt.

    "p" is a whole distribution and must add up to one. "log_p" is what a model says of the responses that happen to be
    listed: they are renormalised, and `mass` keeps their sum. Rows with equal responses count once. -inf (or p = 0) is
    a response of probability zero. ValueError names the argument, the entry that is missing or wrong, and what to do.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "policy.json"
    ...     _ = file.write_text('{"log_p": [-0.7, -1.2, -2.3], "reward": [0, 1, 1]}')
    ...     listed = read_policy(file)
    >>> round(listed.mass, 3), np.exp(listed.problem.log_p).round(3)  # .102 of the model is not in the list
    (0.898, array([0.553, 0.335, 0.112]))
    """
    path = Path(path)
    rows = _rows(path)
    _need(path, rows, "reward", "log_p")
    rows, prompt_id = _one_prompt(path, rows, prompt_id)
    rows = _distinct(path, rows)
    log_p, mass = _normalised(path, _numbers(path, rows, "log_p"))
    reward = _numbers(path, rows, "reward")
    length = _numbers(path, rows, "length") if all(row.get("length") is not None for row in rows) else None
    try:
        return Listed(Problem(log_p, reward, length), mass, prompt_id)
    except ValueError as error:
        raise ValueError(f"--policy {path}: {error}") from None


def _normalised(path: Path, log_p: Float[np.ndarray, " y"]) -> tuple[Float[np.ndarray, " y"], float]:
    """log p over the listed responses alone, and the mass that they hold.

    A little above one is let pass and divided out: float32 sums of one response differ by as much between batches.
    """
    if log_p.max() > 0:
        raise ValueError(
            f"--policy {path}: log_p = {log_p.max():g} is a probability above 1; "
            "give natural logarithms of probabilities, at most 0"
        )
    log_mass = float(log_sum_exp(log_p))
    mass = float(np.exp(log_mass))
    if np.isneginf(log_mass):
        raise ValueError(f"--policy {path}: every response has probability zero; list one that can be drawn")
    if mass > 1 + SAME_LOG_P:
        raise ValueError(
            f"--policy {path}: the probabilities sum to {mass:.6g}; list each response once "
            "(a response column lets equal ones be merged)"
        )
    # A sum that is one but for rounding stays as it was written.
    return (log_p if abs(mass - 1) <= SUM_TOLERANCE else log_p - log_mass), mass


def _rows(path: Path) -> list[Row]:
    """One dictionary a response, whatever the file."""
    if not path.exists():
        raise ValueError(f"--policy {path} does not exist; give a JSON, JSONL or Parquet file")
    if path.suffix == ".parquet":
        rows: Any = _parquet(path)
    elif path.suffix == ".jsonl":
        lines = enumerate(_text(path).splitlines(), 1)
        rows = [_json(path, line, number) for number, line in lines if line.strip()]
    elif path.suffix == ".json":
        rows = _json(path, _text(path))
        if isinstance(rows, dict):
            rows = _columns_to_rows(path, rows)
    else:
        raise ValueError(f"--policy {path} ends in {path.suffix!r}; give .json, .jsonl or .parquet")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"--policy {path} must hold objects with log_p and reward, one a response")
    if not rows:
        raise ValueError(f"--policy {path} lists no response; give at least one, with its log_p and reward")
    return rows


def _text(path: Path) -> str:
    """UTF-8, as JSON is: a file in another encoding would be read as other letters, and responses compared by them."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"--policy {path} is not text in UTF-8 (byte {error.start}); save it again as UTF-8") from None


def _parquet(path: Path) -> list[Row]:
    """The columns that are used and no other: a table of rollouts may hold texts and tokens by the gigabyte."""
    from pyarrow import ArrowInvalid, parquet  # a third of a second to import, so only where a table is read

    try:
        there = parquet.read_schema(path).names
        return parquet.read_table(path, columns=[name for name in COLUMNS if name in there]).to_pylist()
    except ArrowInvalid as error:
        raise ValueError(f"--policy {path} is not Parquet: {error}") from None


def _json(path: Path, text: str, line: int | None = None) -> Any:
    """Of JSONL each line is a text of its own, and `line` its number in the file."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"--policy {path}: invalid JSON on line {line or error.lineno}: {error.msg}") from None


def _columns_to_rows(path: Path, columns: Row) -> list[Row]:
    """A policy written as lists; probabilities become logarithms here.

    Both p and log_p would be two accounts of one thing, and where they disagree nobody could say which is meant.
    """
    if ("log_p" in columns) == ("p" in columns):
        raise ValueError(f"--policy {path} needs exactly one of log_p and p, as a list with one number a response")
    name = "log_p" if "log_p" in columns else "p"
    names = [name, "reward"] + (["length"] if columns.get("length") is not None else [])
    for column in names:
        if not isinstance(columns.get(column), list):
            raise ValueError(f'--policy {path} has no list "{column}"; give one number a response')
        if len(columns[column]) != len(columns[name]):
            raise ValueError(
                f"--policy {path} has {len(columns[name])} {name} and {len(columns[column])} {column}; "
                "give one of each a response"
            )
    rows = [dict(zip(names, values, strict=True)) for values in zip(*(columns[name] for name in names), strict=True)]
    return _probabilities_to_logarithms(path, rows) if name == "p" and rows else rows


def _probabilities_to_logarithms(path: Path, rows: list[Row]) -> list[Row]:
    """Zeros become -inf on purpose; a sum that is not one is refused, since whoever writes p means all of it."""
    p = _numbers(path, rows, "p")
    if not np.all(p >= 0):
        raise ValueError(f"--policy {path}: p holds {p[~(p >= 0)][0]}; a probability is a number of at least 0")
    with np.errstate(divide="ignore"):  # an exact zero is off the support
        log_p = np.log(p)
    try:
        checked_log_p(log_p, "p")
    except ValueError as error:
        raise ValueError(f"--policy {path}: {error}") from None
    return [{**row, "log_p": value} for row, value in zip(rows, log_p.tolist(), strict=True)]


def _need(path: Path, rows: list[Row], *columns: str) -> None:
    """ValueError names the first row that lacks one of the columns, and all that it lacks."""
    for number, row in enumerate(rows, 1):
        missing = [column for column in columns if column not in row]
        if missing:
            raise ValueError(
                f"--policy {path}: row {number} has no {' and no '.join(missing)}; every response needs it"
            )


def _one_prompt(path: Path, rows: list[Row], prompt_id: str | None) -> tuple[list[Row], str | None]:
    """The rows of one prompt: q and its moments are of one distribution, and rows of two prompts make no such thing."""
    known = list(dict.fromkeys(str(row["prompt_id"]) for row in rows if row.get("prompt_id") is not None))
    if prompt_id is None and len(known) <= 1:
        return rows, known[0] if known else None
    example = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
    if prompt_id is None:
        raise ValueError(f"--policy {path} has {len(known)} prompts; choose one with --prompt-id ({example})")
    if prompt_id not in known:
        raise ValueError(f"--prompt-id {prompt_id} is not in {path}; it has {example or 'no prompt_id column'}")
    return [row for row in rows if str(row.get("prompt_id")) == prompt_id], prompt_id


def _distinct(path: Path, rows: list[Row]) -> list[Row]:
    """One row a response, where responses are given.

    Samples repeat, and a distribution lists each response once: what is frequent is already probable by its log p.
    Copies may differ by rounding; by more, they were scored by different models or at different temperatures, and no
    choice between them is right.
    """
    if any(row.get("response") is None for row in rows):
        return rows
    kept: dict[Any, Row] = {}
    for row in rows:
        # A response that was cut off is another event than the same text with its end.
        first = kept.setdefault((json.dumps(row["response"], default=str), row.get("finished")), row)
        one, other = first["log_p"], row["log_p"]
        if all(isinstance(n, int | float) for n in (one, other)) and abs(one - other) > SAME_LOG_P:
            raise ValueError(
                f"--policy {path}: one response has log_p {one:g} and {other:g}; "
                "log-probabilities must come from one model at temperature 1"
            )
    return list(kept.values())


def _numbers(path: Path, rows: list[Row], column: str) -> Float[np.ndarray, " y"]:
    """One number a response; text, null and nan are refused, true and false are 1 and 0.

    A text "0.5" is refused as well: a column of texts was written by something that did not know them for numbers, and
    may hold decimal commas or percentages.
    """
    for number, row in enumerate(rows, 1):
        value = row[column]
        if not isinstance(value, int | float) or np.isnan(value):
            raise ValueError(f"--policy {path}: {column} of response {number} is {value!r}; every one must be a number")
    return np.array([row[column] for row in rows], dtype=np.float64)
