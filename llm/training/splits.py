"""Which problems a run trains on, which choose its best checkpoint, and which it is judged by.

Three disjoint sets, but with --same-prompts: then it trains on those that judge.
"""

from typing import NamedTuple

from llm.problems import BOXED, BUNDLED, MathProblem, hold_out, load_problems
from llm.rewards.reward import Reward
from llm.training.config import TrainConfig


class Splits(NamedTuple):
    train: list[MathProblem]
    validation: list[MathProblem]
    held_out: list[MathProblem]


def split(config: TrainConfig, bundled: bool, reward: Reward = BOXED) -> Splits:
    """The held-out problems are the same for every run on a dataset; the validation problems leave the training set.

    A training problem that is also in --eval-dataset is dropped (MATH's training set has some of MATH-500).
    """
    dataset = config.dataset or (BUNDLED if bundled else None)
    if dataset is None:
        raise ValueError(f"--dataset is needed for --model {config.model}; name a file or a hub id")
    if dataset == BUNDLED:
        _, held_out = hold_out(load_problems(BUNDLED, "heldout"), config.eval_prompts)
        train = load_problems(BUNDLED)
    elif config.eval_dataset:
        held_out = load_problems(config.eval_dataset, "test", "--eval-dataset", config.strict, reward)
        held_out = held_out[: config.eval_prompts]
        judged = {_letters(problem) for problem in held_out}
        every = load_problems(dataset, strict=config.strict, reward=reward)
        train = [problem for problem in every if _letters(problem) not in judged]
    else:
        train, held_out = hold_out(load_problems(dataset, strict=config.strict, reward=reward), config.eval_prompts)
    if config.same_prompts:
        return Splits(held_out, [], held_out)
    if not config.validation_prompts:
        return Splits(train, [], held_out)
    if config.validation_prompts >= len(train):
        raise ValueError(
            f"--validation-prompts {config.validation_prompts} leaves nothing of {len(train)} problems to train on"
        )
    return Splits(*hold_out(train, config.validation_prompts, seed=1), held_out)


def _letters(problem: MathProblem) -> str:
    """The text without spacing, punctuation and case: published copies of a problem differ in those."""
    text = " ".join(turn.content for turn in problem.messages) or problem.text
    return "".join(filter(str.isalnum, text)).lower()
