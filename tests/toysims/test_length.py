import json

import pytest

import theory.length
import theory.trainers
from toysims import length

SMALL = ("--states", "3", "--limit", "32", "--depth", "3", "--alpha", "2")


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch, capsys):
    """T17, T18, T20: the simulation agrees with theory, and notices a threshold and a λ that are off by 1 %."""
    threshold, rate = theory.length.existence_threshold, theory.trainers.trajectory_balance_rate
    monkeypatch.setattr(theory.length, "existence_threshold", lambda transition: 1.01 * threshold(transition))
    monkeypatch.setattr(theory.trainers, "trajectory_balance_rate", lambda *policy: 1.01 * rate(*policy))
    with pytest.raises(SystemExit) as stop:
        length.main([*SMALL, "--seed", "4", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    wrong = {f"tree, balance with 1/|y|: {x}" for x in ("mean length", "distance to the target", "λ")}
    assert failed == {"geometric: threshold α_c", "Markov: threshold α_c"} | wrong
    assert "prediction failed: Markov: threshold α_c [T17]" in capsys.readouterr().err
    assert (tmp_path / "run/length.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        length.main(["--alpha", "1", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--alpha must be above 1 and at most 10, got 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
