"""Inspect's logs: a .json, or a .eval, which is a ZIP of JSON; a sample an id and epoch.

Schema: UKGovernmentBEIS/inspect_ai 499e6152, src/inspect_ai/log/_log.py, EvalLog (version, status, eval, samples) and
EvalSample (id, epoch, input, target, output, scores, attachments); src/inspect_ai/model/_model_output.py, ModelOutput
(choices with message, stop_reason, logprobs); src/inspect_ai/log/_recorders/eval.py (samples/ID_epoch_N.json in the
ZIP); src/inspect_ai/scorer/_metric.py, value_to_float (C, I, P and N are 1, 0, a half and 0).
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm.readers.found import CHOSEN_REWARD, Misread, Row, text_of, total
from llm.readers.openai import log_probs_of

NAME = "Inspect"
CANNOT = {
    "reward": "no sample was scored",
    "log_p": "no log-probabilities were asked for (--logprobs), or the provider gave none, as for multiple choice",
    "length": "neither logprobs nor usage say it",
    "finished": "the provider did not say why it stopped",
}
NOTES = ("of a sample that calls a model more than once, only the last output is read",)
STOPPED = {"stop": True, "max_tokens": False, "model_length": False}
VALUES = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
ATTACHED = "attachment://"


def recognises(row: Row) -> bool:
    return {"version", "status", "eval"} <= set(row)


def rows(row: Row) -> list[dict[str, Any]]:
    """The samples of a log. ValueError: it holds none, or several scorers and none was named."""
    if not row.get("samples"):
        raise ValueError(f"it holds no samples (status {row['status']}, or written with --no-log-samples)")
    settings = row["eval"].get("model_generate_config") or {}
    common = {name: settings.get(name) for name in ("temperature", "top_p", "top_k")}
    scorer = row.get(CHOSEN_REWARD)  # the name of one of them
    return [common | _sample(sample, scorer) for sample in row["samples"] if not sample.get("error")]


def log_of_zip(path: Path) -> dict[str, Any]:
    """A .eval as the .json of the same log would be: its header, and its samples in order."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            header = "header.json" if "header.json" in names else "_journal/start.json"
            if header not in names:
                raise Misread("it is a ZIP file, but no log of Inspect")
            log = json.loads(archive.read(header))
            samples = sorted(name for name in names if name.startswith("samples/") and name.endswith(".json"))
            return {"status": "started"} | log | {"samples": [json.loads(archive.read(name)) for name in samples]}
    except RuntimeError:  # NotImplementedError where zipfile lacks the method
        raise Misread("its ZIP is compressed with zstd, or locked; convert it: inspect log convert --to json") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise Misread(f"its ZIP is damaged: {error}") from None


def _sample(sample: Row, scorer: str | None) -> dict[str, Any]:
    output = sample.get("output") or {}
    choice = (output.get("choices") or [{}])[0]
    log_probs, score = log_probs_of(choice), _score(sample, scorer)
    usage = output.get("usage") or {}
    text = text_of(choice.get("message")) or output.get("completion", "")
    target = sample.get("target")
    return {
        "prompt_id": str(sample["id"]),
        "sample": int(sample["epoch"]),
        "prompt": _attached(text_of(sample.get("input")), sample),
        "response": _attached(text, sample),
        "answer": target if isinstance(target, str) else next(iter(target or [""]), ""),
        "given": score.get("answer"),
        "reward": _value(score.get("value")),
        "log_p": total(log_probs),
        "length": len(log_probs) or usage.get("output_tokens") or None,
        "finished": STOPPED.get(choice.get("stop_reason", "unknown")),
    }


def _score(sample: Row, scorer: str | None) -> Row:
    scores = sample.get("scores") or {}
    if scorer is None and len(scores) > 1:
        raise ValueError(f"it has several scorers ({', '.join(scores)}); name one with --column reward=NAME")
    if scorer is not None and scorer not in scores:
        raise ValueError(f"--column reward={scorer}: sample {sample['id']} has no such score, but {', '.join(scores)}")
    return next(iter(scores.values()), {}) if scorer is None else scores[scorer]


def _value(value: Any) -> Any:
    return VALUES.get(value.lower(), value) if isinstance(value, str) else value


def _attached(text: str, sample: Row) -> str:
    """Long texts stand apart in a log, each once."""
    attachments: Mapping[str, str] = sample.get("attachments") or {}
    return attachments.get(text.removeprefix(ATTACHED), text) if text.startswith(ATTACHED) else text
