"""`boxed`: 1 where the last box of a response holds the gold answer, by the rules of llm.grading."""

from llm.grading.answers import vote
from llm.grading.boxes import boxed_answer
from llm.grading.grade import grade_all
from llm.rewards.reward import Reward

INSTRUCTION = "Work through the problem one step at a time, then give the final answer inside \\boxed{}."


class Boxed(Reward):
    name = "boxed"
    instruction = INSTRUCTION
    boxes = True

    def answer(self, response):
        return boxed_answer(response)

    def vote(self, response, finished):
        return vote(response, finished)

    def scores(self, responses, problems, finished, form):
        return grade_all(responses, [problem.answer for problem in problems], finished)
