"""Scoring in parts of a few hundred rows, each saved in one move: a killed run goes on where it was."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from harness import run_folder
from harness.progress import track
from harness.reservation import Place, reserved
from llm.evaluation.averages import summarise
from llm.models import loading
from llm.problems import MathProblem
from llm.prompts import record
from llm.readers.found import Found
from llm.rewards.registry import reward_of
from llm.rollout_file import read_file
from llm.rollout_table import from_table
from llm.scoring.agreement import notes, other_tokens
from llm.scoring.config import ScoreConfig
from llm.scoring.texts import Texts, form_of, texts_of
from llm.wording import say

if TYPE_CHECKING:
    import torch

BATCHES = 16  # in a part
NAMES = ["log_p", "entropy"]


def score(config: ScoreConfig) -> Path:
    """Write rollouts.parquet, summary.json; returns the table's path."""
    with reserved("llm.score", config.output_dir, config, config.overwrite, goes_on="the same command") as place:
        return _score(config, place)


def _score(config: ScoreConfig, place: Place) -> Path:
    """All is read and checked before the folder is made."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    path = loading.resolve(config.model)
    found = read_file(config.rollouts, config.column, config.answers)
    if not len(found.table):
        raise ValueError(f"ROLLOUTS {config.rollouts} has no rows; name a table of responses")
    # In the precision of the weights a log p moves by hundredths of a nat a token, which a power multiplies.
    model, tokenizer = loading.load(path, dtype=torch.float32)
    model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    texts = texts_of(config, found.table, tokenizer, sorted(loading.stop_token_ids(model, tokenizer)))
    table = _filled_in(config, found, texts, tokenizer)
    from_table(table.assign(log_p=-1.0), str(config.rollouts))
    read = texts.rendered if texts.rendered is not None else list(table["prompt"].astype(str))
    shown = record.facts_of(list(dict.fromkeys(read)))
    prompts = shown | {"sha256": record.facts_of([*read, *map(str, texts.responses)])["sha256"]}
    if not config.overwrite:
        record.check_same(place.path, prompts, "--output-dir")
    say(found.lines(str(config.rollouts)))
    folder = place.begin_or_go_on(replace(config, chat=texts.chat))
    place.note({"prompts": prompts})
    record.show(shown)
    table[NAMES] = _in_parts(config, folder, model, tokenizer.pad_token_id, texts)
    said = notes(found.table, table)
    say(f"{config.rollouts}: {line}" for line in said)
    policy = {"log_pi": table["log_p"]} if "log_pi" not in table else {}
    run_folder.write(folder / "rollouts.parquet", table.to_parquet)
    run_folder.write_json(
        folder / "summary.json", {**summarise(table.assign(**policy)), "rows": len(table), "notes": said}
    )
    return folder / "rollouts.parquet"


def _filled_in(config: ScoreConfig, found: Found, texts: Texts, tokenizer: Any) -> pd.DataFrame:
    """The file's table with what the tokens tell, and with rewards where it had none or --reward names another kind."""
    table = found.table.reset_index(drop=True)
    length = np.array([len(ids) for ids in texts.responses])
    table["other_tokens"] = other_tokens(table, length)
    table["length"] = length
    table["finished"] = list(texts.finished)
    if texts.rendered is not None:
        table["rendered_prompt"] = list(texts.rendered)
    if "log_p" in table:
        table["log_p_given"] = table["log_p"]
    if "answer" in found.unknown:
        table["answer"] = ""
    elif "answer" in table and ("reward" not in table or config.reward != "boxed"):
        asked = table["prompt"] if "prompt" in table else table["prompt_id"]
        rows = zip(table["prompt_id"].astype(str), asked.astype(str), table["answer"].astype(str), strict=True)
        reward, problems = reward_of(config.reward), [MathProblem(*row) for row in rows]
        table["reward"] = reward.scores(list(table["response"]), problems, texts.finished, form_of(config, tokenizer))
        if reward.tells_answers and not reward.boxes:
            pairs = zip(table["response"], texts.finished, strict=True)
            table["given"] = [reward.vote(*pair) for pair in pairs]
    return table


def _in_parts(
    config: ScoreConfig, folder: Path, model: "torch.nn.Module", pad_token_id: int, texts: Texts
) -> np.ndarray:
    """log_p and entropy of every row. A part holds rows of like length, so that little is padded."""
    from llm.sampling.scoring import response_log_probs

    order = np.argsort([len(p) + len(r) for p, r in zip(texts.prompts, texts.responses, strict=True)], kind="stable")
    chunks = np.array_split(order, np.ceil(len(order) / (BATCHES * config.batch_size)))
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    scores = np.zeros((len(order), len(NAMES)))
    for index, rows in enumerate(track(chunks, "scoring")):
        part = parts / f"{index:06d}.parquet"
        if not part.exists():
            found = response_log_probs(
                model, _of(texts.prompts, rows), _of(texts.responses, rows), pad_token_id, config.batch_size, True
            )
            run_folder.write(part, pd.DataFrame(found.double().numpy(), columns=NAMES).to_parquet)
        scores[rows] = pd.read_parquet(part)[NAMES].to_numpy()
    return scores


def _of(values: Sequence[list[int]], rows: np.ndarray) -> list[list[int]]:
    return [values[row] for row in rows]
