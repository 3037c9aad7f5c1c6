import numpy as np

from theory.passk import pass_at_k
from toysims import equal_budget, majority, pass_curves


def test_the_error_of_pass_at_k_is_that_of_repeated_sampling():
    """T22: the variance of the unbiased estimate, against many draws of the number of correct samples."""
    accuracy = np.array([0.02, 0.3])
    correct = np.random.default_rng(0).binomial(pass_curves.SAMPLES, accuracy, size=(20_000, 2))
    observed = pass_at_k(pass_curves.SAMPLES, correct, 16).var(axis=0)
    np.testing.assert_allclose(pass_curves.pass_variance(accuracy, 16), observed, rtol=0.05)


def test_all_correct_responses_are_one_answer_and_wrong_ones_take_turns():
    correct = np.array([False, True, False, False, True, False, False])
    np.testing.assert_array_equal(majority.answers(correct), [1, 0, 2, 3, 0, 4, 1])
    log_pi = np.log([0.1, 0.2, 0.05, 0.05, 0.3, 0.1, 0.2])
    np.testing.assert_allclose(np.exp(majority.log_answers(log_pi, correct)), [0.5, 0.3, 0.05, 0.05, 0.1])


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T3, T5, T22: theory holds; a task term of b/2 and a correlation of the wrong sign are noticed."""
    terms, ratio, tilt = pass_curves.log_odds_terms, equal_budget.small_budget_ratio, majority.log_tilt
    monkeypatch.setattr(pass_curves, "log_odds_terms", lambda log_p, right, alpha, b: terms(log_p, right, alpha, b / 2))
    monkeypatch.setattr(equal_budget, "small_budget_ratio", lambda log_p, right: -ratio(log_p, right))
    monkeypatch.setattr(majority, "log_tilt", lambda log_p, right, alpha, b: tilt(log_p, right, alpha, b / 2))
    monkeypatch.setattr(majority, "PROMPTS", 30)
    judged = judge("heterogeneity", "--prompts", "100", "--k", "8")
    assert {"tilted: accuracy of a prompt, largest error", "tilted: pass@1 from 256 samples"} < judged.failed
    assert {"tilted: maj@1 from 27 samples", "tilted: gain in maj@9"} < judged.failed
    assert "gain of sharpening over gain of tilting as KL → 0" in judged.failed
    assert all(claim.startswith(("tilted", "gain")) for claim in judged.failed)
    assert (judged.folder / "heterogeneity.png").exists()
