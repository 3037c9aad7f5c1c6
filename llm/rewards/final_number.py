"""`final-number` (GSM8K's): the number behind the last ####, or without one the last number of a response.

Numbers are compared by value: $1,200.50 is 1200.5. A fraction is two numbers, of which the last counts.
"""

import re

from llm.rewards.reward import Reward, after_thinking

# A minus between two terms (10-4) is no sign.
_NUMBER = re.compile(r"(?<![\w)])[-−]\$?\d[\d,]*(?:\.\d+)?|\d[\d,]*(?:\.\d+)?|(?<!\d)\.\d+", re.ASCII)


class FinalNumber(Reward):
    name = "final-number"
    instruction = "Work through the problem one step at a time, then give the final number on a last line, after ####."

    def gold(self, answer):
        found = self.answer(answer)
        if found is None:
            raise ValueError(f"the answer {answer.strip()[:40]!r} holds no number, which --reward final-number needs")
        return found

    def answer(self, response):
        text = after_thinking(response)
        if text is None:
            return None
        _, mark, marked = text.rpartition("####")
        numbers = _NUMBER.findall(marked if mark else text)
        if not numbers:
            return None
        return _plain(numbers[0 if mark else -1].replace("−", "-").replace("$", "").replace(",", ""))


def _plain(number: str) -> str:
    """The one way to write its value: no leading zeros, none behind the point, no minus before 0."""
    whole, _, decimals = number.removeprefix("-").partition(".")
    value = f"{whole.lstrip('0') or '0'}.{decimals.rstrip('0')}".removesuffix(".")
    return f"-{value}" if number.startswith("-") and value != "0" else value
