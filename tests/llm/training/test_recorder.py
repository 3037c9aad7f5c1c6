"""What is kept of every step, and the pace that follows from it."""

import json
from types import SimpleNamespace

import pytest

from llm.training import recorder
from llm.training.recorder import RunRecorder, pace


def test_the_time_of_steps_without_a_line_is_in_the_next_line(tmp_path, monkeypatch):
    """TRL logs rewards at the first step on a batch alone: here at steps 1 and 4, which take 1, 2, 4 and 8 seconds."""
    clock = iter([0, 1, 10, 12, 20, 24, 30, 38])
    monkeypatch.setattr(recorder.time, "perf_counter", lambda: next(clock))
    watch = RunRecorder(tmp_path, steps=4, label="")
    rewarded = {"reward": 1.0, "accuracy": 0.5, "length": 3.0, "log_p": -1.0, "num_tokens": 300}
    for step, logs in enumerate([rewarded, {}, {}, rewarded], start=1):
        state = SimpleNamespace(global_step=step, is_world_process_zero=True)
        watch.on_step_begin(None, state, None)
        watch.on_step_end(None, state, None)
        watch.on_log(None, state, None, logs)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["seconds"]) for row in rows] == [(1, 1), (4, 14)]
    assert pace(rows) == pytest.approx({"seconds_per_step": 15 / 4, "tokens_per_second": 300 / 15})


def test_the_first_fifth_of_a_run_is_not_in_its_pace():
    rows = [{"step": step, "seconds": 100.0 if step <= 2 else 1.0, "num_tokens": 10 * step} for step in range(1, 11)]
    assert pace(rows)["seconds_per_step"] == 1.0
    assert pace([]) == {"seconds_per_step": 0.0, "tokens_per_second": 0.0}
