"""T21: majority vote as a reward, against enumeration of all votes."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import log_softmax

from theory import voting


def enumerate_wins(p, votes):
    """P(each answer has the most votes, ties shared), by going through every sequence of votes."""
    wins = np.zeros(len(p))
    for sequence in itertools.product(range(len(p)), repeat=votes):
        counts = np.bincount(sequence, minlength=len(p))
        best = counts == counts.max()
        wins += np.prod(p[list(sequence)]) * best / best.sum()
    return wins


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.floats(0.1, 20), st.integers(0, 12))
def test_log_odds_of_the_plurality_answer_grow_by_one_over_beta_a_round(weights, beta, rounds):
    """T21 by the optimum of each round: π ∝ π e^{1[plurality]/β}; the leader at the start wins, right or wrong."""
    log_pi = np.log(weights / np.sum(weights))
    assume(np.sum(log_pi == log_pi.max()) == 1)
    leader = np.argmax(log_pi)

    def log_odds(log_pi):
        return log_pi[leader] - np.logaddexp.reduce(np.delete(log_pi, leader))

    start = log_odds(log_pi)
    for _ in range(rounds):
        log_pi = log_softmax(log_pi + (np.arange(len(log_pi)) == np.argmax(log_pi)) / beta)
    np.testing.assert_allclose(log_odds(log_pi), voting.plurality_log_odds(start, beta, rounds), atol=1e-10)
    assert np.argmax(log_pi) == leader


@pytest.mark.parametrize("p", [[0.3, 0.7], [0.5, 0.3, 0.2], [0.4, 0.0, 0.35, 0.25]])
@pytest.mark.parametrize("votes", [1, 2, 3, 4, 5])
def test_the_vote_reward_is_the_enumeration_of_all_votes(p, votes):
    """T21's mean reward with k votes, for two or more answers, one of them impossible."""
    p = np.array(p)
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    np.testing.assert_allclose(voting.vote_reward(log_p, votes), enumerate_wins(p, votes), atol=1e-14)


def test_many_votes_go_to_the_likeliest_answer_and_one_vote_is_a_sample():
    p = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(voting.vote_reward(np.log(p), 1), p)
    assert voting.vote_reward(np.log(p), 200)[0] > 0.99
    np.testing.assert_allclose(voting.vote_reward(np.log(p), 200).sum(), 1)


@given(st.floats(0, 1), st.integers(1, 41))
def test_a_two_way_majority_is_the_binomial_tail_with_ties_shared(p, votes):
    """T21: against the binomial sum; even votes too."""
    counts = np.arange(votes + 1)
    share = np.where(2 * counts > votes, 1.0, np.where(2 * counts == votes, 0.5, 0.0))
    expected = sum(s * math.comb(votes, j) * p**j * (1 - p) ** (votes - j) for j, s in enumerate(share))
    np.testing.assert_allclose(voting.majority_probability(p, votes), expected, atol=1e-12)


@pytest.mark.parametrize("votes", [1, 2, 3, 8, 25])
def test_the_fixed_points_of_a_two_way_vote_are_nothing_a_half_and_all_and_the_half_is_unstable(votes):
    """T21: the drift 2 P(majority) - 1 has no other zero, at any number of votes; a lead grows, a lag too."""
    log_odds = np.array([-9.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 9.0])
    drift = voting.vote_step(log_odds, 2.0, votes) - log_odds
    np.testing.assert_array_equal(np.sign(drift), np.sign(log_odds))
    np.testing.assert_allclose(drift[[0, -1]], [-0.5, 0.5], rtol=1e-3)  # towards ±1/β a round
    p = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(voting.majority_probability(p, votes), p, atol=1e-15)


@given(st.floats(0.1, 10), st.integers(1, 60))
def test_a_small_lead_grows_by_the_density_at_the_tie(beta, votes):
    """T21: the factor of one round at log-odds → 0, against scipy's Beta density by its limit."""
    tiny = 1e-5
    np.testing.assert_allclose(voting.tie_growth(beta, votes), voting.vote_step(tiny, beta, votes) / tiny, rtol=1e-6)
    half = (votes + 1) // 2
    np.testing.assert_allclose(voting.tie_growth(beta, votes), 1 + stats.beta(half, half).pdf(0.5) / (2 * beta))
    assert voting.tie_growth(beta, votes) > 1


