"""FSDP2 with the configuration that is shipped, on two CPU processes joined by gloo: a step, a checkpoint, a resume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]


@pytest.mark.skipif(bool(os.environ.get("CI")), reason="40 s of two cores: make test runs it where CI is not set")
def test_a_sharded_run_takes_the_steps_of_one_process_and_goes_on_where_it_was_cut_off(
    tiny_model, tmp_path, monkeypatch
):
    """Each process holds half of a weight; gradient norms, rewards and saved weights are those of one process."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2", "--main_process_port", "0"]
    launch += ["--config_file", str(ROOT / "configs" / "accelerate" / "four_gpus_fsdp2.yaml")]
    launch += ["--mixed_precision", "no", str(HERE / "sharded_of_two.py"), str(tiny_model), str(tmp_path)]
    alone = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(launch, env={**os.environ, **alone}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    whole, resumed = json.loads((tmp_path / "found.json").read_text())
    assert whole["here"] * 2 == whole["whole"]

    monkeypatch.syspath_prepend(str(HERE))
    import sharded_of_two
    from fixed_completions import fixed_completions

    monkeypatch.setattr(sharded_of_two.LogProbRewardTrainer, "_generate_single_turn", fixed_completions)
    one = sharded_of_two.trained(str(tiny_model), tmp_path / "one", tmp_path / "unsharded", 1)
    np.testing.assert_allclose(whole["rows"], one["rows"], rtol=1e-4, atol=1e-6)
    assert one["rows"][0][0] > 0.1, "a first step without a gradient would show nothing"
    names = ("unsharded", "whole", "resumed")
    expected, saved, again = (load_file(tmp_path / name / "model.safetensors") for name in names)
    start = load_file(tiny_model / "model.safetensors")
    moved = max(np.abs(expected[name] - start[name]).max() for name in start)
    assert max(np.abs(saved[name] - expected[name]).max() for name in start) < 1e-3 * moved
    assert max(np.abs(again[name] - saved[name]).max() for name in start) < 1e-3 * moved
    np.testing.assert_allclose(resumed["rows"][-1], whole["rows"][-1], rtol=1e-4, atol=1e-6)
