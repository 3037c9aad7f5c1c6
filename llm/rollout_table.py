"""Rollouts as the forecast reads them: anybody's table, checked row by row, the samples of a prompt side by side.

Needed columns: prompt_id, sample, response, answer, reward, log_p, length, finished (see llm/sampling/rollouts.py).
Where another tool's file (llm.readers) cannot tell an answer, log_p, length or finished, the caller says so. A column
"given" holds the answers that responses give, where they stand in no box.
"""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd

from llm.rollout_file import read_table, tells_no_answers
from theory.estimation.samples import Rollouts, copy_rounding
from theory.score_noise import sd_of_a_token

COLUMNS = ("prompt_id", "sample", "response", "answer", "reward", "log_p", "length", "finished")
LARGEST = 1e9  # of a log-probability or a length: what lies beyond is no measurement, and its squares overflow
UNKNOWN: dict[str, str | float | bool] = {"answer": "", "log_p": np.nan, "length": np.nan, "finished": True}
RULES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "log_p": ("finite and <= 0, a log-probability in nats", lambda x: ~((x <= 0) & (x > -LARGEST))),
    "reward": ("between 0 and 1", lambda x: ~((x >= 0) & (x <= 1))),
    "length": ("at least 1 token", lambda x: ~((x >= 1) & (x < LARGEST))),
    "finished": ("true or false", lambda x: ~np.isin(x, (0, 1))),
}


def read(path: Path) -> Rollouts:
    """The rollouts in a file or folder. ValueError says what is wrong, and in which row."""
    return from_table(read_table(path), str(path))


def from_table(table: pd.DataFrame, name: str = "table", unknown: Collection[str] = ()) -> Rollouts:
    """ValueError, naming the row, for what is not a table of samples with their log-probabilities and rewards.

    unknown: of answer, log_p, length, finished and given those that the table lacks. An unknown log_p or length is
    nan, and what is not known to be cut off counts as finished.
    """
    table = table.assign(**{column: UNKNOWN[column] for column in COLUMNS if column in unknown})
    missing = [repr(column) for column in COLUMNS if column not in table]
    if missing:
        columns = f"its columns are {', '.join(map(str, table.columns))}" if len(table.columns) else "it has none"
        how = f"; say which one it is with --column {missing[0].strip(chr(39))}=NAME" if len(table.columns) else ""
        raise ValueError(f"ROLLOUTS {name} has no column {', '.join(missing)}; {columns}{how}")
    if not len(table):
        raise ValueError(f"ROLLOUTS {name} has no rows; sample at least two responses to each prompt")
    _check_texts(table, name)
    numbers = {
        column: np.full(len(table), float(UNKNOWN[column])) if column in unknown else _numbers(table, column, name)
        for column in RULES
    }
    prompt, prompts = pd.factorize(table["prompt_id"])
    order = np.argsort(prompt, kind="stable")
    prompt, finished = prompt[order], numbers["finished"][order].astype(bool)
    start = np.flatnonzero(np.diff(prompt, prepend=-1))
    response = pd.factorize(table["response"].to_numpy()[order])[0]
    vote, correct_vote = _votes(table, numbers["reward"][order], order, start, finished)
    return Rollouts(
        np.asarray(prompts)[prompt[start]],
        start,
        _one_log_p(numbers["log_p"][order], numbers["length"][order], prompt, response, finished),
        np.where(finished, numbers["reward"][order], 0.0),
        numbers["length"][order],
        response,
        finished,
        vote,
        correct_vote,
        log_pi=as_given(table, "log_pi")[order] if "log_pi" in table else None,
        entropy=as_given(table, "entropy")[order] if "entropy" in table else None,
        log_p_noise=_noise(table, numbers),
        answers_known="given" not in unknown and not tells_no_answers(table),
    )


def _noise(table: pd.DataFrame, numbers: dict[str, np.ndarray]) -> float:
    """Of a token's log p, from the rows that were scored twice; 0 where none was."""
    if "log_p_again" not in table:
        return 0.0
    found = sd_of_a_token(numbers["log_p"], as_given(table, "log_p_again"), numbers["length"])
    return found if np.isfinite(found) else 0.0


