"""The forecast of a real model from log p scored in bfloat16 against the same from float32, response by response.

    python -m benchmarks.precision_of_forecast --model FOLDER [--tables docs/real/words-same-base.parquet ...]

The responses are those of a rollouts table with the column rendered_prompt; --samples of each prompt are scored anew in
float32, in bfloat16 with logits in float32 (--head-dtype float32 of llm.train and llm.sample) and in bfloat16
throughout, by the token tree of --share-prefixes. A processor without bfloat16 arithmetic takes minutes a matrix: here
numbers of bfloat16 are multiplied and summed in float32 and the sum is rounded to bfloat16, as a GPU does it.
Adds its result to benchmarks/precision_of_forecast.json.
"""

import argparse
import json
import os
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from harness import run_folder
from llm.models.loading import load
from llm.rollout_table import from_table
from llm.sampling.rollouts import log_p_again
from llm.sampling.scoring import response_log_probs
from theory.estimation.forecast import forecast
from theory.estimation.reweight import Target

RESULT = Path(__file__).with_suffix(".json")
REAL = Path(__file__).parents[1] / "docs" / "real"
TARGETS = {
    "tempered 1.25": Target(1.25, 0.0),
    "tempered 2": Target(2.0, 0.0),
    "tempered 4": Target(4.0, 0.0),
    "tilted 1": Target(1.0, 1.0),
}
PRECISIONS = {
    "float32": (torch.float32, "float32"),
    "bfloat16, logits in float32": (torch.bfloat16, "float32"),
    "bfloat16": (torch.bfloat16, "model"),
}


def summed_in_float32(model: torch.nn.Module) -> None:
    """Every layer of bfloat16 weights multiplies them in float32 and rounds its result."""

    def forward(layer, x):
        wide = torch.nn.functional.linear(x.float(), layer.wide, None if layer.bias is None else layer.bias.float())
        return wide.to(x.dtype)

    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and "forward" not in vars(layer):  # float32_head has one of its own
            layer.wide = layer.weight.detach().float()
            layer.forward = types.MethodType(forward, layer)


def scored(table: pd.DataFrame, model_path: str, precision: str) -> pd.DataFrame:
    """The table with log_p and, for a few rows, log_p_again in that precision."""
    dtype, head = PRECISIONS[precision]
    model, tokenizer = load(model_path, head, dtype=dtype)
    model.eval()
    if dtype == torch.bfloat16:
        summed_in_float32(model)
    prompts = [tokenizer(text, add_special_tokens=False).input_ids for text in table.rendered_prompt]
    responses = [
        tokenizer(text, add_special_tokens=False).input_ids + [tokenizer.eos_token_id] * ended
        for text, ended in zip(table.response, table.finished, strict=True)
    ]
    of_all = (prompts, responses, tokenizer.pad_token_id)
    found = response_log_probs(model, *of_all, len(prompts), share_prefixes=True)
    again = log_p_again(model, *of_all, len(prompts), share_prefixes=True)
    lengths = [len(ids) for ids in responses]
    return table.assign(log_p=found.double().numpy(), log_pi=np.nan, log_p_again=again, length=lengths)


def forecasts(table: pd.DataFrame) -> dict[str, dict]:
    rollouts = from_table(table.drop(columns="log_pi"), "a benchmark's")
    records = forecast(rollouts, list(TARGETS.values()), np.random.default_rng(0), ("psis",), votes=False)
    found = {}
    for name, record in zip(TARGETS, records, strict=True):
        accuracy = record["accuracy"]
        found[name] = {"accuracy": accuracy.value, "reliable": accuracy.reliable, "length": record["length"].value}
    return {"noise": rollouts.log_p_noise, "targets": found}


def compared(table: pd.DataFrame, model_path: str) -> dict:
    result, exact = {}, None
    for precision in PRECISIONS:
        started = time.process_time()
        mine = scored(table, model_path, precision)
        exact = mine if exact is None else exact
        error = (mine.log_p - exact.log_p) / np.sqrt(mine.length)
        row = {"seconds": time.process_time() - started, "sd_a_token": float(np.sqrt((error**2).mean()))}
        row["mean_a_token"] = float((mine.log_p - exact.log_p).sum() / mine.length.sum())
        result[precision] = row | forecasts(mine)
        print(precision, json.dumps(result[precision]), flush=True)
    given = (exact.log_p - table.log_p).abs()
    result["rows"], result["other_tokens_than_drawn"] = len(table), int((given > 0.05).sum())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    tables = [REAL / f"{task}-same-base.parquet" for task in ("words", "sums")]
    parser.add_argument("--tables", type=Path, nargs="+", default=tables)
    parser.add_argument("--samples", type=int, default=16)
    options = parser.parse_args()
    for path in options.tables:
        table = pd.read_parquet(path)
        table = table[table["sample"] < options.samples].reset_index(drop=True)
        row = compared(table, options.model) | {"samples": options.samples, "load_average": os.getloadavg()}
        result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        run_folder.write_json(RESULT, result | {path.stem: row})


if __name__ == "__main__":
    main()
