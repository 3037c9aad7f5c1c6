"""A number that no machine has the memory for is refused in a moment, with one that would do."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import memory
from harness.memory import check_memory, memory_here

ROOT = Path(__file__).parents[2]


def test_what_does_not_fit_is_refused_with_a_number_that_does(monkeypatch):
    monkeypatch.setattr(memory, "memory_here", lambda: 8_000_000_000)
    check_memory("--k", 8_000_000, 1000)
    with pytest.raises(ValueError, match=r"--k 9000000 would need about 9 GB .* has 8; take at most 8,000,000"):
        check_memory("--k", 9_000_000, 1000)
    monkeypatch.setattr(memory, "memory_here", lambda: None)
    check_memory("--k", 10**30, 1000)


def test_this_machine_has_more_than_a_test_needs():
    here = memory_here()
    assert here is None or 10**8 < here < 10**15


@pytest.mark.parametrize(
    ("command", "flag"), [("toysims.sharpening", "--k"), ("toysims.sweep", "--k"), ("toysims.sweep", "--policies")]
)
def test_a_thousand_million_is_refused_at_once(command, flag, tmp_path):
    begun = time.monotonic()
    arguments = ["-m", command, flag, "1000000000", "--output-dir", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and time.monotonic() - begun < 20
    assert f"{flag} 1000000000 would need about" in done.stderr and not (tmp_path / "run").exists()
