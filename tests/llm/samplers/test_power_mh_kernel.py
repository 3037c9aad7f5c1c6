"""The kernel on responses of unequal length: exact transition matrices on tabular policies, then the code that runs."""

import itertools

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, STOP, Everything, ask, differs, everything, lopsided_model
from scipy.special import log_softmax

from llm.samplers.power_mh import log_acceptance, sample, select_start, step
from llm.samplers.regeneration import Proposal, start
from theory.sequences import PAD, log_low_temperature

ALPHAS = (0.7, 1.0, 1.25, 4.0)


def tabular(seed, horizon=3, tokens=3) -> Everything:
    """A random policy with an end token 0, as a table of all its responses up to the horizon."""
    generator = np.random.default_rng(seed)
    conditionals = {}
    rows, log_p = [], []
    going_on = range(1, tokens)
    for length in range(horizon + 1):
        for body in itertools.product(going_on, repeat=length):
            row = body if length == horizon else (*body, 0)
            total = 0.0
            for t, token in enumerate(row):
                if row[:t] not in conditionals:
                    conditionals[row[:t]] = log_softmax(2 * generator.standard_normal(tokens))
                total += conditionals[row[:t]][token]
            rows.append([*row] + [PAD] * (horizon - len(row)))
            log_p.append(total)
    return Everything(np.array(rows), np.array(log_p))


def transition(table, alpha, exponent, restart, acceptance=log_acceptance):
    """The exact matrix of the kernel: every position, every way to go on, every acceptance."""
    tokens = table.tokens
    n, lengths = len(tokens), (tokens != PAD).sum(1)
    log_q = log_low_temperature(tokens, table.log_p, exponent)
    q = np.exp(log_q)
    log_w = torch.tensor(alpha * table.log_p - log_q)
    length = torch.tensor(lengths)
    matrix = np.zeros((n, n))
    for y in range(n):
        for position in range(lengths[y]):
            alike = (tokens[:, :position] == tokens[y, :position]).all(1)
            for whole, chance in ((True, restart * (position == 0)), (False, (1 - restart) / lengths[y])):
                log_a = acceptance(log_w[[y]].expand(n), log_w, length[[y]].expand(n), length, torch.full((n,), whole))
                matrix[y] += chance * alike * q / q[alike].sum() * np.exp(log_a.numpy())
        matrix[y, y] += 1 - matrix[y].sum()
    return matrix


