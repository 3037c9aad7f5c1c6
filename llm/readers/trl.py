"""TRL's log_completions: Parquet files completions_STEP.parquet, written while a model is trained.

Schema: huggingface/trl 1.16.0, trl/trainer/grpo_trainer.py, GRPOTrainer.log: columns step, prompt, completion (each a
text or a list of messages), one column a reward function, what reward functions logged besides, advantage.
"""

from typing import Any

from llm.readers.found import CHOSEN_REWARD, Row, text_of

NAME = "TRL (log_completions)"
CANNOT = {
    "log_p": "TRL writes no log-probabilities beside its completions",
    "length": "TRL writes no lengths in tokens beside its completions",
    "finished": "TRL does not write whether a completion was cut off",
    "answer": "the right answer stands in the file only where a reward function logged it as 'answer'",
}
NOTES = ("they are samples of the model in training at that step, at the temperature of the trainer",)
OTHERS = {"step", "prompt", "completion", "advantage", "answer", "image", "images"}


def recognises(row: Row) -> bool:
    return {"step", "prompt", "completion", "advantage"} <= set(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """One response. ValueError where several columns could be the reward."""
    return [
        {
            "prompt": text_of(row["prompt"]),
            "response": text_of(row["completion"]),
            "answer": row.get("answer"),
            "reward": row[CHOSEN_REWARD] if CHOSEN_REWARD in row else _reward(row),
        }
    ]


def _reward(row: Row) -> Any:
    names = [name for name, value in row.items() if name not in OTHERS and isinstance(value, int | float)]
    if len(names) != 1:
        several = f"has several columns that could be the reward ({', '.join(names)})" if names else "has no reward"
        raise ValueError(f"it {several}; name one with --column reward=NAME")
    return row[names[0]]
