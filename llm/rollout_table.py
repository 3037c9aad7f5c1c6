"""Rollouts as the forecast reads them: anybody's table, checked row by row, the samples of a prompt side by side.

Needed columns: prompt_id, sample, response, answer, reward, log_p, length, finished (see llm/sampling/rollouts.py).
Parquet or JSONL; a run folder or a folder of llm.sample stands for the table in it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from theory.estimation.samples import Rollouts

COLUMNS = ("prompt_id", "sample", "response", "answer", "reward", "log_p", "length", "finished")


def read(path: Path) -> Rollouts:
    return from_table(read_table(path), str(path))


def read_table(path: Path) -> pd.DataFrame:
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in ("rollouts.parquet", "base.parquet") if (path / name).exists()]
        if not found:
            raise ValueError(f"ROLLOUTS {path} is a folder without rollouts.parquet or base.parquet; name a table")
        path = found[0]
    if not path.exists():
        raise ValueError(f"ROLLOUTS {path} does not exist; make it with python -m llm.sample")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_json(path, lines=True, dtype={"prompt_id": str, "response": str, "answer": str})
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"ROLLOUTS {path} could not be read ({reason}); it must be Parquet or JSONL") from None


def from_table(table: pd.DataFrame, name: str = "table") -> Rollouts:
    """ValueError, naming the row, for what is not a table of samples with their log-probabilities and rewards."""
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise ValueError(f"ROLLOUTS {name} has no column {missing[0]!r}; its columns are {', '.join(table.columns)}")
    if not len(table):
        raise ValueError(f"ROLLOUTS {name} has no rows; sample at least two responses to each prompt")
    numbers = {}
    for column, rule, is_wrong in (
        ("log_p", "finite and <= 0, a log-probability in nats", lambda x: ~np.isfinite(x) | (x > 0)),
        ("reward", "between 0 and 1", lambda x: ~((x >= 0) & (x <= 1))),
        ("length", "at least 1 token", lambda x: ~((x >= 1) & np.isfinite(x))),
        ("finished", "true or false", lambda x: ~np.isin(x, (0, 1))),
    ):
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(float, na_value=np.nan)
        wrong = np.flatnonzero(is_wrong(values))
        if len(wrong):
            raise ValueError(
                f"ROLLOUTS {name} row {wrong[0] + 1}: {column} is {table[column].iloc[wrong[0]]}, must be {rule}"
            )
        numbers[column] = values
    prompt, prompts = pd.factorize(table["prompt_id"])
    if (prompt < 0).any():
        raise ValueError(f"ROLLOUTS {name} row {np.argmin(prompt) + 1}: prompt_id is missing; give every row one")
    twice = table.duplicated(["prompt_id", "sample"]).to_numpy()
    if twice.any():
        row = table.iloc[int(np.argmax(twice))]
        raise ValueError(
            f"ROLLOUTS {name} row {np.argmax(twice) + 1}: prompt_id {row['prompt_id']}, sample {row['sample']} stands "
            "there a second time; number the samples of a prompt"
        )

    order = np.argsort(prompt, kind="stable")
    prompt, finished = prompt[order], numbers["finished"][order].astype(bool)
    start = np.flatnonzero(np.diff(prompt, prepend=-1))
    response = pd.factorize(table["response"].to_numpy()[order])[0]
    vote, correct_vote = _votes(table, order, start, finished)
    return Rollouts(
        prompts[prompt[start]].to_numpy() if hasattr(prompts, "to_numpy") else np.asarray(prompts)[prompt[start]],
        start,
        _one_log_p(numbers["log_p"][order], numbers["length"][order], prompt, response),
        np.where(finished, numbers["reward"][order], 0.0),
        numbers["length"][order],
        response,
        finished,
        vote,
        correct_vote,
        pd.to_numeric(table["log_pi"], errors="coerce").to_numpy(float)[order] if "log_pi" in table else None,
    )


def _one_log_p(log_p, length, prompt, response):
    """The same response to the same prompt gets one log_p: batches differ in rounding, and ties must be ties."""
    keys = pd.DataFrame({"prompt": prompt, "response": response, "length": length, "log_p": log_p})
    return keys.groupby(["prompt", "response", "length"], sort=False)["log_p"].transform("mean").to_numpy()


def _votes(table, order, start, finished):
    """(the answer that each response gives, the right one of each prompt) as numbers, by normal form.

    A response that is rewarded 1 votes for the right answer however it is written.
    """
    from llm.grading.answers import vote as voted

    # Texts repeat: each is read once.
    text, texts = pd.factorize(table["response"].to_numpy()[order])
    boxed = np.array([voted(str(t)) for t in texts], dtype=object)[text]
    boxed[~finished] = None
    gold = table["answer"].astype(str).str.strip().to_numpy()[order]
    right = (pd.to_numeric(table["reward"]).to_numpy(float)[order] == 1) & finished
    boxed = np.where(right, gold, boxed)
    vote, names = pd.factorize(boxed)
    number = {name: i for i, name in enumerate(names)}
    return vote, np.array([number.get(answer, -1) for answer in gold[start]])
