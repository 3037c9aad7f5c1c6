"""T17: the power of a Markov policy and its threshold."""

import itertools

import numpy as np
import pytest
from hard_policies import markov_policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory import length

# Two content states and a stop each; lopsided.
MOVES = np.array([[0.2, 0.5], [0.1, 0.0]])
STOP = np.array([0.3, 0.9])
# A loop that cannot stop is reachable by nobody who starts in 0 or 1.
EXISTS = "alpha is {alpha}, but p^alpha has infinite mass up to the existence threshold {threshold:.6g}: " \
    "training there runs to the length limit; use a larger alpha or a cut-off"  # fmt: skip


def responses(transition, stop, start, longest):
    """(states, probability) of every response of up to `longest` moves."""
    for moves in range(longest + 1):
        for states in itertools.product(range(len(stop)), repeat=moves):
            path = (start, *states)
            p = np.prod([transition[a, b] for a, b in itertools.pairwise(path)]) * stop[path[-1]]
            if p > 0:
                yield states, p


@settings(max_examples=40)
@given(markov_policies(most=3), st.floats(2.0, 8.0))
def test_the_power_of_a_markov_policy_is_markov(policy, alpha):
    """T17: Z, P̃, stop̃ and the mean length, against a sum over all responses of up to six moves."""
    transition, _, start = policy
    found = length.markov_power(*policy, alpha)
    table = list(responses(*policy, 6))
    weights = np.array([p**alpha for _, p in table])
    # What longer responses weigh: the entries that the seventh and later powers still hold.
    rest = np.linalg.matrix_power(transition**alpha, 7).sum() / max(1e-3, 1 - (transition**alpha).sum(axis=1).max())
    assume(rest < 1e-7 * weights.sum())
    np.testing.assert_allclose(np.exp(found.log_z), weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(
        found.mean_length, weights @ [len(s) for s, _ in table] / weights.sum(), rtol=1e-4, atol=1e-6
    )
    for (states, _), weight in zip(table, weights, strict=True):
        path = (start, *states)
        doob = np.prod([found.transition[a, b] for a, b in itertools.pairwise(path)]) * found.stop[path[-1]]
        np.testing.assert_allclose(doob, weight / weights.sum(), rtol=1e-5, atol=1e-12)


@given(markov_policies(), st.floats(1.0, 6.0))
def test_the_lookahead_solves_its_linear_equation_and_rows_add_up_to_one(policy, alpha):
    """T17: h = P^{∘α} h + stop^{∘α}, on the states that start reaches."""
    transition, stop, _ = policy
    found = length.markov_power(*policy, alpha)
    reached = np.isfinite(found.lookahead)
    h = np.exp(found.lookahead)
    powers = np.where(transition > 0, transition**alpha, 0.0)
    np.testing.assert_allclose(h[reached], (powers @ h + stop**alpha)[reached], rtol=1e-9)
    np.testing.assert_allclose((found.transition.sum(axis=1) + found.stop)[reached], 1.0, rtol=1e-9)
    assert not found.transition[~reached].any() and not found.stop[~reached].any()
    assert found.log_z == found.lookahead[policy[2]]


def test_the_base_policy_is_its_own_first_power():
    found = length.markov_power(MOVES, STOP, 0, 1)
    np.testing.assert_allclose(found.transition, MOVES)
    np.testing.assert_allclose(found.stop, STOP)
    np.testing.assert_allclose(found.log_z, 0.0, atol=1e-14)
    # Visits: n₀ = 1 + 0.2 n₀ + 0.1 n₁, n₁ = 0.5 n₀; moves are all visits but the first.
    np.testing.assert_allclose(found.mean_length, 1.5 / 0.75 - 1)


@settings(max_examples=30)
@given(st.floats(1.3, 5.0))
def test_the_mean_length_falls_with_the_covariance_of_length_and_log_p(alpha):
    """T17: ∂_α E|y| = Cov(|y|, log p) under p^α, here by difference and by enumeration."""
    table = list(responses(MOVES, STOP, 0, 10))
    p, moves = np.array([p for _, p in table]), np.array([float(len(s)) for s, _ in table])
    q = p**alpha / np.sum(p**alpha)
    assume(q[moves > 9].sum() < 1e-6)
    covariance = q @ (moves * np.log(p)) - (q @ moves) * (q @ np.log(p))
    high, low = (length.markov_power(MOVES, STOP, 0, alpha + s).mean_length for s in (1e-4, -1e-4))
    np.testing.assert_allclose((high - low) / 2e-4, covariance, rtol=1e-3, atol=1e-5)


@given(st.integers(1, 12), st.floats(0.02, 0.9), st.floats(0.5, 3.0))
def test_one_state_with_equal_tokens_is_geometric(vocabulary, stop, alpha):
    """T17: ρ = V^{1-α}(1-ε)^α, mean ρ/(1-ρ), α_c = log V/(log V - log(1-ε)); tokens as states of a Markov policy."""
    transition = np.full((vocabulary, vocabulary), (1 - stop) / vocabulary)
    ratio = length.uniform_length_ratio(vocabulary, stop, alpha)
    threshold = length.uniform_existence_threshold(vocabulary, stop)
    np.testing.assert_allclose(ratio, vocabulary * ((1 - stop) / vocabulary) ** alpha)
    np.testing.assert_allclose(length.existence_threshold(transition), threshold, atol=1e-9)
    assume(abs(alpha - threshold) > 1e-3)
    if alpha > threshold:
        found = length.markov_power(transition, np.full(vocabulary, stop), 0, alpha)
        np.testing.assert_allclose(found.mean_length, ratio / (1 - ratio), rtol=1e-8)
    else:
        assert ratio > 1
        with pytest.raises(ValueError) as error:
            length.markov_power(transition, np.full(vocabulary, stop), 0, alpha)
        assert str(error.value) == EXISTS.format(alpha=alpha, threshold=length.existence_threshold(transition))


@given(markov_policies())
def test_the_power_exists_exactly_above_the_threshold(policy):
    """T17: spectral radius one at α_c; just above, the sum over lengths converges, just below it grows."""
    transition = policy[0]
    threshold = length.existence_threshold(transition)
    assert 0 <= threshold < 1
    if threshold > 1e-6:
        on = transition > 0

        def radius(alpha):
            powers = np.where(on, np.where(on, transition, 1.0) ** alpha, 0.0)
            return np.abs(np.linalg.eigvals(powers)).max()

        np.testing.assert_allclose(radius(threshold), 1.0, rtol=1e-7)
        assert radius(threshold * 1.01) < 1 < radius(threshold * 0.99)


@pytest.mark.parametrize(
    ("transition", "threshold"),
    [
        ([[0.0, 0.7], [0.0, 0.0]], 0.0),  # no cycle: finitely many responses
        ([[0.7, 0.0], [0.2, 0.0]], 0.0),  # one cycle: geometric at every alpha > 0
        ([[1.0, 0.0], [0.2, 0.0]], np.inf),  # a cycle that is never left
        ([[0.5, 0.5], [0.5, 0.5]], 1.0),  # never stops, but branches
        ([[1.0, 0.0], [0.3, 0.3]], np.inf),
        ([[1.0, 0.0, 0.0], [0.0, 0.3, 0.3], [0.0, 0.3, 0.3]], np.inf),
        ([[0.3, 0.7], [0.6, 0.4]], 1.0),
        ([[0.300004, 0.7], [0.6, 0.400004]], 1.0),  # rows that pass for one
        ([[9 / 28, 8 / 28, 11 / 28], [6 / 24, 7 / 24, 11 / 24], [9 / 22, 7 / 22, 6 / 22]], 1.0),  # radius 1 + 7e-16
        ([[0.25, 0.25, 0.3], [0.25, 0.25, 0.3], [0.0, 0.0, 0.0]], 0.5),  # a state beside them that only stops
        ([[0.25, 0.25], [0.25, 0.25]], 0.5),  # 2 · 4^{-α}
    ],
)
def test_the_threshold_of_special_shapes(transition, threshold):
    """T17's limits: 0 without two cycles that meet, inf with a certain one, 1 for branching that never stops."""
    np.testing.assert_allclose(length.existence_threshold(np.array(transition)), threshold, atol=1e-12)


def test_equal_blocks_in_a_row_have_the_threshold_of_one():
    """T17: eight equal blocks in a row are a defective matrix; its eigenvalues taken whole are wrong by 10⁻⁴."""
    block, order = np.array([[0.3, 0.2], [0.4, 0.25]]), np.random.default_rng(0).permutation(16)
    row = np.kron(np.eye(8), block) + np.kron(np.eye(8, k=1), np.full((2, 2), 0.15))
    row = row[np.ix_(order, order)]
    np.testing.assert_allclose(length.existence_threshold(row), length.existence_threshold(block), rtol=1e-10)


def test_a_long_chain_without_cycles_has_finitely_many_responses():
    """T17: α_c = 0, and at alpha = 0 the power counts the responses, 2⁵⁹ of them."""
    order = np.random.default_rng(0).permutation(60)
    chain = np.triu(np.full((60, 60), 0.016), 1)[np.ix_(order, order)]
    assert length.existence_threshold(chain) == 0.0
    found = length.markov_power(chain, 1 - chain.sum(axis=1), int(np.argmin(order)), 0)
    np.testing.assert_allclose(found.log_z, 59 * np.log(2), rtol=1e-9)


def test_loops_in_a_row_are_not_cycles_that_meet():
    """T17: responses of each length grow only like a power of it, so the sum is finite at every alpha > 0."""
    loops = np.zeros((6, 6))
    for i, j in ((0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)):
        loops[i, j] = 0.4
    loops[:3, 3:] = 0.15
    assert length.existence_threshold(loops) == 0.0
    for size in range(1, 12):  # one cycle: its radius is one at alpha = 0, up to rounding on either side
        assert length.existence_threshold(0.7 * np.roll(np.eye(size), 1, axis=1)) == 0.0


def test_one_cycle_at_alpha_zero_has_infinitely_many_responses():
    loop = np.array([[0.7]])
    with pytest.raises(ValueError) as error:
        length.markov_power(loop, np.array([0.3]), 0, 0)
    assert str(error.value) == EXISTS.format(alpha=0, threshold=0.0)
    np.testing.assert_allclose(
        length.markov_power(loop, np.array([0.3]), 0, 0.01).mean_length, 0.7**0.01 / (1 - 0.7**0.01), rtol=1e-9
    )


def test_states_that_start_cannot_reach_or_that_cannot_stop_do_not_matter():
    """T17: a trap and a stranger, each with a threshold of its own, leave the power of state 0 alone."""
    transition = np.zeros((4, 4))
    transition[:2, :2] = MOVES
    transition[0, 0], transition[0, 2] = 0.1, 0.1  # 2 is a trap: it never stops
    transition[2, 2] = 1.0
    transition[3, 3], transition[3, 0] = 0.999, 0.0005  # 3 is not reached from 0
    stop = np.array([0.3, 0.9, 0.0, 0.0005])
    found = length.markov_power(transition, stop, 0, 2.0)
    powers = transition[:2, :2] ** 2
    h = np.linalg.solve(np.eye(2) - powers, stop[:2] ** 2)
    np.testing.assert_allclose(np.exp(found.lookahead), [*h, 0, 0])
    np.testing.assert_allclose(found.transition.sum(axis=1) + found.stop, [1, 1, 0, 0])
    with pytest.raises(ValueError) as error:
        length.markov_power(transition, stop, 2, 2.0)
    assert str(error.value) == "start is 2, a state that can never stop: no response begins there"


def test_rows_a_rounding_above_one_are_those_that_add_up_to_one():
    """T17: a loop of probability 1 + 1e-6 and a stop of 1e-6 pass for a policy; its Z at alpha = 1 is one."""
    moves, stop = np.array([[1 + 1e-6]]), np.array([2e-6])
    found = length.markov_power(moves, stop, 0, 1)
    np.testing.assert_allclose(found.log_z, 0.0, atol=1e-9)
    np.testing.assert_allclose(found.mean_length, 5e5, rtol=1e-5)
    np.testing.assert_allclose(found.transition[0].sum() + found.stop[0], 1.0)
    np.testing.assert_allclose(
        length.markov_power(moves, stop, 0, 2).log_z, np.log(2e-6**2 / (1 - (1 - 2e-6) ** 2)), rtol=1e-4
    )
    assert length.maximum_mean_cycle(np.array([[1 + 9e-6]])).mean_log_p == 0
    assert length.existence_threshold(np.array([[1 + 9e-6]])) == np.inf


def test_at_alpha_ten_thousand_the_power_is_the_shortest_path():
    """T17: the mode; log Z in the thousands of nats, and no underflow anywhere."""
    transition = np.array([[0.3, 0.6, 0.0], [0.1, 0.2, 0.65], [0.3, 0.1, 0.05]])
    stop = 1 - transition.sum(axis=1)
    found = length.markov_power(transition, stop, 0, 1e4)
    path = length.shortest_path(transition, stop, 0)
    np.testing.assert_allclose(found.log_z, 1e4 * path.log_p, rtol=1e-9)
    assert path.states == (1, 2) and found.mean_length == 2.0
    assert not np.isnan(found.lookahead).any()


def test_where_stopping_costs_more_than_a_rollout_the_empty_response_wins():
    """T17: log p(stop | prompt) > log p(y)."""
    assert length.empty_response_wins(-30.0, -31.0) and not length.empty_response_wins(-30.0, -29.0)
    rows = length.empty_response_wins(np.array([-30.0, -2.0]), np.array([-30.0, -40.0]))
    assert rows.tolist() == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: length.markov_power(MOVES, STOP, 0, -1),
         "alpha must be finite and >= 0, got -1: below 0 the power p^alpha diverges where p = 0, "
         "and its limit alpha -> inf is tilt.sharpening_limit"),
        (lambda: length.markov_power(MOVES, STOP + np.array([0.05, 0.0]), 0, 2),
         "row 0 of transition and its stop sum to 1.05, off by +0.05; moves and stop of a state must add up to one"),
        (lambda: length.markov_power(MOVES, np.array([0.3, 0.7]), 0, 2),
         "row 1 of transition and its stop sum to 0.8, off by -0.2; moves and stop of a state must add up to one"),
        (lambda: length.markov_power(MOVES, STOP, 2, 2), "start is 2, but the states are 0 to 1"),
        (lambda: length.markov_power(MOVES, STOP, -1, 2), "start is -1, but the states are 0 to 1"),
        (lambda: length.existence_threshold(MOVES * 2), "row 0 of transition sums to 1.4, 0.4 above one"),
        (lambda: length.existence_threshold(np.array([[0.2, 0.1], [0.9, 0.6]])),
         "row 1 of transition sums to 1.5, 0.5 above one"),
        (lambda: length.existence_threshold(np.array([[1.5]])),
         "transition holds an entry that is not a probability; entries must be in [0, 1]"),
        (lambda: length.shortest_path(np.array([[0.0]]), np.array([1.5]), 0),
         "stop holds an entry that is not a probability; entries must be in [0, 1]"),
        (lambda: length.existence_threshold(-MOVES),
         "transition holds an entry that is not a probability; entries must be in [0, 1]"),
        (lambda: length.existence_threshold(MOVES * np.nan),
         "transition holds an entry that is not a probability; entries must be in [0, 1]"),
        (lambda: length.shortest_path(MOVES, np.array([1.3, -0.1]), 0),
         "stop holds an entry that is not a probability; entries must be in [0, 1]"),
        (lambda: length.uniform_length_ratio(0, 0.5, 2), "vocabulary must be >= 1 and stop in (0, 1), got 0 and 0.5"),
        (lambda: length.uniform_existence_threshold(5, 1.0),
         "vocabulary must be >= 1 and stop in (0, 1), got 5 and 1.0"),
        (lambda: length.uniform_existence_threshold(5, 0.0),
         "vocabulary must be >= 1 and stop in (0, 1), got 5 and 0.0"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_shapes_that_do_not_match_are_both_named(as_users_call_it):
    with pytest.raises(ValueError) as error:
        length.markov_power(MOVES[:1], STOP, 0, 2)
    assert str(error.value) == "transition has shape (1, 2); it must be square, one row a state"
    with pytest.raises(ValueError) as error:
        length.markov_power(MOVES, STOP[:1], 0, 2)
    assert str(error.value) == "stop has shape (1,) but transition has shape (2, 2)"
