"""vLLM as the generator, where it is installed (make test-vllm). Each command runs in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="needs vLLM, which has an environment of its own: make test-vllm"
)


def command(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]


def test_sampled_responses_have_the_log_p_that_vllm_says(tmp_path: Path) -> None:
    folder = tmp_path / "rollouts"
    command(*f"llm.sample --engine vllm --prompts 4 --samples 8 --output-dir {folder}".split())
    table = pd.read_parquet(folder / "rollouts.parquet")
    assert len(table) == 32
    apart = (table.log_p - table.engine_log_p).abs() / table.length
    assert apart.mean() < 0.02, "bfloat16 against float32"
    assert table.log_p.std() > 50 * apart.mean()


def test_training_reaches_its_end_with_weights_sent_to_vllm(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    asked = "llm.train --regime tilted --beta 1 --steps 2 --eval-prompts 4 --forecast-samples 8 --eval-samples 4"
    vllm = "--use_vllm true --vllm_mode colocate --vllm_max_model_length 64 --use_cpu true"
    command(*f"{asked} {vllm} --vllm_enable_sleep_mode false --output-dir {folder}".split())
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    for row in rows:  # bfloat16 against float32
        assert 0 < row["sampler_gap"] < 0.02 and row["sampler_gap"] < row["sampler_gap_p99"] < 0.2
        assert abs(row["sampler_mass_kept"] - 1) < 0.05
    assert json.loads((folder / "summary.json").read_text())["steps"] == 2


WITHOUT_WEIGHTS = """
import sys
from trl.generation.vllm_generation import VLLMGeneration
VLLMGeneration.sync_weights = lambda self: None
from llm.train import main
sys.argv[0] = "llm.train"
if __name__ == "__main__":
    main()
"""


def test_a_run_whose_weights_never_reach_vllm_stops(tmp_path: Path) -> None:
    script, folder = tmp_path / "broken.py", tmp_path / "run"
    script.write_text(WITHOUT_WEIGHTS)
    asked = "--regime tilted --beta 1 --steps 6 --learning_rate 0.003 --eval-prompts 4 --forecast-samples 8"
    vllm = "--eval-samples 4 --use_vllm true --vllm_mode colocate --vllm_max_model_length 64 --use_cpu true"
    arguments = f"{asked} {vllm} --vllm_enable_sleep_mode false --output-dir {folder}".split()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=1800, env=environment
    )
    assert done.returncode == 2 and "was not given the new weights" in done.stderr, done.stderr[-3000:]
