"""The sweep: right against theory, the same bytes twice, and nothing lost or doubled by a kill."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from pyarrow import parquet

from harness.reservation import reserved
from toysims import sweep
from toysims.policies import categorical

ROOT = Path(__file__).parents[2]
GRID = ["--k", "7", "--policies", "60", "--alphas", "0.5", "3", "--betas", "0.2", "1", "--chunk", "4"]


def command(folder, *more):
    return [sys.executable, "-m", "toysims.sweep", *GRID, "--output-dir", str(folder), *more]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    subprocess.run(command(folder), cwd=ROOT, check=True, capture_output=True)
    return folder


def test_a_sweep_gives_the_same_bytes_twice(uninterrupted, tmp_path):
    subprocess.run(command(tmp_path / "again"), cwd=ROOT, check=True, capture_output=True)
    again, first = ((folder / "sweep.parquet").read_bytes() for folder in (tmp_path / "again", uninterrupted))
    assert again == first


def test_a_killed_sweep_goes_on_and_ends_the_same(uninterrupted, tmp_path):
    """SIGKILL once some chunks are saved and some are not; then the same command again."""
    folder = tmp_path / "killed"
    process = subprocess.Popen(command(folder), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.glob("parts/0*.parquet"))) < 3:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "the sweep ended before it could be killed"
    saved = {part.name: part.stat().st_mtime_ns for part in folder.glob("parts/0*.parquet")}
    assert 3 <= len(saved) < 60 and not (folder / "summary.json").exists()

    subprocess.run(command(folder), cwd=ROOT, check=True, capture_output=True)
    assert (folder / "sweep.parquet").read_bytes() == (uninterrupted / "sweep.parquet").read_bytes()
    for name, written in saved.items():
        assert (folder / "parts" / name).stat().st_mtime_ns == written, "a saved chunk was computed again"


def test_every_cell_is_there_once_and_agrees_with_theory(uninterrupted):
    table = parquet.read_table(uninterrupted / "sweep.parquet").to_pandas()
    assert len(table) == 60 * 2 * 2 == len(table[["seed", "alpha", "beta"]].drop_duplicates())
    assert table["total_variation"].max() < 1e-9
    predictions = json.loads((uninterrupted / "summary.json").read_text())["predictions"]
    assert {row["claim"]: row["tolerance"] for row in predictions} == {
        "farthest end from the optimum": 1e-6,
        "rows in the table": 0.0,
    }
    problem = categorical.draw(jax.random.key(17), 7, 0.2)
    row = table.query("seed == 17 and alpha == 3 and beta == 0.2").iloc[0]
    by_hand = np.exp(3 * problem.log_p + 5 * problem.reward)
    assert row["simulated_accuracy"] == pytest.approx(by_hand @ problem.reward / by_hand.sum())


def test_an_unfinished_sweep_is_not_mixed_with_another(tmp_path):
    begun = sweep.SweepConfig(alphas=(1.0,), betas=(0.2, 1.0), k=7, policies=60, chunk=4)
    with pytest.raises(RuntimeError), reserved("toysims.sweep", tmp_path, begun, goes_on="the same command") as place:
        place.begin(begun)
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "000000.parquet").write_text("")
        raise RuntimeError
    stopped = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True)
    assert stopped.returncode == 2
    assert "was begun with another --alphas ([1.0], now [0.5, 3.0])" in stopped.stderr
    assert stopped.stderr.count("\n") == 1 and (tmp_path / "parts" / "000000.parquet").exists()
