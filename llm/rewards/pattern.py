"""`regex:PATTERN`: the first group of the pattern's first match in a response, compared with the gold answer.

A pattern may take exponential time on a text that it does not fit, and the text is a model's: a search is given up
after SECONDS, and the response then gives no answer.
"""

from llm.rewards.reward import Reward

SECONDS = 1.0


class Pattern(Reward):
    def __init__(self, name: str, pattern: str):
        import regex  # type: ignore[import-untyped]  # has a time limit, which re has not

        self.name = name
        try:
            self._pattern = regex.compile(pattern)
        except regex.error as error:
            raise ValueError(f"--reward {name}: the pattern cannot be read ({error}); fix it") from None
        if not self._pattern.groups:
            raise ValueError(f"--reward {name}: the pattern has no group; put (...) around the answer")

    def answer(self, response):
        try:
            found = self._pattern.search(response, timeout=SECONDS)
        except TimeoutError:
            return None
        return found[1].strip() if found and found[1] is not None else None
