"""What a comparison says of how far its runs are."""

import io
import json

import pytest
from rich.console import Console

from harness import run_folder
from llm.comparison.how_far import HowFar, share_of_run

JOBS = [("tempered-2", 0), ("task", 0), ("task", 1)]


def test_a_file_gets_a_line_a_minute_and_one_at_the_end():
    clock, written = [0.0], io.StringIO()
    console = Console(file=written, width=40)  # a narrow one: no line is broken
    share = {JOBS[0]: 0.5, JOBS[1]: 0.0}
    with HowFar(JOBS, lambda *job: share[job], console, lambda: clock[0]) as seen:
        for clock[0] in (2.0, 59.0, 60.0, 62.0, 119.0, 121.0):
            seen.see(1, JOBS[:2])
        seen.see(3, [])
    lines = written.getvalue().splitlines()
    assert len(lines) == 3
    # Half of three runs in a minute: the other half takes as long.
    assert lines[0] == "runs: 1 of 3 done, about 1 min left; tempered-2-0 50%"
    assert lines[1].startswith("runs: 1 of 3 done, about 2 min left") and lines[2] == "runs: 3 of 3 done"


def test_a_bar_on_a_terminal_moves_inside_a_run():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with HowFar(JOBS, lambda *job: 0.25, console) as seen:
        seen.see(1, JOBS[:1])
        assert seen.bar.tasks[0].completed == 1.25 and "tempered-2-0 25%" in seen.bar.tasks[0].fields["inside"]


def test_a_run_is_as_far_as_its_steps_or_its_prompts(tmp_path):
    assert share_of_run(tmp_path, 10, 8) == share_of_run(tmp_path, None, 8) == 0
    run_folder.append_metrics(tmp_path, {"step": 3})
    assert share_of_run(tmp_path, 10, 8) == pytest.approx(0.3)
    (tmp_path / "parts").mkdir()
    for number in range(2):
        run_folder.write_json(tmp_path / "parts" / f"{number:06d}.json", {"prompts": 2, "tokens": 9})
    assert share_of_run(tmp_path, None, 8) == pytest.approx(0.5)
    (tmp_path / "summary.json").write_text(json.dumps({}))
    assert share_of_run(tmp_path, 10, 8) == 1
