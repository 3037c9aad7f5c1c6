import json

import numpy as np
import pytest

from theory.passk import pass_at_k
from toysims import equal_budget, heterogeneity, majority, pass_curves


def test_the_error_of_pass_at_k_is_that_of_repeated_sampling():
    """T22: the variance of the unbiased estimate, against many draws of the number of correct samples."""
    accuracy = np.array([0.02, 0.3])
    correct = np.random.default_rng(0).binomial(pass_curves.SAMPLES, accuracy, size=(20_000, 2))
    observed = pass_at_k(pass_curves.SAMPLES, correct, 16).var(axis=0)
    np.testing.assert_allclose(pass_curves._pass_variance(accuracy, 16), observed, rtol=0.05)


def test_all_right_responses_are_one_answer_and_wrong_ones_take_turns():
    right = np.array([False, True, False, False, True, False, False])
    np.testing.assert_array_equal(majority.answers(right), [1, 0, 2, 3, 0, 4, 1])
    log_pi = np.log([0.1, 0.2, 0.05, 0.05, 0.3, 0.1, 0.2])
    np.testing.assert_allclose(np.exp(majority.log_answers(log_pi, right)), [0.5, 0.3, 0.05, 0.05, 0.1])


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch):
    """T3, T5, T22: theory holds; a task term of b/2 and a correlation of the wrong sign are noticed."""
    terms, ratio, tilt = pass_curves.log_odds_terms, equal_budget.small_budget_ratio, majority.log_tilt
    monkeypatch.setattr(pass_curves, "log_odds_terms", lambda log_p, right, alpha, b: terms(log_p, right, alpha, b / 2))
    monkeypatch.setattr(equal_budget, "small_budget_ratio", lambda log_p, right: -ratio(log_p, right))
    monkeypatch.setattr(majority, "log_tilt", lambda log_p, right, alpha, b: tilt(log_p, right, alpha, b / 2))
    monkeypatch.setattr(majority, "PROMPTS", 30)
    with pytest.raises(SystemExit) as stop:
        heterogeneity.main(["--prompts", "100", "--k", "8", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    assert {"tilted: accuracy of a prompt, largest error", "tilted: pass@1 from 256 samples"} < failed
    assert {"tilted: maj@1 from 27 samples", "tilted: gain in maj@9"} < failed
    assert "gain of sharpening over gain of tilting as KL → 0" in failed
    assert all(claim.startswith(("tilted", "gain")) for claim in failed)
    assert (tmp_path / "run/heterogeneity.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        heterogeneity.main(["--alpha", "1", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--alpha must be above 1 and at most 20, got 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
