"""Acceptance, starts, moves and rows of the chains, by hand; where they lead is in test_power_mh_kernel.py."""

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, STOP, VOCABULARY, differs
from table_model import ask as ask_table
from table_model import log_p_of, read_prompts

from llm.samplers import power_mh
from llm.samplers.mixing import mixing
from llm.samplers.particles import response_ids
from llm.samplers.power_mh import log_acceptance, sample, select_start, step
from llm.samplers.regeneration import Chains, Proposal, start
from llm.samplers.systematic import systematic_counts
from theory.sequences import PAD


def test_the_sizes_are_means_over_the_prompts_where_they_can_be_told():
    generator = np.random.default_rng(0)
    trace = generator.standard_normal((3, 4, 50)) + np.array([0.0, 1.0, 0.0])[:, None, None] * np.arange(4)[:, None]
    trace[2] = 1.5  # never moved
    found = mixing(trace)
    assert np.isnan(found.ess).tolist() == [False, False, True] and found.r_hat[1] > found.r_hat[0] + 0.2
    expected = (found.ess[:2].mean(), found.r_hat[:2].mean())
    assert power_mh._mixed(torch.tensor(trace)) == pytest.approx(expected)
    assert np.isnan(power_mh._mixed(torch.tensor(trace[2:]))).all()


ACCEPTED = [
    (-0.3, 4, 4, False, -0.3),
    (-0.3, 4, 4, True, -0.3),
    (-2.0, 6, 2, False, -2 + np.log(3)),
    (-2.0, 6, 2, True, -2.0),
    (-0.5, 6, 2, False, 0.0),
    (0.5, 1, 3, False, 0.5 - np.log(3)),
    (0.5, 1, 3, True, 0.0),
]


@pytest.mark.parametrize(("gain", "length", "new_length", "whole", "expected"), ACCEPTED)
def test_a_move_is_accepted_by_its_gain_and_by_how_many_positions_lead_to_it(gain, length, new_length, whole, expected):
    """log min(1, e^gain |y|/|y'|), by hand; a draw of the whole has no lengths."""
    log_w, lengths = torch.tensor([7.0, 7 + gain], dtype=torch.float64), torch.tensor([length, new_length])
    found = log_acceptance(log_w[:1], log_w[1:], lengths[:1], lengths[1:], torch.tensor([whole]))
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_rows_are_prompt_major_from_different_chains_and_tokens_are_counted(table):
    drawn = sample(ask_table(10), 1.5, chains=4, thin=2)
    assert len(drawn.responses) == 20
    assert drawn.columns["chain"] == [*([0, 1, 2, 3] * 3)[:10]] * 2
    assert drawn.columns["move"] == ([18] * 4 + [20] * 4 + [22] * 2) * 2
    assert all(len(r) <= HORIZON and STOP not in r[:-1] and max(r) < VOCABULARY for r in drawn.responses)
    # 8 chains, 22 moves and a start, of 1 to HORIZON tokens each; and what stands before the prompts' last tokens.
    assert 8 * 23 <= drawn.tokens - 2 <= 8 * 23 * HORIZON
    torch.manual_seed(1)  # all randomness comes from the request's generator
    again = sample(ask_table(10), 1.5, chains=4, thin=2)
    assert again == drawn


def chains_of(rows, log_p, log_q, prompt=(2,)):
    """Chains on these responses, whose keys are their tokens."""
    cache = read_prompts(None, [[*prompt, *row, 0] for row in rows])
    tokens = torch.tensor([[*row] + [PAD] * (4 - len(row)) for row in rows])
    spread = torch.zeros(len(rows), 4).double()
    spread[:, 0] = 1
    return Chains(
        tokens, spread * torch.tensor(np.array(log_p))[:, None], spread * torch.tensor(np.array(log_q))[:, None], cache
    )


def test_starts_are_chosen_by_their_weight_however_small_all_weights_are():
    """Prompt by prompt: of four chains the two of equal weight twice each, and the only one four times."""
    rows = [[2], [3], [0], [1], [2, 2], [3, 3], [0, 0], [1, 1]]
    log_p = [-3000.0, -1000.0, -1000.0, -4000.0, -9.0, -99.0, -99.0, -99.0]
    state = chains_of(rows, log_p, [0.1] * 8)
    chosen = select_start(state, 2.0, 4, torch.Generator().manual_seed(0))
    expected = [1, 1, 2, 2, 4, 4, 4, 4]
    assert response_ids(chosen.tokens) == [rows[i] for i in expected]
    assert chosen.log_p.tolist() == state.log_p[expected].tolist() and chosen.log_q.shape == (8, 4)
    assert torch.equal(chosen.cache.pairs[0][0], state.cache.pairs[0][0][expected])


