"""Runs side by side: all are made, an error is raised, and nothing goes on when the command is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm.comparison.run_pool import side_by_side

ROOT = Path(__file__).parents[3]
KILLED = """
import sys
from tests.llm.comparison.test_run_pool import sleep
from llm.comparison.run_pool import side_by_side

if __name__ == "__main__":
    list(side_by_side(sleep, [(file,) for file in sys.argv[1:]], 2))
"""


def note(folder, number):
    if number < 0:
        raise ValueError(f"number must be at least 0, got {number}")
    Path(folder, f"{number}-{os.getpid()}").touch()


def sleep(file):
    Path(file).write_text(str(os.getpid()))
    time.sleep(0 if file.endswith("short") else 120)


def test_every_job_is_done_once_in_processes_of_their_own(tmp_path):
    jobs = [(str(tmp_path), number) for number in range(5)]
    assert sorted(side_by_side(note, jobs, 2)) == jobs
    numbers, processes = zip(*(path.name.split("-") for path in tmp_path.iterdir()), strict=True)
    assert sorted(numbers) == list("01234")
    assert 1 <= len(set(processes)) <= 2 and str(os.getpid()) not in processes
    assert list(side_by_side(note, [], 2)) == []


def test_the_error_of_a_job_is_raised(tmp_path):
    with pytest.raises(ValueError, match="number must be at least 0, got -1"):
        list(side_by_side(note, [(str(tmp_path), -1)], 1))


def stop(folder):
    from llm.training.interruption import RunStopped  # seconds, which no other test here needs

    raise RunStopped(Path(folder), 3, 9)


def test_a_run_that_was_asked_to_stop_says_so_across_processes(tmp_path):
    from llm.training.interruption import RunStopped

    with pytest.raises(RunStopped, match="stopped after step 3 of 9") as stopped:
        list(side_by_side(stop, [(str(tmp_path),)], 1))
    assert stopped.value.output_dir == tmp_path


def test_a_worker_ends_with_a_parent_that_was_killed(tmp_path):
    script, file = tmp_path / "killed.py", tmp_path / "pid"
    script.write_text(KILLED)
    parent = subprocess.Popen([sys.executable, str(script), str(file)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 300
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline and parent.poll() is None
        time.sleep(0.1)
    worker = int(file.read_text())
    parent.kill()
    parent.wait()
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.1)


def test_ctrl_c_ends_the_workers_at_once_and_they_say_nothing(tmp_path):
    """A terminal sends it to every process of the group, be it at work or idle; the job would take two minutes more."""
    script, files = tmp_path / "killed.py", [tmp_path / "long", tmp_path / "short"]
    script.write_text(KILLED)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # if ignored, a child would inherit that
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    while not all(file.exists() and file.read_text() for file in files) and parent.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)  # the one with the short job waits for another by now
    os.killpg(parent.pid, signal.SIGINT)
    _, error = parent.communicate(timeout=30)
    assert error.count("Traceback") == 1 and error.rstrip().endswith("KeyboardInterrupt"), "more than the parent's own"
    assert not any(Path(f"/proc/{file.read_text()}").exists() for file in files)
