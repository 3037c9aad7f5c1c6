from toysims import saddle_node, sampled_trainers


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T12-T14: the trainers agree with theory, and notice a β_c and a k3 optimum that are off."""
    threshold = saddle_node.critical_beta
    monkeypatch.setattr(saddle_node, "critical_beta", lambda log_p: 1.0005 * threshold(log_p))
    monkeypatch.setattr(sampled_trainers, "k3_in_loss_optimum", lambda log_p, reward, beta: log_p)
    judged = judge("trainers", "--k", "5", "--steps", "300", "--replicas", "8")
    k3 = {"k3 in the loss, exact: distance to the fixed point", "k3 in the loss, groups of 64: mean log p"}
    # The exponents need β_c to a ten-thousandth: off by a two-thousandth, training does not collapse below it.
    exponents = {claim for claim in judged.failed if "exponent in |β - β_c|" in claim}
    assert judged.failed == {"GRPO: β_c"} | k3 | exponents and len(exponents) == 2
    assert (judged.folder / "trainers.png").exists()
