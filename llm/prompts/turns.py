"""A conversation: turns of a system, a user and an assistant, each with a text."""

from typing import Any, NamedTuple

ROLES = ("system", "user", "assistant")


class Turn(NamedTuple):
    role: str
    content: str


def turns_of(where: str, value: Any) -> tuple[Turn, ...]:
    """The turns in a list of messages. ValueError, which begins with `where`: it is no list of roles and texts."""
    if hasattr(value, "tolist"):  # Parquet's lists are arrays
        value = value.tolist()
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where} is no list of messages; each is an object with role and content")
    return tuple(turn_of(f"{where}, message {number}", message) for number, message in enumerate(value, start=1))


def turn_of(where: str, message: Any) -> Turn:
    if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
        raise ValueError(f"{where} is no object with role and content")
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise ValueError(f"{where} has the role {role!r}; it must be one of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise ValueError(f"{where}: its content is a {type(content).__name__}; it must be a text")
    return Turn(role, content)


def check_question(where: str, turns: tuple[Turn, ...]) -> None:
    """ValueError unless the conversation waits for an answer."""
    if turns[-1].role != "user":
        raise ValueError(
            f"{where} ends with the {turns[-1].role}; it must end with the user: drop the answer from it, or use the "
            "column problem"
        )
    if not turns[-1].content.strip():
        raise ValueError(f"{where} ends with an empty message; fill it or drop the row")
    if any(turn.role == "system" for turn in turns[1:]):
        raise ValueError(f"{where} has a system message that is not its first; put it first")
