"""A file of one's own: a response a row under the names that most people use, with or without its log-probability.

prompt (problem, question), response (completion, output), reward (score, correct) or answer, and where it is known
log_p under one of LOG_P: a number, the sum over the response's tokens in nats, or the list of them.
"""

from typing import Any

from llm.readers.found import Row, text_of, total

NAME = "plain rows (prompt, response, reward)"
PROMPT, RESPONSE = ("prompt", "problem", "question"), ("response", "completion", "output")
REWARD, LENGTH = ("reward", "score", "correct"), ("length", "tokens", "num_tokens")
LOG_P = ("log_p", "logp", "logprob", "log_prob", "sum_logprob", "cumulative_logprob", "logprobs", "log_probs")
OURS = ("prompt_id", "finished", "answer", "given")
TEXTS = ("prompt_id", "answer", "given")
CANNOT = {
    "log_p": f"it has none of the columns {', '.join(LOG_P)}; say which one it is with --column log_p=NAME",
    "length": "it has no column length or tokens",
    "finished": "it does not say what was cut off, so that all counts as finished",
    "answer": "it does not say what would have been right",
    "reward": "it has no reward, and no answer to grade by; name one with --column reward=NAME",
}
NOTES = ("log-probabilities, where it has them, are read as sums over the tokens of a response, in nats",)


def recognises(row: Row) -> bool:
    """A row that numbers its samples is one of our own tables, of which something is missing."""
    return "sample" not in row and not set(PROMPT).isdisjoint(row) and not set(RESPONSE).isdisjoint(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """One response. A list of log-probabilities also tells the length."""
    log_p, length = _first(row, LOG_P), _first(row, LENGTH)
    if isinstance(log_p, list):
        length, log_p = len(log_p), total(log_p)
    found = {"prompt": text_of(_first(row, PROMPT)), "response": text_of(_first(row, RESPONSE))}
    found |= {"log_p": log_p, "length": length, "reward": _first(row, REWARD)}
    kept = {name: row[name] for name in OURS if name in row and not _missing(row[name])}
    return [found | {name: str(value) if name in TEXTS else value for name, value in kept.items()}]


def _missing(value: Any) -> bool:
    """null of JSON, or the nan that stands for it in Parquet."""
    return value is None or value != value


def _first(row: Row, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if name in row), None)
