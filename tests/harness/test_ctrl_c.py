"""Ctrl-C, as a terminal sends it to a command and to all that it started: exit code 130 and one line, always."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def interrupt(arguments: list[str], cwd: Path, ready: Callable[[int], bool]) -> tuple[int, list[str], str]:
    """SIGINT to the whole process group once ready(process id). (exit code, lines that speak of it, all of stderr)."""
    # Where the tests run in the background, the signal is ignored, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    while process.poll() is None and not ready(process.pid):
        time.sleep(0.005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    said = [line for line in error.replace("\r", "\n").splitlines() if line.startswith("interrupted")]
    return process.returncode, said, error


BEGUN = "with one_line_errors(), reserved('x.y', Path('run'), {}, goes_on='again') as place:\n    place.begin({})\n"
AGAIN = "what was finished is in run; again begins it again"
PLACES = {
    "while it is imported": ("wait()", "nothing was written"),
    "in main": ("with one_line_errors():\n    wait()", "nothing was written"),
    "under a redirection": ("with redirect_stderr(StringIO()):\n    wait()", "nothing was written"),
    "in what catches everything": ("try:\n    wait()\nexcept BaseException:\n    wait()", "nothing was written"),
    "in a finaliser": ("class A:\n    def __del__(self):\n        wait()\nA()", "nothing was written"),
    "in a run": (BEGUN + "    wait()", AGAIN),
    "in a finaliser of a run": ("class A:\n    def __del__(self):\n        wait()\n" + BEGUN + "    A()", AGAIN),
    "in a run that has work": (
        BEGUN + "    Path('run/parts').mkdir()\n    Path('run/parts/0.parquet').touch()\n    wait()",
        "what was finished is kept in run; again goes on from there",
    ),
    "after a run": (BEGUN + "wait()", "the run in run is finished"),
}


@pytest.mark.parametrize("place", PLACES)
def test_one_line_and_130_wherever_it_falls(tmp_path, place):
    body, said = PLACES[place]
    code = (
        "import time\nfrom contextlib import redirect_stderr\nfrom io import StringIO\nfrom pathlib import Path\n"
        "from harness import startup\nstartup.install()\n"
        "from harness.command import one_line_errors\nfrom harness.reservation import reserved\n"
        f"def wait():\n    Path('here').touch()\n    time.sleep(60)\n{body}\n"
    )
    code_and_lines = interrupt(["-c", code], tmp_path, lambda _: (tmp_path / "here").exists())
    assert code_and_lines == (130, [f"interrupted; {said}"], f"interrupted; {said}\n")


@pytest.mark.skipif(not Path("/proc").exists(), reason="what a process has loaded is read from /proc")
@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("jaxlib", ["-m", "toysims.length", "--output-dir", "run"]),
        ("libtorch", ["-m", "llm.sample", "--output-dir", "run"]),
        ("numpy", ["-m", "sharpening", "atlas"]),
    ],
)
def test_a_library_that_is_being_loaded_is_left_without_a_traceback(tmp_path, library, arguments):
    """An exception that comes up inside jaxlib's own loading ends the process with a core dump."""

    def loading(process: int) -> bool:
        return library in Path(f"/proc/{process}/maps").read_text()

    code, said, error = interrupt(arguments, tmp_path, loading)
    assert (code, said) == (130, ["interrupted; nothing was written"]), error
    assert error.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("moment", [0.02, 0.03, 0.04, 0.06])
def test_a_grading_worker_that_is_being_loaded_says_nothing(tmp_path, moment):
    """Ctrl-C a moment after it was started, when it has not yet got to ignoring the signal."""
    code = (
        "import os, signal, time\nfrom harness import startup\nstartup.install()\nfrom llm.grading.pool import Pool\n"
        "class Started(list):\n    def append(self, worker):\n"
        f"        time.sleep({moment})\n"
        "        os.killpg(os.getpgrp(), signal.SIGINT)\n        time.sleep(60)\n"
        "pool = Pool(1)\npool._workers = Started()\npool.same([('1', '2')])\n"
    )
    code_and_lines = interrupt(["-c", code], tmp_path, lambda _: False)
    assert code_and_lines == (130, ["interrupted; nothing was written"], "interrupted; nothing was written\n")


def test_a_command_that_is_being_torn_down_has_ended(tmp_path):
    """All is written and said by then."""
    code = (
        "from harness import startup\nstartup.install()\nimport time\nfrom pathlib import Path\n"
        "class A:\n    def __del__(self, sleep=time.sleep):\n        Path('here').touch()\n        sleep(3)\n"
        "a = A()\na.itself = a\n"
    )
    assert interrupt(["-c", code], tmp_path, lambda _: (tmp_path / "here").exists()) == (0, [], "")


def test_a_command_in_the_background_ignores_it(tmp_path):
    """nohup and a shell's & set the signal to be ignored; that stays so."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from harness import startup; startup.install()\n"
        "import os; os.kill(os.getpid(), signal.SIGINT); print('went on')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")
