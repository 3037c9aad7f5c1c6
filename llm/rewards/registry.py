"""--reward: the kind that a word stands for."""

import re

from llm.rewards.reward import Reward

WORDS = ("boxed", "exact", "final-number", "choice", "dataset")
FORMS = f"{', '.join(WORDS)}, regex:PATTERN or module:function"


def check_option(option: str) -> None:
    """ValueError for what is no kind of reward. It loads nothing."""
    kind, colon, rest = option.partition(":")
    if option in WORDS or (kind == "regex" and rest):
        return
    if colon and all(re.fullmatch(r"[^\W\d]\w*", part) for part in [*kind.split("."), rest]):
        return
    raise ValueError(f"--reward must be one of {FORMS}, got {option!r}")


def reward_of(option: str) -> Reward:
    """The reward. ValueError: a pattern that cannot be read, a function that cannot be imported."""
    check_option(option)
    kind, _, rest = option.partition(":")
    if kind == "regex":
        from llm.rewards.pattern import Pattern

        return Pattern(option, rest)
    if rest:
        from llm.rewards.function import Function

        return Function(option)
    from llm.rewards.boxed import Boxed
    from llm.rewards.choice import Choice
    from llm.rewards.dataset import Dataset
    from llm.rewards.exact import Exact
    from llm.rewards.final_number import FinalNumber

    kinds: dict[str, type[Reward]] = {kind.name: kind for kind in (Boxed, Exact, FinalNumber, Choice, Dataset)}
    return kinds[option]()
