import pytest

from toysims import finite_groups, mismatched_sampler, shared_parameters


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


@pytest.mark.parametrize("option", ["--replicas", "--steps"])
def test_too_few_runs_are_refused(option, capsys, tmp_path):
    from toysims.practice import main

    with pytest.raises(SystemExit) as stop:
        main([option, "1", "--output-dir", str(tmp_path / "new")])
    assert stop.value.code == 2 and option in capsys.readouterr().err and not (tmp_path / "new").exists()
