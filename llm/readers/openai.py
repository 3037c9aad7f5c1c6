"""Completions with log-probabilities as vLLM and OpenAI write them: batch output, or one response a line.

Schema: vllm-project/vllm, vllm/entrypoints/openai/batch/protocol.py (479eabf2), BatchRequestOutput (id, custom_id,
response.body, error), with chat_completion/protocol.py and completion/protocol.py beside it (d5dba2d7): choices of
index, message or text, finish_reason, and logprobs, {content: [{token, logprob}]} of a chat and {tokens,
token_logprobs} of a completion; None unless asked for.
"""

from collections.abc import Mapping
from typing import Any

from llm.readers.found import Row, text_of, total

NAME = "the OpenAI API (vLLM)"
CANNOT = {
    "reward": "the answers of an API hold no rewards; give --answers FILE with custom_id and answer (or reward)",
    "answer": "the answers of an API do not hold what would have been right",
    "log_p": "no log-probabilities were asked for (logprobs=true)",
    "length": "neither logprobs nor usage of a single choice say it",
}
NOTES = (
    "log p is of the tokens that the API returned (vLLM's include the end, OpenAI's do not); the temperature is not "
    "in the file",
)
UNLIKELY = -9999.0  # what stands for a log-probability that was not computed


def recognises(row: Row) -> bool:
    return _is_body(row) or ("custom_id" in row and "response" in row)


def rows(row: Row) -> list[dict[str, Any]]:
    """The choices of one request; none of one that failed."""
    response = row if _is_body(row) else row["response"]
    body = response if _is_body(response or {}) else (response or {}).get("body")
    if not isinstance(body, Mapping) or not _is_body(body):
        return []
    of_request = {"prompt_id": str(row.get("custom_id", body.get("id")))}
    of_request |= {name: row[name] for name in ("prompt", "answer", "reward", "temperature", "top_p") if name in row}
    alone = len(body["choices"]) == 1
    used = (body.get("usage") or {}).get("completion_tokens") if alone else None
    return [of_request | _choice(choice, used) for choice in body["choices"]]


def _choice(choice: Row, used: int | None) -> dict[str, Any]:
    log_probs = log_probs_of(choice)
    reason = choice.get("finish_reason")
    return {
        "sample": int(choice.get("index", 0)),
        "response": text_of(choice["message"]) if "message" in choice else choice["text"],
        "log_p": None if UNLIKELY in log_probs else total(log_probs),
        "length": len(log_probs) or used,
        "finished": None if reason is None else reason != "length",
    }


def log_probs_of(choice: Row) -> list[Any]:
    """Of the tokens of a choice, as a chat or a completion holds them; empty where they were not asked for."""
    held = choice.get("logprobs") or {}
    if held.get("content"):
        return [token.get("logprob") for token in held["content"]]
    return list(held.get("token_logprobs") or [])


def _is_body(row: Row) -> bool:
    return isinstance(row.get("choices"), list) and "response" not in row