def stationary(matrix):
    n = len(matrix)
    equations = np.vstack([matrix.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(equations, np.eye(n + 1)[n], rcond=None)[0]


def total_variation(p, q):
    return 0.5 * np.abs(p - q).sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("sharper", "restart"), [(1.0, 0.0), (1.0, 0.25), (0.6, 0.25), (1.3, 1.0)])
def test_the_stationary_distribution_is_the_power_of_sequences_of_any_length(seed, alpha, sharper, restart):
    """T16: detailed balance and stationarity to 1e-9, for proposals at, above and below its temperature."""
    table = tabular(seed)
    matrix = transition(table, alpha, sharper * alpha, restart)
    target = np.exp(table.log_power(alpha))
    flow = target[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=1e-12)
    assert total_variation(stationary(matrix), target) < 1e-9
    assert np.sum(np.abs(np.linalg.eigvals(matrix)) > 1 - 1e-6) == 1  # one class: every start ends there


def test_without_the_lengths_in_the_acceptance_long_responses_are_favoured():
    """The correction is not a detail: leaving it out, or turning it round, moves the stationary distribution."""
    table = tabular(0)
    target = np.exp(table.log_power(1.25))
    lengths = (table.tokens != PAD).sum(1)

    def without(log_w, new_log_w, *_):
        return (new_log_w - log_w).clamp(max=0)

    def backwards(log_w, new_log_w, length, new_length, whole):
        return log_acceptance(log_w, new_log_w, new_length, length, whole)

    for wrong in (without, backwards):
        found = stationary(transition(table, 1.25, 1.25, 0.0, wrong))
        assert total_variation(found, target) > 0.02
        assert found @ lengths > target @ lengths


def relaxation_time(matrix):
    """Moves after which the slowest deviation has fallen by a factor e: 1/(1 - |second eigenvalue|)."""
    return 1 / (1 - np.sort(np.abs(np.linalg.eigvals(matrix)))[-2])


def parallel_tempering(table, alpha, restart):
    """A chain at 1 and one at alpha, one move of each, then an exchange; proposals at each chain's own temperature."""
    n = len(table.log_p)
    exchange = np.zeros((n * n, n * n))
    for y, other in itertools.product(range(n), range(n)):
        accepted = min(1.0, np.exp((alpha - 1) * (table.log_p[y] - table.log_p[other])))
        exchange[y * n + other, other * n + y] += accepted
        exchange[y * n + other, y * n + other] += 1 - accepted
    return np.kron(transition(table, 1.0, 1.0, restart), transition(table, alpha, alpha, restart)) @ exchange


def test_proposals_half_way_to_the_target_spare_parallel_tempering():
    """Medians over 8 random policies at alpha = 4, in moves: sharp proposals stick, half-way beats a second chain."""
    alpha, times = 4.0, []
    for table in map(tabular, range(8)):
        half_way = transition(table, alpha, (1 + alpha) / 2, 0.25)
        sharp = transition(table, alpha, alpha, 0.25)
        two_chains = 2 * relaxation_time(parallel_tempering(table, alpha, 0.25))  # each step moves both
        times.append((relaxation_time(half_way), two_chains, relaxation_time(sharp)))
    half_way, two_chains, sharp = np.median(times, axis=0)
    assert half_way < 0.6 * two_chains < 0.6 * 0.6 * sharp


def released_kernel(table, alpha):
    """A kernel as the public one is described: regenerate only up to the current length, then truncate.

    Its states are all prefixes: from a response of length n a position below n is picked, and the tokens from there on
    are drawn until a stop or until there are n of them. The acceptance compares p^alpha/q of what was exchanged.
    """
    tokens, p = table.tokens, np.exp(table.log_p)
    mass = {}
    for row, weight in zip(table.responses, p, strict=True):
        for t in range(1, len(row) + 1):
            mass[row[:t]] = mass.get(row[:t], 0.0) + weight
    states = list(mass)
    matrix = np.zeros((len(states), len(states)))
    for i, y in enumerate(states):
        for position in range(len(y)):
            for j, new in enumerate(states):
                ends = new in set(table.responses) and len(new) < tokens.shape[1]
                if new[:position] != y[:position] or not (
                    len(new) == len(y) or (ends and position < len(new) < len(y))
                ):
                    continue
                kept = mass[y[:position]] if position else 1.0
                q_new, q_old = mass[new] / kept, mass[y] / kept  # proposals from p itself
                ratio = (mass[new] / mass[y]) ** alpha * q_old / q_new
                matrix[i, j] += q_new / len(y) * min(1.0, ratio)
        matrix[i, i] += 1 - matrix[i].sum()
    return states, matrix


def test_the_released_kernel_misses_a_two_step_target_by_about_one_half_and_ours_does_not():
    """Two steps, stop or go on with even chances: once short it never grows again, and ends on a truncated stub."""
    table = Everything(np.array([[0, PAD], [1, 0], [1, 1]]), np.log([0.5, 0.25, 0.25]))
    states, matrix = released_kernel(table, alpha=1.0)
    limit = np.linalg.matrix_power(matrix, 10_000)
    target = np.array([np.exp(table.log_p)[table.responses.index(s)] if s in table.responses else 0.0 for s in states])
    for start_state in range(len(states)):
        assert total_variation(limit[start_state], target) == pytest.approx(0.5, abs=1e-6)
    assert total_variation(stationary(transition(table, 1.0, 1.0, 0.25)), np.exp(table.log_p)) < 1e-9


@pytest.fixture(scope="module")
def model():
    return lopsided_model()


@pytest.mark.parametrize("restart", [0.0, 0.3])
def test_one_move_of_the_running_code_follows_the_exact_matrix(model, restart):
    """From each of the states it visits: frequencies of the next state against the row of the matrix."""
    alpha, chains = 1.6, 2500
    proposal = Proposal([PROMPTS[0]] * chains, 1.2, {STOP}, restart)
    table = everything(model, PROMPTS[0])
    matrix = transition(table, alpha, 1.2, restart)
    place = {response: i for i, response in enumerate(table.responses)}
    generator = torch.Generator().manual_seed(0)

    def states(chains):
        return np.array([place[tuple(t for t in row if t != PAD)] for row in chains.tokens.tolist()])

    before, cost = start(model, proposal, HORIZON, generator)
    assert cost == int(before.length.sum())
    after, moved, _ = step(model, before, proposal, alpha, generator)
    for y in np.unique(states(before), return_counts=True)[0]:
        here = states(before) == y
        if here.sum() > 100:
            frequency = np.bincount(states(after)[here], minlength=len(place)) / here.sum()
            assert differs(frequency, matrix[y], here.sum()) < 4.5  # some hundred frequencies are compared
    assert not moved.all()


def test_the_cache_of_a_chain_follows_its_moves(model):
    """After many moves, kept and refused, the stored log-probabilities are those of the response that stands there."""
    proposal = Proposal([PROMPTS[i % 2] for i in range(40)], 2.0, {STOP}, 0.2)
    generator = torch.Generator().manual_seed(1)
    state, _ = start(model, proposal, HORIZON, generator)
    for _ in range(12):
        state, _, _ = step(model, state, proposal, 3.0, generator)
    for prompt in (0, 1):
        table = everything(model, PROMPTS[prompt])
        log_q = log_low_temperature(table.tokens, table.log_p, 2.0)
        for chain in range(prompt, 40, 2):
            y = table.responses.index(tuple(t for t in state.tokens[chain].tolist() if t != PAD))
            assert state.log_p[chain].sum().item() == pytest.approx(table.log_p[y], abs=1e-5)
            assert state.log_q[chain].sum().item() == pytest.approx(log_q[y], abs=1e-5)


@pytest.mark.parametrize(("alpha", "exponent"), [(0.7, 1.0), (2.0, 1.5)])
def test_moves_bring_the_chains_where_the_exact_matrix_says(model, alpha, exponent):
    """From independent draws of q, six moves: each response within 4 standard errors of q M^6."""
    chains = 800
    proposal = Proposal([PROMPTS[i % 2] for i in range(chains)], exponent, {STOP}, 0.25)
    generator = torch.Generator().manual_seed(2)
    state, _ = start(model, proposal, HORIZON, generator)
    for _ in range(6):
        state, _, _ = step(model, state, proposal, alpha, generator)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        begun = np.exp(log_low_temperature(table.tokens, table.log_p, exponent))
        brought = begun @ np.linalg.matrix_power(transition(table, alpha, exponent, 0.25), 6)
        mine = [[t for t in row if t != PAD] for row in state.tokens[i::2].tolist()]
        assert differs(table.frequencies(mine), brought, chains // 2) < 4


def test_chains_begin_near_the_target_and_keep_their_caches(model):
    """Selected starts are already p^α but for 1/chains; each goes on from its own keys and values."""
    alpha, chains = 2.0, 600
    proposal = Proposal([PROMPTS[i] for i in range(2) for _ in range(chains)], 1.5, {STOP}, 0.25)
    generator = torch.Generator().manual_seed(5)
    plain, _ = start(model, proposal, HORIZON, generator)
    chosen = select_start(plain, alpha, chains, generator)
    after, _, _ = step(model, chosen, proposal, alpha, generator)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        target, here = np.exp(table.log_power(alpha)), slice(i * chains, (i + 1) * chains)
        for state, near in ((plain, False), (chosen, True), (after, True)):
            found = table.frequencies([[t for t in row if t != PAD] for row in state.tokens[here].tolist()])
            # Copies make the draws worth fewer than there are: half of them is a lower bound here.
            assert (differs(found, target, chains / 2) < 4) == near


def test_samples_follow_the_power_of_both_prompts(model):
    alpha, chains = 2.0, 500
    drawn = sample(ask(model, PROMPTS, chains, seed=3), alpha, chains)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        mine = table.frequencies(drawn.responses[i * chains : (i + 1) * chains])
        assert differs(mine, np.exp(table.log_power(alpha)), chains) < 4
    assert 0.1 < drawn.diagnostics["acceptance"] < 0.95
