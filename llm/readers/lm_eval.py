"""lm-evaluation-harness's --log_samples: samples_TASK_DATE.jsonl, a line a document (and a filter).

Schema: EleutherAI/lm-evaluation-harness 4e7e0d47, lm_eval/evaluator.py (the example of each document) and
lm_eval/loggers/evaluation_tracker.py, save_results_samples: doc_id, doc, target, arguments.gen_args_N.arg_M, resps
(a list a request, of one text a repeat), filtered_resps, filter, metrics (their names), doc_hash, and each metric.
"""

from typing import Any

from llm.readers.found import CHOSEN_REWARD, Row

NAME = "lm-evaluation-harness"
CANNOT = {
    "log_p": "lm-evaluation-harness logs no log-probabilities of what a model wrote",
    "length": "lm-evaluation-harness logs no lengths in tokens",
    "finished": "lm-evaluation-harness does not log whether a response was cut off",
}
NOTES: tuple[str, ...] = ()
METRICS = ("exact_match", "math_verify", "acc", "pass@1")  # where a file of an older version does not name its own


def recognises(row: Row) -> bool:
    return {"doc_id", "doc", "resps", "filtered_resps"} <= set(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """The repeats of one document. ValueError: it was never asked to write, or its one metric is of many repeats."""
    responses, filtered = row["resps"], row["filtered_resps"]
    if len(responses) != 1 or not all(isinstance(text, str) for text in responses[0]):
        raise ValueError("it holds log-likelihoods of given choices, and nothing that a model sampled")
    first, target = filtered[0], str(row.get("target", ""))
    given = first if isinstance(first, list) and len(first) == len(responses[0]) else [first]
    asked = row.get("arguments", {}).get("gen_args_0", {})
    settings = asked.get("arg_1") if isinstance(asked.get("arg_1"), dict) else {}
    common = {
        "prompt_id": str(row["doc_id"]),
        "prompt": asked.get("arg_0"),
        "rendered_prompt": asked.get("arg_0"),  # examples, and the chat template's marks where it was applied
        "answer": target,
        "filter": str(row.get("filter")),
        "temperature": 0.0 if settings.get("do_sample") is False else settings.get("temperature"),
        "top_p": settings.get("top_p"),
        "top_k": settings.get("top_k"),
    }
    if len(responses[0]) == 1:
        reward = row[CHOSEN_REWARD] if CHOSEN_REWARD in row else _metric(row)
        return [common | {"response": responses[0][0], "given": str(given[0]), "reward": reward}]
    if len(given) != len(responses[0]):
        raise ValueError(
            f"document {row['doc_id']} has {len(responses[0])} responses and one metric for all of them; which were "
            "right cannot be told (a filter such as take_first_k that keeps all of them would tell)"
        )
    gold = target.split("####")[-1].strip()  # GSM8K's solutions end in their answer
    return [
        common | {"response": text, "given": str(answer), "reward": float(str(answer).strip() == gold)}
        for text, answer in zip(responses[0], given, strict=True)
    ]


def _metric(row: Row) -> Any:
    names = [name for name in row.get("metrics", METRICS) if isinstance(row.get(name), int | float)]
    if len(names) != 1:
        several = f"has several metrics ({', '.join(names)})" if names else "has no metric of one number a document"
        raise ValueError(f"it {several}; name one with --column reward=NAME")
    return row[names[0]]
