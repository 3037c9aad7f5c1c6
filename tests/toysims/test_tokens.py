import json

import pytest

import theory.sequences
from toysims import tokens


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch):
    """T16: the simulation agrees with theory, and notices a look-ahead at the wrong power."""
    right = theory.sequences.lookahead
    monkeypatch.setattr(theory.sequences, "lookahead", lambda table, log_p, alpha: right(table, log_p, alpha + 1))
    with pytest.raises(SystemExit) as stop:
        tokens.main(["--vocabulary", "2", "--depth", "3", "--seed", "1", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    assert failed == {
        "look-ahead = log-ratio of the two, context by context",
        "look-ahead from M rollouts, plain: M · bias",
        "look-ahead from M rollouts, jackknife: M · bias",
    }
    assert (tmp_path / "run/tokens.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        tokens.main(["--vocabulary", "1", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--vocabulary must be between 2 and 5, got 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
