import numpy as np
import pytest

from toysims import finite_groups, mismatched_sampler, price_in_draws, score_noise, shared_parameters
from toysims.verdict import Check


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T25-T33: training agrees with theory, and notices a group size, a sampler and a table that are not its own."""
    optimum = finite_groups.finite_group_optimum
    monkeypatch.setattr(finite_groups, "MULTIPLES", (0.5, 2.0))
    monkeypatch.setattr(finite_groups, "GROUPS", (8, 16))
    monkeypatch.setattr(finite_groups, "finite_group_optimum", lambda log_p, r, beta, _: optimum(log_p, r, beta, 16))
    monkeypatch.setattr(mismatched_sampler, "sampler_return_optimum", lambda best, error: best)
    monkeypatch.setattr(shared_parameters, "projected_gain_ratio", lambda found: -0.4)
    judged = judge("practice", "--steps", "300", "--replicas", "8", "--draws", "20000")
    assert judged.failed == {
        "GRPO at 0.5 β_c, groups of 8: mean log p",
        "GRPO at 2 β_c, groups of 8: mean log p",
        "KL term of the sampler's log p: distance to the optimum less its errors",
        "shared parameters: gain of sharpening over gain of reward as the budget vanishes",
    }
    assert (judged.folder / "practice.png").exists()


def failed(checks: list[Check]) -> list[str]:
    return [check.claim for check in checks if not check.holds]


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_wrong_price_in_draws_is_noticed(monkeypatch):
    """T28: another power, or a reward of another weight, does not have the price that is simulated."""
    assert failed(price_in_draws.kept(generator(), 20_000)[0]) == []
    assert failed(price_in_draws.filtered(generator(), 300, 8)[0]) == []
    sharpening, reward = price_in_draws.sharpening_log_draws, price_in_draws.reward_log_draws
    monkeypatch.setattr(price_in_draws, "sharpening_log_draws", lambda log_p, alpha: sharpening(log_p, 1.1 * alpha))
    monkeypatch.setattr(price_in_draws, "reward_log_draws", lambda accuracy, b: reward(accuracy, 1.1 * b))
    lengths = price_in_draws.LENGTHS
    assert failed(price_in_draws.kept(generator(), 20_000)[0]) == [
        f"rejection, {target}, length {length}: share of draws that is kept"
        for length in lengths
        for target in ("sharpening", "b = 0.5", "b = 2")
    ]


def test_noise_in_log_p_moves_weights_and_not_a_run(monkeypatch):
    """T32: without its bonus the weights are predicted wrongly; with it the run would be."""
    assert failed(score_noise.weights(generator(), 100_000, 16)[0]) == []
    assert failed(score_noise.run(generator(), 300, 16)[0]) == []
    clean = score_noise.noisy_power
    monkeypatch.setattr(score_noise, "log_weight_bonus", lambda alpha, sd, length: 0.0)
    monkeypatch.setattr(score_noise, "noisy_power", lambda log_p, length, alpha, sd: clean(log_p, length, alpha, 0.0))
    assert failed(score_noise.weights(generator(), 100_000, 16)[0]) == [
        "weights of noisy log p, response of 4 tokens: mean weight",
        "weights of noisy log p, response of 16 tokens: mean weight",
        "weights of noisy log p, response of 40 tokens: mean weight",
        "weights of noisy log p: mean length",
    ]
    monkeypatch.setattr(score_noise, "noisy_power", lambda log_p, length, alpha, sd: clean(log_p, length, alpha, 0.15))
    assert failed(score_noise.run(generator(), 300, 16)[0]) == ["run on noisy log p: mean length"]


@pytest.mark.parametrize("option", ["--replicas", "--steps"])
def test_too_few_runs_are_refused(option, capsys, tmp_path):
    from toysims.practice import main

    with pytest.raises(SystemExit) as stop:
        main([option, "1", "--output-dir", str(tmp_path / "new")])
    assert stop.value.code == 2 and option in capsys.readouterr().err and not (tmp_path / "new").exists()
