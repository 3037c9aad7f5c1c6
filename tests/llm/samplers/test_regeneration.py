"""Chains on a table in place of a model: what a new ending keeps, what it costs, and what is known of it."""

import numpy as np
import pytest
import torch
from every_response import HORIZON, STOP
from table_model import log_p_of

from llm.samplers.particles import response_ids
from llm.samplers.regeneration import Chains, Proposal, regenerate, start
from theory.sequences import PAD

MODEL = torch.nn.Module()
PROPOSAL = Proposal([[2, 3, 0], [3], [2, 3, 0], [3], [0, 0], [3]] * 10, 1.5, {STOP, 0}, 0.1)
CHAINS = len(PROPOSAL.prompt_ids)


def begun(seed=0, proposal=PROPOSAL):
    return start(MODEL, proposal, HORIZON, torch.Generator().manual_seed(seed))


def check(state, proposal=PROPOSAL):
    """Every entry against the tokens of its response, under the model and under the proposal."""
    assert state.log_p.dtype == state.log_q.dtype == torch.float64 and state.tokens.shape == (CHAINS, HORIZON)
    rows = response_ids(state.tokens)
    assert state.length.tolist() == [len(row) for row in rows]
    for chain, (prompt, row) in enumerate(zip(proposal.prompt_ids, rows, strict=True)):
        assert (row[-1] in proposal.stops) or len(row) == HORIZON
        assert not proposal.stops & set(row[:-1])
        for name, exponent in (("log_p", 1.0), ("log_q", proposal.exponent)):
            up_to = np.cumsum(getattr(state, name)[chain].tolist())
            ends = [log_p_of(prompt, row[: t + 1], exponent) for t in range(len(row))]
            np.testing.assert_allclose(up_to, ends + ends[-1:] * (HORIZON - len(row)), rtol=1e-12)


def test_chains_start_on_draws_of_the_proposal(table):
    """Equal prompts are read once; a token goes through the model for each that is drawn."""
    state, cost = begun()
    check(state)
    assert cost == int(state.length.sum())
    assert table.read == cost + sum(len(ids) - 1 for ids in ([2, 3, 0], [3], [0, 0]))
    assert len(set(map(tuple, response_ids(state.tokens)))) > 3


@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_ending_is_drawn_anew_from_a_position_on_and_all_before_it_stays(table, place):
    state, _ = begun()
    kept = [x.clone() for x in state[:3]] + [state.cache.pairs[0][0].clone()]
    position = state.length.minimum(torch.tensor(place + 1)) - 1
    read = table.read
    new, cost = regenerate(MODEL, state, position, PROPOSAL, torch.Generator().manual_seed(1))
    check(new)
    for old, here in zip(kept, [*state[:3], state.cache.pairs[0][0]], strict=True):
        assert torch.equal(old, here), "the chain may have to stay where it was"
    before = torch.arange(HORIZON) < position[:, None]
    assert torch.equal(new.tokens[before], state.tokens[before]) and not torch.equal(new.tokens, state.tokens)
    assert cost == int((new.length - position).sum()) == table.read - read
    again, _ = regenerate(MODEL, new, position, PROPOSAL, torch.Generator().manual_seed(2))
    check(again)  # the keys went with the tokens


def test_the_weight_of_a_response_is_the_power_over_the_proposal():
    """log p^α(y)/q(y) with the sums over tokens: 3 · (-1 - 2) - (-0.5 - 0.25), and of the second 3 · (-4) - (-8)."""
    log_p, log_q = torch.tensor([[-1.0, -2.0], [-4.0, 0.0]]), torch.tensor([[-0.5, -0.25], [-8.0, 0.0]])
    state = Chains(torch.tensor([[3, 1], [1, PAD]]), log_p, log_q, None)
    assert state.log_w(3.0).tolist() == [-8.25, -4.0] and state.length.tolist() == [2, 1]
