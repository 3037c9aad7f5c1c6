"""What a command is asked about prompts."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.gym.spec import is_gym
from llm.rewards.registry import check_option


@dataclass(frozen=True)
class PromptConfig:
    """The options that sample, train and compare share; the defaults are one user turn with our instruction."""

    system: str | None = None
    """system turn before every prompt; without a chat template, text before it"""
    instruction: str | None = None
    """what is written below a problem, "" for nothing; by default what --reward asks for (chat models only)"""
    few_shot: Path | None = None
    """worked examples before every prompt: JSON or JSONL turns (role, content); with --no-chat a text file"""
    chat_template: Path | None = None
    """Jinja chat template in place of the model's own"""
    template_kwargs: tuple[str, ...] = ()
    """arguments of the chat template: name=JSON value, as in enable_thinking=false"""
    chat: bool = True
    """--no-chat gives the model bare text, as a base model needs it"""
    reward: str = ""
    """boxed (default), exact, final-number, choice, regex:PATTERN (first group), your own module:function (TRL's
    signature), or dataset (the data set's own verifiers, the default where it has them: reasoning-gym:...)"""
    strict: bool = False
    """refuse data with a row whose answer cannot be read; by default such rows are dropped, counted and listed"""

    def __post_init__(self):
        dataset = getattr(self, "dataset", None)
        if not self.reward:
            object.__setattr__(self, "reward", "dataset" if is_gym(dataset) else "boxed")
        check_option(self.reward)
        if self.chat:
            return
        for name in ("chat_template", "template_kwargs"):
            if getattr(self, name):
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{flag} is not used with --no-chat, which takes no chat template; drop one of them")


def prompt_options(config: PromptConfig) -> dict[str, Any]:
    """What a config says of prompts, to be handed on to another command's config."""
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(PromptConfig)}