def _check_texts(table: pd.DataFrame, name: str) -> None:
    for column in ("prompt_id", "sample", "response", "answer"):
        values = table[column]
        missing = values.isna().to_numpy()
        if missing.any():
            empty = "; give an empty text where the model said nothing" if column == "response" else ""
            raise ValueError(f"ROLLOUTS {name} row {np.argmax(missing) + 1}: {column} is missing{empty}")
        nested = _nested(values)
        if nested.any():
            raise ValueError(
                f"ROLLOUTS {name} row {np.argmax(nested) + 1}: {column} is a list or an object, not a text"
            )
    twice = table.duplicated(["prompt_id", "sample"]).to_numpy()
    if twice.any():
        row = table.iloc[int(np.argmax(twice))]
        raise ValueError(
            f"ROLLOUTS {name} row {np.argmax(twice) + 1}: prompt_id {row['prompt_id']}, sample {row['sample']} stands "
            "there a second time; number the samples of a prompt"
        )


def _nested(values: pd.Series) -> np.ndarray:
    """Which entries are lists or objects, as JSON may have them."""
    if values.dtype != object:
        return np.zeros(len(values), bool)
    return np.array([isinstance(value, list | dict | np.ndarray) for value in values], bool)


def _numbers(table: pd.DataFrame, column: str, name: str) -> np.ndarray:
    """The column as floats, every one of which obeys the column's rule."""
    rule, is_wrong = RULES[column]
    values = table[column]
    nested = _nested(values)
    plain = values.mask(nested) if nested.any() else values
    found = pd.to_numeric(plain, errors="coerce").to_numpy(float, na_value=np.nan)
    wrong = np.flatnonzero(is_wrong(found))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(f"ROLLOUTS {name} row {row + 1}: {column} is {table[column].iloc[row]}, must be {rule}")
    return found


def as_given(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column that need not be known: nan where it is not a number."""
    return pd.to_numeric(table[column], errors="coerce").to_numpy(float)


def _one_log_p(
    log_p: np.ndarray, length: np.ndarray, prompt: np.ndarray, response: np.ndarray, finished: np.ndarray
) -> np.ndarray:
    """The same response to the same prompt gets one log_p: batches differ in rounding, and ties must be ties.

    What rounding does not explain is no batch: such a response keeps what was given (llm.base_rollouts judges it).
    """
    same = {"prompt": prompt, "response": response, "length": length, "finished": finished}
    copies = pd.DataFrame(same | {"log_p": log_p}).groupby(list(same), sort=False, dropna=False)["log_p"]
    highest = copies.transform("max").to_numpy()
    rounding = highest - copies.transform("min").to_numpy() <= copy_rounding(highest)
    return np.where(rounding, copies.transform("mean").to_numpy(), log_p)


def _votes(
    table: pd.DataFrame, reward: np.ndarray, order: np.ndarray, start: np.ndarray, finished: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(the answer that each response gives, the correct one of each prompt) as numbers, by normal form.

    It is the one in the column "given", or in the last box. A response that is rewarded 1 votes for the correct answer
    however it is written.
    """
    from llm.grading.answers import vote as voted
    from llm.grading.answers import vote_for

    # Texts repeat: each is read once.
    if "given" in table:
        text, texts = pd.factorize(table["given"].fillna("").astype(str).to_numpy()[order])
        boxed = np.array([vote_for(t) for t in texts], dtype=object)[text]
    else:
        text, texts = pd.factorize(table["response"].to_numpy()[order])
        boxed = np.array([voted(str(t)) for t in texts], dtype=object)[text]
    boxed[~finished] = None
    key, answers = pd.factorize(table["answer"].astype(str).str.strip().to_numpy()[order])
    gold = np.array([vote_for(answer) or answer for answer in answers], dtype=object)[key]
    boxed = np.where((reward == 1) & finished, gold, boxed)
    vote, names = pd.factorize(boxed)
    number = {name: i for i, name in enumerate(names)}
    return vote, np.array([number.get(answer, -1) for answer in gold[start]])
