"""verl's rollout and validation dumps (trainer.rollout_data_dir, trainer.validation_data_dir): STEP.jsonl.

Schema: volcengine/verl b178a3cd, verl/trainer/ppo/ray_trainer.py, RayPPOTrainer._dump_generations: input, output, gts
(older versions lack it), score, step, and what the reward function returned besides, often acc (was it right) and pred.
"""

from typing import Any

from llm.readers.found import Row, text_of

NAME = "verl"
CANNOT = {
    "log_p": "verl's dumps hold texts and scores, no log-probabilities",
    "length": "verl's dumps hold no lengths in tokens",
    "finished": "verl decodes without special tokens, so that a response that was cut off looks like any other",
    "answer": "an old dump without gts does not say what would have been right",
}
NOTES = ("they are samples of the model in training at that step, at the temperature of the trainer",)


def recognises(row: Row) -> bool:
    return {"input", "output", "score"} <= set(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """acc says whether it was right where a score says something else (DAPO scores -1 and 1)."""
    answer, given = row.get("gts"), row.get("pred")
    return [
        {
            "prompt": text_of(row["input"]),
            "response": row["output"],
            "answer": None if answer is None else text_of(answer),
            "given": None if given is None else str(given),
            "reward": row.get("acc", row["score"]),
        }
    ]
