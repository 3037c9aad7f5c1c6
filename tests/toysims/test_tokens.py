from toysims import low_temperature, rollout_lookahead


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T16: the simulation agrees with theory, and notices a look-ahead and a bias at the wrong power."""
    lookahead, bias = low_temperature.lookahead, rollout_lookahead.lookahead_bias
    monkeypatch.setattr(low_temperature, "lookahead", lambda table, log_p, alpha: lookahead(table, log_p, alpha + 1))
    monkeypatch.setattr(rollout_lookahead, "lookahead_bias", lambda table, log_p, alpha: bias(table, log_p, alpha + 1))
    judged = judge("tokens", "--vocabulary", "2", "--depth", "3", "--seed", "1")
    assert judged.failed == {
        "look-ahead = log-ratio of the two, context by context",
        "look-ahead from M rollouts, plain: M · bias",
        "look-ahead from M rollouts, jackknife: M · bias",
    }
    assert (judged.folder / "tokens.png").exists()
