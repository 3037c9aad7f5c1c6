"""Worked examples that every prompt begins with: turns for a chat model, text for a base model."""

from pathlib import Path

from llm.json_lines import objects
from llm.prompts.turns import Turn, turn_of

HERE = "{problem}"  # in an examples text: where the problem goes


def example_turns(path: Path) -> tuple[Turn, ...]:
    """Turns of user and assistant in a JSONL file or a JSON array. ValueError: they are none, or do not alternate."""
    where = f"--few-shot {path}"
    try:
        rows = list(objects(path))
    except OSError as error:
        raise ValueError(f"{where}: {error.strerror}; name a file of turns") from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"{where}: {error}; it must hold turns, as JSON or JSONL (text goes with --no-chat)") from None
    turns = tuple(turn_of(f"{where} line {number}", row) for number, row in rows)
    for (number, _), turn, due in zip(rows, turns, ("user", "assistant") * len(turns), strict=False):
        if turn.role != due:
            hint = "; a system turn is given by --system" if turn.role == "system" else ""
            raise ValueError(f"{where} line {number} is a turn of the {turn.role} where the {due}'s is due{hint}")
    if not turns or turns[-1].role != "assistant":
        raise ValueError(f"{where} must end with a turn of the assistant; add the answer to the last question")
    return turns


def example_text(path: Path) -> str:
    """The text of a file, without the line breaks at its end. ValueError: it holds no text, or turns."""
    where = f"--few-shot {path}"
    if path.suffix in (".json", ".jsonl"):
        raise ValueError(f"{where} holds turns, which need a chat template; with --no-chat give a text file")
    text = read_text(where, path).rstrip("\n")
    if not text.strip():
        raise ValueError(f"{where} is empty; write examples into it, or leave it out")
    return text


def read_text(where: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{where}: {error.strerror}; name a text file") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not UTF-8 text ({error.reason} at byte {error.start})") from None
