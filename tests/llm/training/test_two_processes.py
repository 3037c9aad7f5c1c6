"""Two processes under accelerate launch, joined by gloo, take the steps that one process takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[3]
ARGUMENTS = ["--dataset", "addition", "--steps", "2", "--eval-prompts", "4", "--eval-samples", "2"]
ARGUMENTS += ["--forecast-samples", "4", "--max_completion_length", "8", "--learning_rate", "0.01"]
ARGUMENTS += ["--regime", "tempered", "--alpha", "2", "--save_steps", "2"]


def run(processes: int, model, folder) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", str(processes)]
    # Without a GPU, torch's launcher starts processes that accelerate joins by gloo.
    launch += ["--multi_gpu", "--main_process_port", "0"] if processes > 1 else ["--cpu"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    options = [*ARGUMENTS, "--model", str(model), "--output-dir", str(folder)]
    options += ["--per_device_train_batch_size", str(32 // processes)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [*launch, str(Path(__file__).with_name("fixed_completions.py")), *options],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_take_the_steps_of_one(tiny_model, tmp_path):
    """The same global batch: equal loss, gradient norm, means and weights; files are written once."""
    one, two = tmp_path / "one", tmp_path / "two"
    run(1, tiny_model, one)
    run(2, tiny_model, two)
    rows = [[json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()] for folder in (one, two)]
    assert [row["step"] for row in rows[1]] == [1, 2]
    for alone, together in zip(*rows, strict=True):
        for name in ("loss", "grad_norm", "reward", "accuracy", "length", "log_p", "log_p_sd", "sequence_kl", "kl"):
            np.testing.assert_allclose(together[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert rows[0][0]["grad_norm"] > 0.1, "a first step without a gradient would show nothing"
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (one, two)]
    start = load_file(tiny_model / "model.safetensors")
    moved = max(np.abs(weights[0][name] - start[name]).max() for name in weights[0])
    apart = max(np.abs(weights[0][name] - weights[1][name]).max() for name in weights[0])
    assert apart < 1e-3 * moved
    assert len(pd.read_parquet(two / "base.parquet")) == 4 * 4
    assert pd.read_parquet(two / "final.parquet")["prompt_id"].tolist() == (
        pd.read_parquet(one / "final.parquet")["prompt_id"].tolist()
    )
    assert len(list((two / "checkpoints" / "checkpoint-2").glob("rng_state_*.pth"))) == 2
