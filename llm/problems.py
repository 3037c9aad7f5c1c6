"""Problems: what is asked, and the answer expected, from the bundled task, a file, the hub or Reasoning Gym."""

import collections
import dataclasses
import functools
import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.grading.boxes import boxed_answer
from llm.gym.spec import is_gym
from llm.json_lines import objects
from llm.prompts.turns import Turn, check_question, turns_of
from llm.rewards.boxed import Boxed
from llm.rewards.reward import Reward

BUNDLED = "addition"
BOXED = Boxed()
LISTED = 3  # of the rows that are dropped

Row = tuple[str, Mapping[str, Any]]  # (its place in the file, its columns)


@dataclass(frozen=True)
class MathProblem:
    """What the model is asked, and the answer that the grader expects."""

    prompt_id: str
    text: str
    answer: str
    messages: tuple[Turn, ...] = ()
    """the conversation that the row holds; text is then its last message"""
    bare: bool = False
    """text is a whole prompt, for a base model"""
    columns: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """all that the row holds, for a reward function"""
    verify: Callable[[str | None], float] | None = field(default=None, compare=False, repr=False)
    """the data set's own reward of an answer (None: a response has none), where it has verifiers"""


class UnreadableAnswer(ValueError):
    """A row that asks something and whose answer cannot be found."""


def load_problems(
    dataset: str,
    split: str = "train",
    option: str = "--dataset",
    strict: bool = False,
    reward: Reward = BOXED,
) -> list[MathProblem]:
    """The bundled task by its name, Reasoning Gym's tasks (llm.gym), a file by its path, the rest by its hub id.

    It needs the column answer, and one of problem (a text), messages (a conversation that ends with the user) and
    prompt (a conversation, or bare text for a base model). Without answer, a solution's box is taken (as MATH is
    published), and of an answer that is a whole solution what follows its #### (as GSM8K is published) or stands in
    its box. id is used where it stands, else the line number. Rows whose answer cannot be read are dropped, counted and
    listed, unless strict. ValueError, which names option and line: what a later command would refuse.
    """
    if dataset == BUNDLED:
        from llm.models.organisms import prompts, render_prompt

        problems = [(render_prompt(terms), str(sum(terms))) for terms in prompts(split)]
        return [MathProblem(text, text, answer) for text, answer in problems]
    if is_gym(dataset):
        return _generated(f"{option} {dataset}", dataset)
    path, name = Path(dataset), f"{option} {dataset}"
    if path.is_file():
        return _checked(name, _read_file(name, path), strict, reward)
    if path.is_dir():
        raise ValueError(f"{name} is a folder; name the JSONL or Parquet file in it")
    if path.suffix in (".jsonl", ".json", ".parquet") or dataset.count("/") != 1:
        raise ValueError(
            f"{name} does not exist; name {BUNDLED!r}, a JSONL or Parquet file, reasoning-gym:TASK or a hub id"
        )
    return _checked(name, _read_hub(name, dataset, split), strict, reward)


def _generated(name: str, dataset: str) -> list[MathProblem]:
    """Reasoning Gym's rows; a question that came before is left out, lest one trained on be held out as well."""
    from llm.gym.rows import gym_rows

    try:
        gym = gym_rows(dataset)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    problems: dict[str, MathProblem] = {}
    for number, row in enumerate(gym.rows):
        prompt_id, verify = f"{row['task']}-{row['row']}", functools.partial(gym.reward, number)
        problem = MathProblem(prompt_id, row["problem"], row["answer"] or "", columns=row, verify=verify)
        problems.setdefault(problem.text, problem)
    if len(problems) < len(gym.rows) and int(os.environ.get("RANK", 0)) == 0:
        repeated = len(gym.rows) - len(problems)
        print(
            f"{name}: {repeated} of {len(gym.rows)} rows ask what an earlier one asks, and are dropped", file=sys.stderr
        )
    return list(problems.values())


