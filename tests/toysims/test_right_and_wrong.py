"""Two rewards exchanged: the same way of sharpening, up in one case and down in the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.budget import reward_at, tilting_frontier
from theory.distribution import log_sum_exp
from theory.objectives import regime
from theory.problem import Problem
from toysims import attraction, right_and_wrong

ARMS = {
    "tilted-0.5": regime("tilted", beta=0.5),
    "sharpening": regime("sharpening"),
    "tempered-4": regime("tempered", alpha=4),
}


def drawn(seed: int, k: int = 12) -> Problem:
    """A third of the responses are right, whichever they are."""
    generator = np.random.default_rng(seed)
    log_p = generator.normal(scale=1.5, size=k)
    return Problem(log_p - log_sum_exp(log_p), generator.permutation(np.arange(k) < k // 3).astype(float))


@given(seed=st.integers(0, 200))
def test_two_rewards_trade_places_and_nothing_else_does(seed):
    """One of the two problems has a best response on top, and in both as many are right."""
    problem = drawn(seed)
    other = right_and_wrong.exchanged(problem)
    assert (other.reward != problem.reward).sum() == 2 and (other.log_p == problem.log_p).all()
    assert other.reward.sum() == problem.reward.sum()
    top = problem.log_p.argmax()
    assert {problem.reward[top], other.reward[top]} == {0.0, 1.0}


def test_a_reward_between_trades_with_the_likeliest_of_the_best():
    problem = Problem(np.log([0.4, 0.1, 0.3, 0.2]), np.array([0.5, 1.0, 0.0, 1.0]))
    assert right_and_wrong.exchanged(problem).reward.tolist() == [1.0, 1.0, 0.0, 0.5]


@pytest.mark.parametrize("seed", range(2))
def test_sharpening_takes_one_way_and_ends_on_the_reward_of_the_likeliest_response(seed):
    problem = drawn(seed)
    ours, theirs = (right_and_wrong.case(p, {}) for p in (problem, right_and_wrong.exchanged(problem)))
    assert ours["sharpening"]["kl"] == theirs["sharpening"]["kl"]
    for case in (ours, theirs):
        assert case["limit"] == pytest.approx(case["top"], abs=1e-12)
        ceiling = np.interp(case["sharpening"]["kl"], case["reward"]["kl"], case["reward"]["accuracy"])
        assert (ceiling - np.array(case["sharpening"]["accuracy"]) > -2e-3).all()  # T5, between points of a line


def test_the_lines_begin_at_the_base_model_and_the_rewards_is_the_frontier():
    problem = drawn(1)
    case = right_and_wrong.case(problem, {})
    assert case["reward"]["kl"][0] == case["sharpening"]["kl"][0] == 0
    assert case["base"] == pytest.approx(np.exp(problem.log_p) @ problem.reward)
    assert case["reward"]["accuracy"][0] == case["sharpening"]["accuracy"][0] == pytest.approx(case["base"])
    frontier = tilting_frontier(problem.log_p, problem.reward, np.array([0.5, 2.0]))
    line = type(frontier)(*(np.array(case["reward"][name]) for name in ("kl", "accuracy")))
    np.testing.assert_allclose(reward_at(line, frontier.kl), frontier.mean_reward, atol=1e-3)


def test_a_learner_ends_on_the_lines_and_what_was_given_comes_first():
    problem = drawn(2)
    cases, checks = right_and_wrong.both(problem, ARMS)
    assert cases[0]["top"] == problem.reward[problem.log_p.argmax()] != cases[1]["top"]
    assert all(check.holds for check in checks) and len(checks) == 2
    for case in cases:
        for arm, line in (("tilted-0.5", "reward"), ("tempered-4", "sharpening")):
            kl, accuracy = case["ends"][arm]
            assert np.interp(kl, case[line]["kl"], case[line]["accuracy"]) == pytest.approx(accuracy, abs=2e-3)
        assert case["ends"]["sharpening"][1] == pytest.approx(case["limit"], abs=1e-3)


def test_a_learner_that_stops_early_fails_both_checks(monkeypatch):
    monkeypatch.setattr(attraction, "climbs", lambda w, log_p, reward: np.tile(log_p, (len(ARMS), 1)))
    _, checks = right_and_wrong.both(drawn(2), ARMS)
    assert [check.holds for check in checks] == [False, False]
