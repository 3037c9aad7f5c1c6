"""The main job: every regime agrees with theory, a wrong prediction is found, bad input is one line."""

import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from theory.objectives import REGIMES, Coordinates, Objective, regime
from theory.tilt import log_tilt
from toysims import attraction, regimes, repulsion, sharpening
from toysims.policies import categorical

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "sharpening"
    sharpening.main(["--k", "12", "--seed", "4", "--alpha", "3", "--output-dir", str(folder)])
    return folder


def test_every_regime_ends_where_theory_says(run):
    """T1, T4, T8, T24: the run's own verdict, and the targets of the issue, read from its summary."""
    summary = json.loads((run / "summary.json").read_text())
    assert summary["agreement"] and summary["k"] == 12 and summary["seed"] == 4
    assert len(summary["predictions"]) == 27  # all of them judged
    rows = {row["name"]: row for row in summary["regimes"]}
    assert set(REGIMES) < set(rows)
    for name in ("tilted", "tempered", "tilted-tempered"):
        assert rows[name]["total_variation"] <= 1e-6
        assert rows[name]["climb_total_variation"] <= 1e-3
        assert rows[name]["stable"]
        assert rows[name]["predicted"]["accuracy"] == pytest.approx(rows[name]["simulated"]["accuracy"], abs=1e-6)
    for name in ("minimum entropy", "self-sharpening"):
        assert not rows[name]["stable"]
        assert rows[name]["winners"]["foreseen"] == 20
        rate = rows[name]["growth_rate"]
        assert rate["simulated"] == pytest.approx(rate["predicted"], rel=0.01)
    assert (rows["tilted-tempered"]["alpha"], rows["tilted-tempered"]["b"]) == (3, 2)


def test_a_run_folder_can_be_read_without_our_code(run):
    assert {"config.json", "environment.json", "metrics.jsonl", "summary.json", "plane.png", "right_and_wrong.png"} <= {
        path.name for path in run.iterdir()
    }
    assert (run / "plane.png").read_bytes().startswith(b"\x89PNG")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    # Five regimes as each of three learners ends, while the run goes on; then all seven against theory.
    assert [line.get("stage") for line in lines[::5][:3]] == [regimes.FLOW, regimes.CLIMB, regimes.SAMPLED]
    assert len(lines) == 3 * 5 + 7


def test_a_run_is_not_overwritten(run, capsys):
    before = (run / "summary.json").read_bytes()
    with pytest.raises(SystemExit) as stop:
        sharpening.main(["--k", "12", "--output-dir", str(run)])
    assert stop.value.code == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (run / "summary.json").read_bytes() == before


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (attraction, ("optimum", lambda o, log_p, r: log_tilt(log_p, r, 1.02, 1.98))),
        (regimes, ("self_sharpening_winner", lambda *a: np.zeros(len(a[0]), dtype=int))),
        (repulsion, ("growth_rate", lambda *a: np.full(2, 0.47))),
    ],
    ids=["optimum", "winner", "rate"],
)
def test_a_wrong_prediction_is_found(tmp_path, monkeypatch, capsys, target, wrong):
    """Theory, or the measured rate, is falsified by little; the command must exit 1 and name the line."""
    monkeypatch.setattr(regimes, wrong[0], wrong[1]) if hasattr(regimes, wrong[0]) else None
    monkeypatch.setattr(target, *wrong)
    with pytest.raises(SystemExit) as stop:
        sharpening.main(["--k", "12", "--seed", "4", "--alpha", "3", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    assert "prediction failed: " in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["agreement"] is False


INTERRUPTED = """
from toysims import attraction, sharpening
def interrupted(*arguments):
    raise KeyboardInterrupt
attraction.climbs = interrupted
sharpening.main(["--k", "12", "--output-dir", "{folder}"])
"""


def test_an_interrupted_run_can_be_read(tmp_path):
    folder = tmp_path / "run"
    code = INTERRUPTED.format(folder=folder)
    stopped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert stopped.returncode == 130
    assert stopped.stderr.strip() == f"interrupted; what was finished is in {folder}; the same command begins it again"
    assert json.loads((folder / "config.json").read_text())["k"] == 12
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == list(REGIMES)
    assert {line["stage"] for line in lines} == {regimes.FLOW}
    problem = categorical.draw(jax.random.key(0), 12, 0.2)
    edge = log_tilt(problem.log_p, problem.reward, 1.0, 3.0)  # of the plane, where the ray of the task is left
    assert lines[0]["accuracy"] == pytest.approx(attraction.summary(problem, edge)["accuracy"], abs=1e-6)


def test_too_few_draws_are_not_judged_and_the_table_says_so(tmp_path, monkeypatch, capsys):
    """T15: what a budget of samples cannot place is no verdict on theory; that is decided before anything is drawn."""
    monkeypatch.setattr(attraction, "sampling_budget", lambda k: {"replicas": 2, "steps": 10, "group": 16})
    sharpening.main(["--k", "12", "--seed", "4", "--alpha", "3", "--output-dir", str(tmp_path / "run")])
    out = capsys.readouterr().out
    assert "sampled RLOO, not judged: task, tilted accuracy, " in out
    assert out.count(" not judged ") == 3 and "19 of 19 predictions hold, 8 not judged\n" in out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["agreement"] and len(summary["predictions"]) == 19 and len(summary["not_judged"]) == 8
    assert not any(regimes.SAMPLED in row["claim"] for row in summary["predictions"])


def test_a_policy_file_takes_the_place_of_the_drawn_policy(tmp_path, capsys):
    """Log-probabilities of tens of nats, as whole responses of a language model have."""
    log_p = [-0.9, -1.4, -3.0, -9.0, -21.0, -40.0, -3.5, -2.5, -33.0, -6.0, -15.0, -4.0]
    (tmp_path / "p.json").write_text(json.dumps({"log_p": log_p, "reward": [0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1]}))
    sharpening.main(["--policy", str(tmp_path / "p.json"), "--output-dir", str(tmp_path / "run")])
    assert "12 distinct responses" in capsys.readouterr().out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["agreement"] and len(summary["predictions"]) + len(summary["not_judged"]) == 27
    assert len(summary["predictions"]) >= 20  # and so most of it was judged


def test_help_is_instant_and_loads_no_jax():
    begun = time.perf_counter()
    code = "import sys; from toysims import sharpening\ntry: sharpening.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('jax' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.endswith("False\n") and "--correct-fraction" in out
    assert time.perf_counter() - begun < 5  # half a second when nothing else runs


def test_the_way_left_to_a_face_is_none_at_the_face_and_all_at_the_reference():
    """T4: 1 - (J(π) - J(p)) / (J* - J(p))."""
    problem = categorical.draw(jax.random.key(2), 6, 0.5)
    for name in ("task", "sharpening"):
        objective = regime(name)
        face = attraction.optimum(objective, problem.log_p, problem.reward)
        assert attraction.shortfall(problem, objective, face) == pytest.approx(0, abs=1e-12)
        assert attraction.shortfall(problem, objective, problem.log_p) == pytest.approx(1)


def test_the_flow_is_looked_at_along_its_line_and_long_after():
    tilted, extent = regime("tilted", beta=0.5), Coordinates(6.0, 3.0)
    times = attraction.flow_times(tilted, extent, points=4)
    np.testing.assert_allclose(1 - np.exp(-0.5 * times), [0.25, 0.5, 0.75, 1])
    assert times[-1] == 60
    np.testing.assert_allclose(attraction.flow_times(Objective(0.0, 2.0, 0.0), extent, points=2), [1.25, 2.5])
