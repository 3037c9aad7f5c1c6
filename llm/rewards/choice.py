"""`choice`: the letter A to E that a response chooses.

Read are, in this order: its last box, the last "answer is (B)" or "answer: B", a line that is only a letter, and the
last letter in brackets. A letter that merely stands in a sentence (A dog ...) is no choice.
"""

import re

from llm.grading.boxes import boxed_answer
from llm.rewards.reward import Reward, after_thinking

_ALONE = re.compile(r"^[\s*(]*([A-E])(?![A-Za-z])[\s*).:]*$", re.MULTILINE)
_FORMS = (
    re.compile(r"(?i:answer|choice|option)(?i:\s{1,3}is)?[:\s*]{0,6}\(?([A-E])(?![A-Za-z])"),
    _ALONE,
    re.compile(r"\(([A-E])\)"),
)


class Choice(Reward):
    name = "choice"
    instruction = "Work through the problem one step at a time, then give the letter of the answer inside \\boxed{}."

    def gold(self, answer):
        alone = _ALONE.fullmatch(answer.strip())
        if not alone:
            raise ValueError(f"the answer {answer.strip()[:40]!r} is no letter A to E, which --reward choice needs")
        return alone[1]

    def answer(self, response):
        text = after_thinking(response)
        if text is None:
            return None
        box = re.fullmatch(r"(?:\\text\{)?\(?([A-E])[).]?\}?", boxed_answer(text) or "")
        if box:
            return box[1]
        return next((found[-1] for form in _FORMS if (found := form.findall(text))), None)
