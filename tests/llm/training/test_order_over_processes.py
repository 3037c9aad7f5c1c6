"""No prompt is lost or answered twice, wherever a run of two processes is killed: within an epoch and between two."""

import collections
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# (prompts, steps that a batch of responses is for, steps): an epoch ends with a prompt or two left over, and with none.
CASES = [(9, 1, 5), (8, 2, 6)]
PROCESSES = 2


def ran(model, folder, cases) -> list:
    """What each process wrote; joined by gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank in range(PROCESSES):
        joined = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "LOCAL_WORLD_SIZE": PROCESSES}
        joined |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
        joined |= {"OMP_NUM_THREADS": 1, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": ROOT}
        environment = {**os.environ, **{name: str(value) for name, value in joined.items()}}
        command = [sys.executable, Path(__file__).with_name("rank_of_two.py"), model, folder, rank, json.dumps(cases)]
        started.append(subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate()[1] for process in started]
    assert not any(process.returncode for process in started), errors[0][-3000:]
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(PROCESSES)]


def test_a_killed_run_goes_on_with_the_prompts_it_would_have_had(tiny_model, tmp_path):
    written = ran(tiny_model, tmp_path, CASES)
    for case, (prompts, at_once, steps) in enumerate(CASES):
        whole = [rank[case][0] for rank in written]
        assert [len(batches) for batches in whole] == [steps // at_once] * PROCESSES
        together = [sorted(a + b) for a, b in zip(*whole, strict=True)]
        epoch = prompts // (4 * at_once)  # batches of responses
        for first in range(0, len(together) - epoch + 1, epoch):
            times = collections.Counter(place for batch in together[first : first + epoch] for place in batch)
            assert set(times.values()) == {2} and len(times) == 4 * at_once * epoch, (
                "two responses to each, once an epoch"
            )
        assert together[0] != together[epoch] or epoch * 4 * at_once == prompts, "another order in another epoch"
        for rank, undisturbed in zip(written, whole, strict=True):
            for number, resumed in enumerate(rank[case][1], start=1):
                assert resumed == undisturbed[number:], f"case {case}, killed after batch {number}"
