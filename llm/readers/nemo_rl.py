"""NeMo-RL's logs of training data and validation: train_data_stepN.jsonl, val_data_stepN.jsonl.

Schema: NVIDIA-NeMo/RL 7ea279ab, nemo_rl/algorithms/grpo.py (content, rewards, input_lengths, token_ids,
token_loss_mask, generation_logprobs, prev_logprobs; of validation content and rewards alone) and
nemo_rl/utils/logger.py, log_batched_dict_as_jsonl: a line a row, each value in a batch of one, and idx. content is a
list of the texts of the messages, or in validation of the messages.
"""

from collections.abc import Mapping
from typing import Any

from llm.readers.found import Row, key_of, text_of, total, unwrapped

NAME = "NeMo-RL"
CANNOT = {
    "answer": "NeMo-RL logs the reward, not what would have been right",
    "log_p": "logs of validation hold texts and rewards alone",
    "length": "logs of validation hold texts and rewards alone",
    "finished": "NeMo-RL does not log whether a response was cut off",
}
NOTES = ("log p is that of the model in training as it sampled (generation_logprobs): the base model at step 1 only",)


def recognises(row: Row) -> bool:
    return {"content", "rewards", "idx"} <= set(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """One response: what the model wrote is where token_loss_mask is 1."""
    content = _messages(row["content"])
    prompt, response = text_of(content[:-1]), text_of(content[-1:])
    reward = unwrapped(row["rewards"])
    found = {"prompt_id": key_of(prompt), "prompt": prompt, "response": response, "reward": reward}
    if "token_loss_mask" not in row:
        return [found]
    mask = unwrapped(row["token_loss_mask"])
    log_probs = unwrapped(row["generation_logprobs"])
    written = [x for x, is_written in zip(log_probs, mask, strict=False) if is_written]
    return [found | {"log_p": total(written), "length": len(written)}]


def _messages(content: Any) -> list[Any]:
    """[[...]] is a batch of one conversation; a conversation is a list of texts or of messages."""
    inner = content[0] if len(content) == 1 and isinstance(content[0], list) else content
    if isinstance(inner, str | Mapping):
        return [inner]
    return list(inner)