def test_the_comb_of_the_starts_lies_where_the_generator_says(monkeypatch):
    combs = []

    def listen(weight, total, offset):
        combs.append(offset)
        return systematic_counts(weight, total, offset)

    monkeypatch.setattr(power_mh, "systematic_counts", listen)
    select_start(chains_of([[2], [3]], [0.0] * 2, [0.0] * 2), 2.0, 1, torch.Generator().manual_seed(0))
    uniform = torch.rand(2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.stack(combs), uniform)


def test_where_a_move_begins_and_whether_it_is_taken_are_independent(monkeypatch):
    """All from responses of 4 tokens to one of 2 and a quarter of the weight: accepted at 1/4 if whole, at 1/2 if not.

    The counts of (position, taken) against the probabilities of a restart in three of ten moves.
    """
    chains, asked = 5000, []
    state = chains_of([[2, 2, 2, 2]] * chains, [0.0] * chains, [0.0] * chains)
    new = chains_of([[3, 3]] * chains, [-1.0] * chains, [2 * -1.0 + np.log(4)] * chains)

    def listen(model, chains, position, proposal, generator):
        asked.append(position)
        return new, 7

    monkeypatch.setattr(power_mh, "regenerate", listen)
    proposal = Proposal([[2]] * chains, 1.5, {STOP}, 0.3)
    after, moved, cost = step(torch.nn.Module(), state, proposal, 2.0, torch.Generator().manual_seed(0))
    found = torch.bincount(2 * asked[0] + moved, minlength=8).numpy() / chains
    uniform = torch.rand(3, chains, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(asked[0], torch.where(uniform[0] < 0.3, 0, (4 * uniform[1]).long()))  # the same on any machine
    taken = np.array([0.3 / 4 + 0.7 / 4 / 2] + [0.7 / 4 / 2] * 3)
    expected = np.stack([np.array([0.3 + 0.7 / 4] + [0.7 / 4] * 3) - taken, taken], 1).ravel()
    assert differs(found, expected, chains) < 4 and cost == 7
    assert response_ids(after.tokens) == [[3, 3] if m else [2, 2, 2, 2] for m in moved]
    assert torch.equal(after.log_q, torch.where(moved[:, None], new.log_q, state.log_q))
    assert torch.equal(after.log_p, torch.where(moved[:, None], new.log_p, state.log_p))
    assert torch.equal(after.cache.pairs[0][0][:, 0, 1, 0] == 3, moved)  # the keys go with the response


@pytest.mark.parametrize(("burn_in", "thin", "begin"), [(4, 3, 4), (0, 2, 0), (10, 2, 8)])
def test_the_rows_are_states_of_the_chains_and_what_is_said_of_them_is_counted(
    table, monkeypatch, burn_in, thin, begin
):
    """10 rows to each of 2 prompts from 4 chains, every thin-th move; sizes from the moves after `begin`."""
    traces, moves, proposals = [], [], []

    def mixed(trace):
        traces.append(trace)
        return 5.0, 1.25

    def move(model, state, proposal, alpha, generator):
        state, moved, cost = step(model, state, proposal, alpha, generator)
        proposals.append(proposal)
        moves.append(moved)
        return state, moved, cost

    monkeypatch.setattr(power_mh, "_mixed", mixed)
    monkeypatch.setattr(power_mh, "step", move)
    drawn = sample(ask_table(10), 3.0, chains=4, burn_in=burn_in, thin=thin)
    last = burn_in + 3 * thin
    assert len(moves) == last and traces[0].shape == (2, 4, last - begin)
    assert drawn.tokens == table.read
    assert drawn.diagnostics == {
        "acceptance": pytest.approx(torch.stack(moves).double().mean()),
        "ess": 5.0,
        "r_hat": 1.25,
        "tokens_per_effective_sample": pytest.approx(drawn.tokens / 10),
    }
    assert (proposals[0].exponent, proposals[0].restart) == (2.0, 0.25)
    assert drawn.columns["chain"] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1] * 2
    assert drawn.columns["move"] == [burn_in + thin * (1 + i // 4) for i in range(10)] * 2
    for i, response in enumerate(drawn.responses):
        chain, when = drawn.columns["chain"][i], drawn.columns["move"][i] - begin - 1
        expected = log_p_of(PROMPTS[i // 10], response)
        assert float(traces[0][i // 10, chain, when]) == pytest.approx(expected, rel=1e-12)


def test_equal_prompts_are_read_once_and_a_given_proposal_is_taken(table, monkeypatch):
    asked = []

    def listen(model, proposal, horizon, generator):
        asked.append(proposal)
        return start(model, proposal, horizon, generator)

    monkeypatch.setattr(power_mh, "start", listen)
    drawn = sample(ask_table(3, prompts=[[2, 3, 0], [3, 3], [2, 3, 0]]), 2.0, proposal_alpha=1.0)
    assert drawn.tokens == table.read and asked[0].exponent == 1
    assert asked[0].prompt_ids == [[2, 3, 0]] * 3 + [[3, 3]] * 3 + [[2, 3, 0]] * 3  # no more chains than rows
