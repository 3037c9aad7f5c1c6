"""Problems: a prompt for the model and the answer that the grader expects, from the bundled task, a file or the hub."""

import collections
import json
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from llm.grading.boxes import boxed_answer

BUNDLED = "addition"
INSTRUCTION = "Work through the problem one step at a time, then give the final answer inside \\boxed{}."


@dataclass(frozen=True)
class MathProblem:
    """What the model is asked, and the answer that the grader expects."""

    prompt_id: str
    text: str
    answer: str


def load_problems(dataset: str, split: str = "train") -> list[MathProblem]:
    """The bundled task by its name, a JSONL or Parquet file by its path, anything else by its hub id.

    It needs the columns problem and answer; without answer, a solution's box is taken (as MATH is published), and of an
    answer that is a whole solution what follows its #### (as GSM8K is published) or stands in its box. id is used where
    it stands, else the line number.
    """
    if dataset == BUNDLED:
        from llm.models.organisms import prompts, render_prompt

        problems = [(render_prompt(terms), str(sum(terms))) for terms in prompts(split)]
        return [MathProblem(text, text, answer) for text, answer in problems]
    path = Path(dataset)
    if path.is_file():
        return _checked(dataset, _read_parquet(path) if path.suffix == ".parquet" else _read_jsonl(path))
    if path.suffix in (".jsonl", ".json", ".parquet") or dataset.count("/") != 1:
        raise ValueError(f"--dataset {dataset} does not exist; name {BUNDLED!r}, a JSONL or Parquet file or a hub id")
    return _checked(dataset, _read_hub(dataset, split))


def _read_jsonl(path: Path) -> list[tuple[str, dict]]:
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"--dataset {path} line {number} is not valid JSON ({error.msg}); mend it") from None
            if not isinstance(row, dict):
                raise ValueError(f"--dataset {path} line {number} is {type(row).__name__}, not an object; mend it")
            rows.append((f"line {number}", row))
    return rows


def _read_parquet(path: Path) -> list[tuple[str, dict]]:
    import pandas as pd

    return [(f"row {number}", row) for number, row in enumerate(pd.read_parquet(path).to_dict("records"), start=1)]


def _read_hub(dataset: str, split: str) -> list[tuple[str, dict]]:
    from datasets import load_dataset

    try:
        rows = load_dataset(dataset, split=split)
    except Exception as error:  # the hub client raises a dozen kinds; all mean that the data cannot be had
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"--dataset {dataset} could not be read from the hub ({reason}); name a local file") from None
    return [(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _checked(dataset: str, rows: list[tuple[str, dict]]) -> list[MathProblem]:
    if not rows:
        raise ValueError(f"--dataset {dataset} holds no rows; name one with problems in it")
    from llm.grading.golds import gold_of

    problems = []
    marks: collections.Counter[str] = collections.Counter()
    for place, row in rows:
        if "answer" not in row and boxed_answer(str(row.get("solution", ""))):
            row = {**row, "answer": boxed_answer(str(row["solution"]))}
        for column in ("problem", "answer"):
            if column not in row:
                found = ", ".join(sorted(map(str, row))) or "none"
                raise ValueError(f"--dataset {dataset} {place} has no column {column!r}; its columns are {found}")
            if not str(row[column] if row[column] is not None else "").strip():
                raise ValueError(f"--dataset {dataset} {place} has an empty {column!r}; fill it or drop the row")
        answer, mark = gold_of(str(row["answer"]))
        marks[mark] += 1
        problems.append(MathProblem(str(row.get("id", place.split()[1])), str(row["problem"]), answer))
    if int(os.environ.get("RANK", 0)) == 0:
        _tell_of_golds(dataset, problems, marks)
    return problems


def _tell_of_golds(dataset: str, problems: list[MathProblem], marks: collections.Counter[str]) -> None:
    """A line for what was taken out of whole solutions, and one for gold answers that cannot be met."""
    from llm.grading.golds import check_golds

    for mark, count in marks.items():
        if mark:
            whole = f"{count} of {len(problems)} answers are whole solutions"
            print(f"--dataset {dataset}: {whole}; the gold answer is {mark}", file=sys.stderr)
    line = check_golds([problem.answer for problem in problems]).line()
    if line:
        print(f"--dataset {dataset}: {line}", file=sys.stderr)


def hold_out(problems: list[MathProblem], count: int, seed: int = 0) -> tuple[list[MathProblem], list[MathProblem]]:
    """(rest, held out): a split of its own seed, so that every run on a dataset holds out the same problems."""
    if count >= len(problems):
        raise ValueError(f"--eval-prompts {count} leaves nothing of {len(problems)} problems to train on; lower it")
    order = random.Random(seed).sample(range(len(problems)), len(problems))
    return [problems[i] for i in sorted(order[count:])], [problems[i] for i in sorted(order[:count])]


def render(problem: MathProblem, chat: bool) -> str | list[dict[str, str]]:
    """What the model is asked: bare text for the bundled task, a conversation for a chat model."""
    if not chat:
        return problem.text
    return [{"role": "user", "content": f"{problem.text}\n\n{INSTRUCTION}"}]
