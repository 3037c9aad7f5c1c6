"""The chat template that a run uses, and the keyword arguments that it understands."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.prompts.few_shot import read_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a tokenizer hands to every template by itself.
RESERVED = {"messages", "tools", "documents", "add_generation_prompt", "strftime_now", "raise_exception"}


def read_template(path: Path) -> str:
    """The text of a template. ValueError: it is no text, no Jinja, or never looks at the messages."""
    where = f"--chat-template {path}"
    text = read_text(where, path)
    if "messages" not in _names(where, text):
        raise ValueError(f"{where} does not use messages, so that every prompt would be the same; name a chat template")
    return text


def keyword_arguments(given: Sequence[str]) -> dict[str, Any]:
    """{name: value} of name=JSON value, or of a JSON object as YAML files give it."""
    found: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        try:
            if item.startswith("{"):
                found |= json.loads(item)
            elif equals and name.isidentifier():
                found[name] = json.loads(value)
            else:
                raise ValueError(f"--template-kwargs {item} is not name=value; write it as enable_thinking=false")
        except json.JSONDecodeError:
            raise ValueError(
                f'--template-kwargs {item}: the value must be JSON: true, false, null, a number or "text" in quotes'
            ) from None
    return found


def check_keyword_arguments(tokenizer: "PreTrainedTokenizerBase", names: Sequence[str]) -> None:
    """ValueError for a name that the tokenizer's chat template does not read: it would change nothing, unseen."""
    if not names:
        return
    from harness.command import nearest

    read = _names("the chat template", tokenizer.get_chat_template())
    known = {name for name in read - RESERVED if not name.endswith("_token")}
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else f"it reads {', '.join(sorted(known)) or 'none'}"
            raise ValueError(f"--template-kwargs {name} is no argument of the chat template; {hint}")


def _names(where: str, template: str) -> set[str]:
    """The variables that a template reads and does not set. ValueError: it is no Jinja."""
    import jinja2
    from jinja2 import meta

    # Transformers' own tag, which marks the assistant's tokens and prints nothing.
    plain = re.sub(r"\{%-?\s*(?:end)?generation\s*-?%\}", "", template)
    try:
        return meta.find_undeclared_variables(jinja2.Environment(extensions=["jinja2.ext.loopcontrols"]).parse(plain))
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ValueError(f"{where}{f' line {line}' if line else ''} is no Jinja template: {error}") from None
