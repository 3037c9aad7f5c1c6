"""`dataset`: the data set's own verifier, of what stands between the last <answer> and </answer> (Reasoning Gym).

Any value in [0, 1]: many of its tasks give a part of the reward for an answer that is nearly right.
"""

from llm.rewards.reward import Reward

BEGIN, END = "<answer>", "</answer>"


class Dataset(Reward):
    name = "dataset"
    instruction = (
        "Work through the problem one step at a time, then give the final answer, and nothing else, between "
        f"{BEGIN} and {END}."
    )
    needs_answer = False

    def answer(self, response):
        return between_tags(response) or None

    def scores(self, responses, problems, finished, form):
        rows = zip(responses, problems, finished, strict=True)
        return [problem.verify(between_tags(text)) if done else 0.0 for text, problem, done in rows]

    def try_out(self, problems, form):
        if any(problem.verify is None for problem in problems):
            raise ValueError(
                "--reward dataset needs data with verifiers of its own, as --dataset reasoning-gym:TASK has; name "
                "another reward"
            )


def between_tags(text: str) -> str | None:
    """What stands between the last pair of tags, pairs being counted from the left; None: there is none."""
    before_ends = text.split(END)[:-1]  # in each, the first beginning is that of a pair
    return next((part.split(BEGIN, 1)[1].strip() for part in reversed(before_ends) if BEGIN in part), None)