def _read_file(name: str, path: Path) -> list[Row]:
    try:
        if path.suffix != ".parquet":
            return [(f"line {number}", row) for number, row in objects(path)]
        import pandas as pd

        rows = pd.read_parquet(path).to_dict("records")
    except (ValueError, OSError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{name} could not be read: {reason}; it must be JSONL or Parquet") from None
    return [(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _read_hub(name: str, dataset: str, split: str) -> list[Row]:
    from llm.models.hub import look_for_the_hub, why

    look_for_the_hub()
    from datasets import load_dataset

    try:
        rows = load_dataset(dataset, split=split)
    except Exception as error:  # the hub client raises a dozen kinds; all mean that the data cannot be had
        raise ValueError(f"{name} could not be read from the hub ({why(error)}); name a local file") from None
    return [(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _checked(name: str, rows: list[Row], strict: bool, reward: Reward) -> list[MathProblem]:
    if not rows:
        raise ValueError(f"{name} holds no rows; name one with problems in it")
    from llm.grading.golds import gold_of

    problems, places = [], dict[str, str]()
    marks: collections.Counter[str] = collections.Counter()
    dropped = []
    for place, row in rows:
        where = f"{name} {place}"
        try:
            problem = _problem(where, place.split()[1], row, reward)
        except UnreadableAnswer as error:
            if strict:
                raise ValueError(f"{where}{error}; fix it, drop the row, or leave --strict out") from None
            dropped.append(f"{place}{error}")
            continue
        if problem.prompt_id in places:
            raise ValueError(
                f"{where} has the id {problem.prompt_id!r} of {places[problem.prompt_id]}; give every problem an id of "
                "its own, or none of them any"
            )
        places[problem.prompt_id] = place
        answer, mark = gold_of(problem.answer) if reward.boxes else (problem.answer, "")
        marks[mark] += 1
        problems.append(dataclasses.replace(problem, answer=answer))
    if not problems:
        raise ValueError(f"{name} has no row whose answer can be read; {dropped[0]}")
    if int(os.environ.get("RANK", 0)) == 0:
        if dropped:
            listed = "; ".join(dropped[:LISTED]) + ("; ..." if len(dropped) > LISTED else "")
            print(
                f"{name}: {len(dropped)} of {len(rows)} rows are dropped: {listed} (--strict refuses)", file=sys.stderr
            )
        if reward.boxes:
            _tell_of_golds(name, problems, marks)
    return problems


QUESTIONS = ("problem", "messages", "prompt")  # the first of them that a row has is asked


def _problem(where: str, number: str, row: Mapping[str, Any], reward: Reward) -> MathProblem:
    """The problem of a row. ValueError: a column is missing or empty, or is no text that a file can hold."""
    columns = {column: "" if _is_missing(value) else value for column, value in row.items()}
    if not str(columns.get("answer", "")).strip() and boxed_answer(str(columns.get("solution", ""))):
        columns["answer"] = boxed_answer(str(columns["solution"]))
    asked = next((column for column in QUESTIONS if column in columns), "problem")
    messages: tuple[Turn, ...] = ()
    if asked == "messages" or (asked == "prompt" and not isinstance(columns["prompt"], str)):
        messages = turns_of(f"{where}: its {asked!r}", columns[asked])
        check_question(f"{where}: its {asked!r}", messages)
        columns[asked] = messages[-1].content
    if not reward.needs_answer:
        columns.setdefault("answer", "")
    for column in (asked, "answer"):
        if column == "answer" and "answer" not in columns and "solution" in columns:
            raise UnreadableAnswer(
                f": its 'solution' has no box that can be read (it ends {_end(columns['solution'])})"
            )
        if column not in columns:
            found = ", ".join(sorted(map(str, row))) or "none"
            instead = " (nor messages or prompt)" if column == "problem" else ""
            raise ValueError(f"{where} has no column {column!r}{instead}; its columns are {found}")
        if isinstance(columns[column], list | dict):
            raise ValueError(f"{where}: its {column!r} is a {type(columns[column]).__name__}; it must be a text")
        if column == "answer" and not reward.needs_answer:
            continue
        if column == "answer" and not str(columns[column]).strip():
            nor = " and its 'solution' no box that can be read" if "solution" in columns else ""
            raise UnreadableAnswer(f" has an empty 'answer'{nor}")
        if not str(columns[column]).strip():
            raise ValueError(f"{where} has an empty {column!r}; fill it or drop the row")
    prompt_id = str(columns.get("id", "")).strip() or number
    texts = {"id": prompt_id, asked: str(columns[asked]), "answer": str(columns["answer"])}
    for column, text in [*texts.items(), *((asked, turn.content) for turn in messages)]:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"{where}: its {column!r} holds half a character (a lone surrogate); fix it") from None
    bare = asked == "prompt" and not messages
    return MathProblem(prompt_id, texts[asked], _gold(reward, texts["answer"]), messages, bare, row)


def _gold(reward: Reward, answer: str) -> str:
    """What the reward compares answers with."""
    try:
        return answer if reward.boxes or not reward.needs_answer else reward.gold(answer)
    except ValueError as error:
        raise UnreadableAnswer(f": {error}") from None


def _end(text: Any) -> str:
    """The last words of a solution, in one line."""
    line = " ".join(str(text).split())
    return repr(line if len(line) <= 40 else "..." + line[-37:])


def _is_missing(value: Any) -> bool:
    """None, or what Parquet has in its place."""
    return value is None or (isinstance(value, float) and value != value)


def _tell_of_golds(name: str, problems: list[MathProblem], marks: collections.Counter[str]) -> None:
    """A line for what was taken out of whole solutions, and one for gold answers that cannot be met."""
    from llm.grading.golds import check_golds

    for mark, count in marks.items():
        if mark:
            whole = f"{count} of {len(problems)} answers are whole solutions"
            print(f"{name}: {whole}; the gold answer is {mark}", file=sys.stderr)
    line = check_golds([problem.answer for problem in problems]).line()
    if line:
        print(f"{name}: {line}", file=sys.stderr)


def hold_out(problems: list[MathProblem], count: int, seed: int = 0) -> tuple[list[MathProblem], list[MathProblem]]:
    """(rest, held out): a split of its own seed, so that every run on a dataset holds out the same problems."""
    if count >= len(problems):
        raise ValueError(f"--eval-prompts {count} leaves nothing of {len(problems)} problems to train on; lower it")
    order = random.Random(seed).sample(range(len(problems)), len(problems))
    return [problems[i] for i in sorted(order[count:])], [problems[i] for i in sorted(order[:count])]
