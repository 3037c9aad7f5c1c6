"""T17: the mode of a Markov policy as a shortest path, and its best mean as a cycle, against scipy and brute force."""

import itertools

import numpy as np
from hard_policies import markov_policies
from hypothesis import given, settings
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from theory import shortest_path as sp


@given(markov_policies())
def test_the_mode_is_the_shortest_path_of_dijkstra(policy):
    """T17: weights -log P and -log stop, with one more node for the end."""
    transition, stop, start = policy
    n = len(stop)
    whole = np.zeros((n + 1, n + 1))
    whole[:n, :n], whole[:n, n] = transition, stop
    rows, columns = np.nonzero(whole)
    weights = csr_matrix((-np.log(whole[rows, columns]), (rows, columns)), shape=whole.shape)
    found = sp.shortest_path(*policy)
    np.testing.assert_allclose(-found.log_p, dijkstra(weights)[start, n], atol=1e-12)
    path = (start, *found.states)
    moves = [transition[a, b] for a, b in itertools.pairwise(path)]
    np.testing.assert_allclose(np.log(np.prod(moves) * stop[path[-1]]), found.log_p, atol=1e-12)


def test_the_mode_may_be_the_empty_response_or_not():
    """T17: 0.3 at once against 0.5 · 0.9 after one move; with the stop at 0.5 the empty response is the mode."""
    found = sp.shortest_path(np.array([[0.2, 0.5], [0.1, 0.0]]), np.array([0.3, 0.9]), 0)
    assert found.states == (1,)
    np.testing.assert_allclose(found.log_p, np.log(0.45))
    empty = sp.shortest_path(np.array([[0.0, 0.5], [0.1, 0.0]]), np.array([0.5, 0.9]), 0)
    assert empty == ((), np.log(0.5))


def test_ties_go_to_stopping():
    found = sp.shortest_path(np.array([[0.0, 0.5], [0.0, 0.0]]), np.array([0.5, 1.0]), 0)
    assert found == ((), np.log(0.5))


def test_a_free_loop_is_left_where_a_way_out_exists():
    """T17: rounding lets two certain moves form a loop that costs nothing."""
    transition = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1e-9], [0.0, 0.0, 0.0]])
    found = sp.shortest_path(transition, np.array([0.0, 0.0, 1.0]), 0)
    assert found.states == (1, 2)
    np.testing.assert_allclose(found.log_p, np.log(1e-9))


def simple_cycles(transition):
    """Every simple cycle with its mean log-probability, by enumeration."""
    n = len(transition)
    for size in range(1, n + 1):
        for states in itertools.permutations(range(n), size):
            if states[0] == min(states):
                p = [transition[a, b] for a, b in zip(states, states[1:] + states[:1], strict=True)]
                if all(p):
                    yield np.mean(np.log(p)), states


@given(markov_policies())
def test_the_maximum_mean_cycle_is_the_best_of_all_simple_cycles(policy):
    """T17, Karp against enumeration."""
    found = sp.maximum_mean_cycle(policy[0])
    cycles = list(simple_cycles(policy[0]))
    if not cycles:
        assert found == (-np.inf, ())
        return
    np.testing.assert_allclose(found.mean_log_p, max(mean for mean, _ in cycles), atol=1e-12)
    gains = [policy[0][a, b] for a, b in zip(found.states, found.states[1:] + found.states[:1], strict=True)]
    np.testing.assert_allclose(np.mean(np.log(gains)), found.mean_log_p, atol=1e-12)


@settings(max_examples=50)
@given(markov_policies(most=3))
def test_the_mean_log_probability_of_responses_has_the_stated_supremum(policy):
    """T17: no response of up to eight moves beats it, and a long one comes as near as its length allows."""
    transition, stop, start = policy
    supremum = sp.supremum_mean_log_p(*policy)
    with np.errstate(divide="ignore"):
        gain, end = np.log(transition), np.log(stop)
    walk, means = np.where(np.arange(len(stop)) == start, 0.0, -np.inf), []
    for moves in range(600):  # the best response of each length, by dynamic programming
        means.append((walk + end).max() / (moves + 1))
        walk = np.max(walk[:, None] + gain, axis=0)
    assert max(means) <= supremum + 1e-12
    assert max(means) >= supremum - 20 / 600


def test_per_token_normalisation_prefers_the_loop_but_not_over_a_sure_stop():
    """T17's honest edge: the cycle is the supremum only where no short response has a better mean."""
    loop = np.array([[0.6]])
    np.testing.assert_allclose(sp.supremum_mean_log_p(loop, np.array([0.4]), 0), np.log(0.6))
    np.testing.assert_allclose(sp.supremum_mean_log_p(np.array([[0.1]]), np.array([0.9]), 0), np.log(0.9))
    swap = np.array([[0.0, 0.9], [0.9, 0.0]])  # a loop over both states, one at a time
    np.testing.assert_allclose(sp.supremum_mean_log_p(swap, np.array([0.1, 0.1]), 0), np.log(0.9))
    # The best loop of state 1 does not count for a start that never gets there.
    apart = np.array([[0.3, 0.0], [0.0, 0.9]])
    np.testing.assert_allclose(sp.supremum_mean_log_p(apart, np.array([0.7, 0.1]), 0), np.log(0.7))
    # Nor does a loop that cannot stop.
    trap = np.array([[0.3, 0.2], [0.0, 1.0]])
    np.testing.assert_allclose(sp.supremum_mean_log_p(trap, np.array([0.5, 0.0]), 0), np.log(0.5))


def test_a_policy_without_loops_has_no_cycle():
    assert sp.maximum_mean_cycle(np.array([[0.0, 0.5], [0.0, 0.0]])) == (-np.inf, ())
    assert sp.maximum_mean_cycle(np.array([[0.0, 0.9, 0.0], [0.0, 0.0, 0.5], [0.5, 0.0, 0.2]])).states in (
        (0, 1, 2),
        (1, 2, 0),
        (2, 0, 1),
    )
