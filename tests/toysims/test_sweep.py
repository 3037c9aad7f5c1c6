"""The sweep: right against theory, the same bytes twice, and nothing lost or doubled by a kill."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pyarrow import parquet

from harness.reservation import reserved
from theory.objectives import Objective
from toysims import sweep
from toysims.learners import mirror, natural_gradient
from toysims.learners.objective import weights
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


@pytest.mark.parametrize("last", [Objective(0.3, 0.0, -0.2), Objective(0.3, 4.0, 0.2), Objective(0.3, 900.0, 0.2)])
@pytest.mark.parametrize("every", [1, 2, 8])
def test_batched_mirror_ascent_is_mirror_ascent(last, every):
    """T8: the batched program against one plain step after another: τ of every sign, bounded or not."""
    objectives = [Objective(1.0, 2.0, 0.5), Objective(0.5, 1.0, 0.0), last]
    problems = [categorical.draw(jax.random.key(seed), 6, 0.5) for seed in range(3)]
    log_p, reward = (jnp.asarray([getattr(p, name) for p in problems]) for name in ("log_p", "reward"))
    steps = jnp.asarray([0.3, 0.1, 0.7])
    batched = mirror.ascend(weights(objectives), steps, log_p, reward, 5, every)
    for i, objective in enumerate(objectives):
        log_pi = log_p[i]
        for _ in range(5):
            one = jax.tree.map(lambda w: w[0], weights([objective]))
            log_pi, _ = natural_gradient.mirror_step(one, log_pi, log_p[i], reward[i], steps[i])
        np.testing.assert_allclose(batched[i], log_pi, rtol=1e-10)


def test_batched_replicator_is_the_replicator_equation_in_euler_steps():
    """T8, τ = 0: π ← π + η π (f - π·f), one policy at a time."""
    random = np.random.default_rng(4)
    pi, fitness = random.dirichlet(np.ones(5), size=3), random.normal(size=(3, 5)) ** 3
    batched = mirror.replicate(jnp.asarray(fitness), jnp.asarray(pi), 0.05, 7)
    for x, f, found in zip(pi, fitness, batched, strict=True):
        for _ in range(7):
            x = x + 0.05 * x * (f - x @ f)
        np.testing.assert_allclose(found, x, rtol=1e-12)


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
    problem = categorical.draw(jax.random.key(17), 7, 0.2)
    row = table.query("seed == 17 and alpha == 3 and beta == 0.2").iloc[0]
    by_hand = np.exp(3 * problem.log_p + 5 * problem.reward)
    assert row["simulated_accuracy"] == pytest.approx(by_hand @ problem.reward / by_hand.sum())


def test_an_unfinished_sweep_is_not_mixed_with_another(tmp_path):
    begun = sweep.Config(alphas=(1.0,), betas=(0.2, 1.0), k=7, policies=60, chunk=4)
    with pytest.raises(RuntimeError), reserved("toysims.sweep", tmp_path, begun, goes_on="the same command") as place:
        place.begin(begun)
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "000000.parquet").write_text("")
        raise RuntimeError
    stopped = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True)
    assert stopped.returncode == 2
    assert "was begun with another --alphas ([1.0], now [0.5, 3.0])" in stopped.stderr
    assert stopped.stderr.count("\n") == 1 and (tmp_path / "parts" / "000000.parquet").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--alphas", "nan"], ["--betas", "0"], ["--policies", "0"], ["--chunk", "0"], ["--k", "1"], ["--alphas", "x"]],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        sweep.main([*arguments, "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and arguments[0] in error
    assert not (tmp_path / "run").exists()