@pytest.mark.parametrize("votes", [1301, 2000])
def test_a_vote_of_thousands_is_still_a_number(votes):
    """T21: with two answers the mean reward is the two-way majority, also where (k p)^k is beyond floating point."""
    p = np.array([0.56, 0.44])
    rewards = voting.vote_reward(np.log(p), votes)
    np.testing.assert_allclose(rewards, voting.majority_probability(p, votes), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: voting.plurality_log_odds(0.1, 0.0, 3), "beta must be finite and > 0, got 0.0"),
        (lambda: voting.vote_step(0.1, np.inf, 3), "beta must be finite and > 0, got inf"),
        (lambda: voting.tie_growth(-1.0, 3), "beta must be finite and > 0, got -1.0"),
        (lambda: voting.tie_growth(1.0, 0), "votes must be >= 1, got 0"),
        (lambda: voting.majority_probability(1.2, 3), "p must be between 0 and 1, got 1.2"),
        (lambda: voting.majority_probability(np.nan, 3), "p must be between 0 and 1, got nan"),
        (lambda: voting.majority_probability(0.3, 0), "votes must be >= 1, got 0"),
        (lambda: voting.vote_reward(np.log([0.5, 0.5]), 0), "votes must be >= 1, got 0"),
        (lambda: voting.vote_reward(np.log([0.5, 0.5]), 2.5), "votes must be a whole number, got 2.5"),
        (lambda: voting.majority_probability(0.3, 2.5), "votes must be a whole number, got 2.5"),
        (lambda: voting.tie_growth(1.0, np.nan), "votes must be a whole number, got nan"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message, as_users_call_it):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("votes", [1, 3])
@pytest.mark.parametrize("start", [-0.8, 0.3])
def test_the_answer_that_trails_wins_by_luck_as_often_as_the_walk_says(start, votes):
    """T21: one vote a round is a walk on the log-odds; absorption of its transition matrix, walls far away."""
    beta, far = 0.7, 40
    log_odds = start + np.arange(-far, far + 1) / beta
    up = stats.binom.sf(votes // 2, votes, 1 / (1 + np.exp(-log_odds)))
    moves = np.diag(up[:-1], 1) + np.diag(1 - up[1:], -1)
    end = np.zeros(len(up))
    end[-1] = up[-1]  # one step more and it has won
    won = np.linalg.solve(np.eye(len(up)) - moves, end)
    assert voting.chance_to_win(start, beta, votes) == pytest.approx(won[far], rel=1e-9)
    assert voting.chance_to_win(0.0, beta, votes) == pytest.approx(0.5)


def test_one_probability_out_of_range_is_one_too_many():
    """The others of an array do not excuse it."""
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"^p must be between 0 and 1"):
            voting.majority_probability(np.array([0.5, wrong]), 3)


@pytest.mark.parametrize(("beta", "votes"), [(0.3, 1), (1.0, 3), (6.0, 1)])
def test_the_chance_to_win_solves_the_equations_of_the_walk(beta, votes):
    """T21: P(site) = m P(site + 1/beta) + (1 - m) P(site - 1/beta), 0 and 1 at the ends; a linear system."""
    start, far = -0.4, int(np.ceil(30 * beta))
    site = start + np.arange(-far, far + 1) / beta
    up = voting.majority_probability(1 / (1 + np.exp(-site)), votes)
    step = np.eye(len(site)) - np.diag(up[:-1], 1) - np.diag(1 - up[1:], -1)
    out = np.zeros(len(site))
    out[-1] = up[-1]  # beyond the last site the walk has won
    np.testing.assert_allclose(voting.chance_to_win(start, beta, votes), np.linalg.solve(step, out)[far], rtol=1e-9)
