"""Files as seven tools write them, by their published schemas (see the modules of llm.readers): the same rollouts each.

RESPONSES holds four prompts with three responses each; log p is the sum of the tokens' log-probabilities.
"""

import json
import zipfile

import pandas as pd

QUESTIONS = ["What is 1+2?", "What is 2+2?", "What is 3+4?", "What is 9+9?"]
ANSWERS = ["3", "4", "7", "18"]
TOKENS = [[-0.5, -0.25], [-1.0, -0.5, -0.25], [-2.0, -0.125, -0.5]]  # of the first, second and third response
RESPONSES = [
    {
        "number": number,
        "sample": sample,
        "question": question,
        "answer": answer,
        "text": f"I think \\boxed{{{int(answer) + wrong}}}",
        "given": str(int(answer) + wrong),
        "reward": float(not wrong),
        "tokens": tokens,
        "finished": sample != 2,
    }
    for number, (question, answer) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
    for sample, (tokens, wrong) in enumerate(zip(TOKENS, (0, 1, number % 2), strict=True))
]


def lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def user(text):
    return [{"role": "user", "content": text}]


def assistant(text):
    return [{"role": "assistant", "content": text}]


def trl(folder):
    rows = [
        {
            "step": 10,
            "prompt": user(r["question"]),
            "completion": assistant(r["text"]),
            "accuracy_reward": r["reward"],
            "answer": r["answer"],
            "advantage": r["reward"] - 0.5,
        }
        for r in RESPONSES
    ]
    path = folder / "completions_00010.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def verl(folder):
    rows = [
        {
            "input": f"user\n{r['question']}\nassistant\n",
            "output": r["text"],
            "gts": r["answer"],
            "score": 2 * r["reward"] - 1,  # DAPO's
            "step": 7,
            "acc": bool(r["reward"]),
            "pred": r["given"],
        }
        for r in RESPONSES
    ]
    return lines(folder / "7.jsonl", rows)


def lm_eval(folder):
    rows = []
    for number, question in enumerate(QUESTIONS):
        of_prompt = [r for r in RESPONSES if r["number"] == number]
        for name in ("keep-all", "keep-none"):
            given = [r["given"] if name == "keep-all" else "[invalid]" for r in of_prompt]
            settings = {"until": ["\n\n"], "do_sample": True, "temperature": 1.0, "top_p": 1.0}
            rows.append(
                {
                    "doc_id": number,
                    "doc": {"question": question},
                    "target": f"Add them up. #### {ANSWERS[number]}",
                    "arguments": {"gen_args_0": {"arg_0": question, "arg_1": settings}},
                    "resps": [[r["text"] for r in of_prompt]],
                    "filtered_resps": [given],
                    "filter": name,
                    "metrics": ["exact_match"],
                    "doc_hash": "0",
                    "prompt_hash": "0",
                    "target_hash": "0",
                    "exact_match": 1.0,
                }
            )
    return lines(folder / "samples_sums_2026-11-25.jsonl", rows)


def openai_body(of_prompt, chat=True):
    choices = []
    for r in of_prompt:
        choice = {"index": r["sample"], "finish_reason": "stop" if r["finished"] else "length"}
        if chat:
            content = [{"token": "x", "logprob": x, "bytes": None, "top_logprobs": []} for x in r["tokens"]]
            choice |= {"message": assistant(r["text"])[0], "logprobs": {"content": content}}
        else:
            held = {"tokens": ["x"] * len(r["tokens"]), "token_logprobs": r["tokens"], "top_logprobs": []}
            choice |= {"text": r["text"], "logprobs": held}
        choices.append(choice)
    kind = "chat.completion" if chat else "text_completion"
    return {"id": "cmpl-1", "object": kind, "created": 1, "model": "m", "choices": choices, "usage": {}}


def openai(folder, chat=True, graded=True):
    rows = []
    for number in range(len(QUESTIONS)):
        of_prompt = [r for r in RESPONSES if r["number"] == number]
        body = openai_body(of_prompt, chat)
        answer = {"answer": ANSWERS[number]} if graded else {}
        response = {"status_code": 200, "request_id": "r", "body": body}
        rows.append({"id": "b", "custom_id": f"q{number}", "response": response, "error": None} | answer)
    failed = {"id": "b", "custom_id": "q9", "response": {"status_code": 500, "body": None}, "error": "overloaded"}
    return lines(folder / "batch_output.jsonl", [*rows, failed])


