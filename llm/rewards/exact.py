"""`exact`: 1 where the response, after any thinking, is the gold answer letter by letter, spaces around it aside."""

from llm.rewards.reward import Reward, after_thinking


class Exact(Reward):
    name = "exact"
    instruction = "Reply with the answer alone: nothing before it, nothing after it."

    def answer(self, response):
        return (after_thinking(response) or "").strip() or None
