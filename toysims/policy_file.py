"""The responses of one prompt of a real model as a tiny problem: JSON, JSONL or Parquet rollouts."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from toysims.policies.categorical import Problem

# Sums of float32 token log-probabilities differ by this much between batches of one model.
SAME_LOG_P = 0.05


class Listed(NamedTuple):
    """The problem over the listed responses, and how much of the model's probability they hold."""

    problem: Problem
    mass: float
    prompt_id: str | None


def read(path: Path, prompt_id: str | None = None) -> Listed:
    """p and r of the distinct responses of one prompt, renormalised over those listed.

    A table has rows with log_p and reward, and optionally prompt_id and response; equal responses count
    once. JSON may also hold {"log_p": [...], "reward": [...]}. ValueError names what is wrong and where.
    """
    path = Path(path)
    rows = _rows(path)
    for column in ("log_p", "reward"):
        for number, row in enumerate(rows, 1):
            if column not in row:
                raise ValueError(f"--policy {path}: row {number} has no {column}; every response needs one")
    rows, prompt_id = _one_prompt(path, rows, prompt_id)
    rows = _distinct(path, rows)
    log_p = _numbers(path, rows, "log_p")
    reward = _numbers(path, rows, "reward")
    if log_p.max(initial=-np.inf) > 0:
        raise ValueError(
            f"--policy {path}: log_p = {log_p.max():g} is a probability above 1; "
            "give natural logarithms of probabilities, at most 0"
        )
    if len(log_p) < 2:
        raise ValueError(f"--policy {path} lists {len(log_p)} distinct response; give at least 2, or sample more")
    mass = float(np.exp(log_p).sum())
    if mass > 1 + SAME_LOG_P:
        raise ValueError(
            f"--policy {path}: the probabilities sum to {mass:.6g}; list each response once "
            "(a response column lets equal ones be merged)"
        )
    if reward.min() == reward.max():
        raise ValueError(
            f"--policy {path}: every response has reward {reward[0]:g}, so a task reward has nothing to "
            "choose; take a prompt with right and wrong responses"
        )
    top = log_p.max()
    return Listed(Problem(log_p - top - np.log(np.exp(log_p - top).sum()), reward), mass, prompt_id)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        raise ValueError(f"--policy {path} does not exist; give a JSON, JSONL or Parquet file")
    if path.suffix == ".parquet":
        from pyarrow import ArrowInvalid, parquet

        try:
            return parquet.read_table(path).to_pylist()
        except ArrowInvalid as error:
            raise ValueError(f"--policy {path} is not Parquet: {error}") from None
    if path.suffix == ".jsonl":
        lines = enumerate(path.read_text().splitlines(), 1)
        rows = [_json(path, line, number) for number, line in lines if line.strip()]
    elif path.suffix == ".json":
        rows = _json(path, path.read_text())
        if isinstance(rows, dict):
            rows = _columns_to_rows(path, rows)
    else:
        raise ValueError(f"--policy {path} ends in {path.suffix!r}; give .json, .jsonl or .parquet")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"--policy {path} must hold objects with log_p and reward, one a response")
    return rows


def _json(path, text, line=None):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {line}" if line else f"line {error.lineno}"
        raise ValueError(f"--policy {path}: invalid JSON on {where}: {error.msg}") from None


def _columns_to_rows(path, columns):
    for name in ("log_p", "reward"):
        if not isinstance(columns.get(name), list):
            raise ValueError(f'--policy {path} has no list "{name}"; give {{"log_p": [...], "reward": [...]}}')
    if len(columns["log_p"]) != len(columns["reward"]):
        raise ValueError(
            f"--policy {path} has {len(columns['log_p'])} log_p and {len(columns['reward'])} reward; "
            "give one of each a response"
        )
    pairs = zip(columns["log_p"], columns["reward"], strict=True)
    return [{"log_p": log_p, "reward": reward} for log_p, reward in pairs]


def _one_prompt(path, rows, prompt_id):
    known = list(dict.fromkeys(str(row["prompt_id"]) for row in rows if row.get("prompt_id") is not None))
    if prompt_id is None and len(known) <= 1:
        return rows, known[0] if known else None
    example = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
    if prompt_id is None:
        raise ValueError(f"--policy {path} has {len(known)} prompts; choose one with --prompt-id ({example})")
    if prompt_id not in known:
        raise ValueError(f"--prompt-id {prompt_id} is not in {path}; it has {example or 'no prompt_id column'}")
    return [row for row in rows if str(row.get("prompt_id")) == prompt_id], prompt_id


def _distinct(path, rows):
    """One row a response, where responses are given."""
    if any(row.get("response") is None for row in rows):
        return rows
    kept: dict[Any, dict[str, Any]] = {}
    for row in rows:
        # A response that was cut off is another event than the same text with its end.
        first = kept.setdefault((json.dumps(row["response"], default=str), row.get("finished")), row)
        numbers = first["log_p"], row["log_p"]
        if all(isinstance(n, int | float) for n in numbers) and abs(numbers[0] - numbers[1]) > SAME_LOG_P:
            raise ValueError(
                f"--policy {path}: one response has log_p {first['log_p']:g} and {row['log_p']:g}; "
                "log-probabilities must come from one model at temperature 1"
            )
    return list(kept.values())


def _numbers(path, rows, column):
    for number, row in enumerate(rows, 1):
        value = row[column]
        if isinstance(value, bool):
            continue
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise ValueError(
                f"--policy {path}: {column} of response {number} is {value}; every one must be a finite number"
            )
    return np.array([row[column] for row in rows], dtype=np.float64)