def inspect_log(scorers=("match",)):
    stopped = {True: "stop", False: "max_tokens"}
    samples = [
        {
            "id": r["number"] + 1,
            "epoch": r["sample"] + 1,
            "input": "attachment://abc" if r["number"] == 0 else user(r["question"]),
            "target": r["answer"],
            "messages": [],
            "attachments": {"abc": QUESTIONS[0]},
            "output": {
                "model": "m",
                "choices": [
                    {
                        "message": {"role": "assistant", "content": [{"type": "text", "text": r["text"]}]},
                        "stop_reason": stopped[r["finished"]],
                        "logprobs": {"content": [{"token": "x", "logprob": x} for x in r["tokens"]]},
                    }
                ],
                "usage": {"input_tokens": 9, "output_tokens": len(r["tokens"]), "total_tokens": 12},
            },
            "scores": {name: {"value": "C" if r["reward"] else "I", "answer": r["given"]} for name in scorers},
        }
        for r in RESPONSES
    ]
    config = {"temperature": 1.0, "top_p": 1.0}
    spec = {"task": "sums", "model": "m", "model_generate_config": config}
    return {"version": 2, "status": "success", "eval": spec, "plan": {}, "results": {}, "samples": samples}


def inspect_json(folder):
    path = folder / "log.json"
    path.write_text(json.dumps(inspect_log(), indent=2))
    return path


def inspect_eval(folder):
    log, path = inspect_log(), folder / "log.eval"
    samples = log.pop("samples")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": log["eval"], "plan": {}}))
        for sample in samples:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps(log))
    return path


def nemo_rl(folder):
    rows = []
    for place, r in enumerate(RESPONSES):
        n = len(r["tokens"])
        rows.append(
            {
                "content": [[r["question"], r["text"]]],
                "rewards": [r["reward"]],
                "input_lengths": [2 + n],
                "token_ids": [[5, 6, *range(n), 0]],
                "token_loss_mask": [[0, 0, *[1] * n, 0]],
                "sample_loss_mask": [1.0],
                "advantages": [[0.0] * (3 + n)],
                "generation_logprobs": [[0.0, 0.0, *r["tokens"], 0.0]],
                "prev_logprobs": [[0.0, 0.0, *r["tokens"], 0.0]],
                "idx": place,
            }
        )
    return lines(folder / "train_data_step1.jsonl", rows)


def nemo_rl_validation(folder):
    rows = [
        {"content": [[*user(r["question"]), *assistant(r["text"])]], "rewards": [r["reward"]], "idx": place}
        for place, r in enumerate(RESPONSES)
    ]
    return lines(folder / "val_data_step1.jsonl", rows)


def prime_rl(folder):
    """Lines of verifiers' RolloutOutput."""
    rows = [
        {
            "example_id": r["number"],
            "task": "sums",
            "prompt": user(r["question"]),
            "completion": assistant(r["text"]),
            "answer": r["answer"],
            "reward": r["reward"],
            "timing": {},
            "is_completed": True,
            "is_truncated": not r["finished"],
            "metrics": {"correct": r["reward"]},
            "trajectory": [{"tokens": {"completion_ids": [1] * len(r["tokens"]), "completion_logprobs": r["tokens"]}}],
        }
        for r in RESPONSES
    ]
    return lines(folder / "train_rollouts.jsonl", rows)


def prime_rl_traces(folder):
    """Lines of Episode records of verifiers v1."""
    rows = []
    for r in RESPONSES:
        trace = {
            "version": 1,
            "id": "t",
            "task": {"type": "Sums", "data": {"idx": r["number"], "prompt": r["question"], "answer": r["answer"]}},
            "agent": {"name": "agent", "trainable": True},
            "nodes": [
                {"message": user(r["question"])[0], "sampled": False, "token_ids": [1, 2], "mask": [False, False]},
                {"parent": 0, "message": assistant(r["text"])[0], "sampled": True, "logprobs": r["tokens"]},
            ],
            "calls": [{"node": 1, "finish_reason": "stop" if r["finished"] else "length", "sampling": {}}],
            "rewards": {"correct": {"score": r["reward"], "weight": 1.0}},
            "metrics": {},
        }
        judge = trace | {"agent": {"name": "judge", "trainable": False}}
        rows.append({"id": "e", "traces": [trace, judge]})
    return lines(folder / "traces.jsonl", rows)


WITH_LOG_P = (openai, inspect_json, inspect_eval, nemo_rl, prime_rl, prime_rl_traces)
WITHOUT_LOG_P = (trl, verl, lm_eval, nemo_rl_validation)
