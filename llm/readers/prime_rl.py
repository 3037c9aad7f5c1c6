"""prime-rl's and verifiers' rollouts: train_rollouts.jsonl, eval_rollouts.jsonl, results.jsonl and traces.jsonl.

Schemas: PrimeIntellect-ai/prime-rl (b194a6ed: lines of RolloutOutput; 559b4477, src/prime_rl/monitors/file.py:
records of Episode); PrimeIntellect-ai/verifiers a60a606e, verifiers/v1/episode.py, trace.py (Trace: task.data, nodes,
calls, rewards), graph.py (MessageNode: message, sampled, logprobs) and, before v1, verifiers/types.py, RolloutOutput
(example_id, prompt, completion, reward, answer, is_truncated, trajectory of steps with tokens.completion_logprobs).
"""

from typing import Any

from llm.readers.found import Row, key_of, text_of, total

NAME = "prime-rl (verifiers)"
CANNOT = {
    "reward": "no trace was scored",
    "answer": "the task's data do not hold what would have been right",
    "log_p": "the rollouts were saved without the tokens' log-probabilities",
    "length": "the rollouts were saved without their tokens",
    "finished": "the rollouts do not say whether they were cut off",
}
NOTES = ("log p is that of the model in training as it sampled: the base model at the first step only",)
LIMITS = {"max_turns", "max_input_tokens", "max_output_tokens", "max_total_tokens", "context_length"}


def recognises(row: Row) -> bool:
    return _is_output(row) or _is_trace(row) or isinstance(row.get("traces"), list)


def rows(row: Row) -> list[dict[str, Any]]:
    """The responses of one line: one, or of an episode those that train the model."""
    if _is_output(row):
        return [_output(row)]
    traces = [row] if _is_trace(row) else row["traces"]
    return [_trace(trace) for trace in traces if (trace.get("agent") or {}).get("trainable", True)]


def _is_output(row: Row) -> bool:
    return {"prompt", "completion", "reward", "metrics"} <= set(row)


def _is_trace(row: Row) -> bool:
    return {"task", "nodes", "rewards"} <= set(row)


def _output(row: Row) -> dict[str, Any]:
    steps = [step.get("tokens") or {} for step in row.get("trajectory") or []]
    log_probs = [x for tokens in steps for x in tokens.get("completion_logprobs") or []]
    used = (row.get("token_usage") or {}).get("output_tokens")
    cut = row.get("is_truncated")
    return {
        "prompt_id": str(row["example_id"]) if "example_id" in row else key_of(text_of(row["prompt"])),
        "prompt": text_of(row["prompt"]),
        "response": text_of(row["completion"]),
        "answer": row.get("answer") or None,
        "reward": row["reward"],
        "log_p": total(log_probs),
        "length": len(log_probs) or used,
        "finished": None if cut is None else not cut,
        "temperature": (row.get("sampling_args") or {}).get("temperature"),
        "top_p": (row.get("sampling_args") or {}).get("top_p"),
    }


def _trace(trace: Row) -> dict[str, Any]:
    data, nodes = trace["task"]["data"], trace["nodes"]
    written = [node for node in nodes if node.get("sampled")]
    log_probs = [x for node in written for x in node.get("logprobs") or []]
    call = (trace.get("calls") or [{}])[-1]
    rewards = [reward for reward in trace["rewards"].values() if reward is not None]
    prompt = text_of(data.get("prompt")) or text_of([node["message"] for node in nodes if not node.get("sampled")])
    sampling = call.get("sampling") or {}
    return {
        "prompt_id": str(trace["task"].get("key") or key_of(prompt)),
        "prompt": prompt,
        "response": text_of([node["message"] for node in written]),
        "answer": data.get("answer"),
        "reward": sum(r["score"] * r.get("weight", 1.0) for r in rewards) if rewards else None,
        "log_p": total(log_probs),
        "length": len(log_probs) or (call.get("usage") or {}).get("completion_tokens"),
        "finished": trace.get("stop_condition") not in LIMITS and call.get("finish_reason") != "length",
        "temperature": sampling.get("temperature"),
        "top_p": sampling.get("top_p"),
    }
