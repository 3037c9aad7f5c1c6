"""Clouds of prefixes on a table in place of a model: whatever is done, each row says what it stands for."""

import numpy as np
import pytest
import torch
from every_response import PROMPTS, STOP, VOCABULARY
from table_model import log_p_of, next_log_p

from llm.samplers.particles import (
    begin,
    branch,
    draw_tokens,
    grow,
    individuals,
    look,
    recount,
    regroup,
    response_ids,
    spread,
    temper,
)
from theory.sequences import PAD

MODEL = torch.nn.Module()
STOPS = {STOP, 3}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def check(cloud, prompts, stops=STOPS):
    """Every field of every prefix against its tokens, and its keys against what comes next."""
    rows = response_ids(cloud.tokens)
    sequences = [[*prompts[group], *row] for group, row in zip(cloud.group.tolist(), rows, strict=True)]
    starts = [prompts[group] for group in cloud.group.tolist()]
    assert cloud.live.tolist() == [not row or row[-1] not in stops for row in rows]
    assert cloud.last.tolist() == [ids[-1] for ids in sequences]
    assert cloud.position.tolist() == [len(ids) - 1 for ids in sequences]
    assert all(len(row) == cloud.tokens.shape[1] for row, live in zip(rows, cloud.live, strict=True) if live)
    assert cloud.log_p.dtype == cloud.log_weight.dtype == torch.float64
    np.testing.assert_allclose(cloud.log_p, [log_p_of(*pair) for pair in zip(starts, rows, strict=True)], rtol=1e-12)
    if cloud.live.any():
        expected = [next_log_p(ids) for ids, live in zip(sequences, cloud.live, strict=True) if live]
        np.testing.assert_array_equal(look(MODEL, cloud), expected)


def grown(count, steps, exponent=1.0, seed=0):
    return grow(MODEL, begin(MODEL, PROMPTS, count), exponent, steps, STOPS, generator(seed))


def test_a_cloud_begins_on_the_empty_response(table):
    cloud = begin(MODEL, PROMPTS, 5)
    assert cloud.group.tolist() == [0, 1] and cloud.count.tolist() == [5, 5] and cloud.tokens.shape == (2, 0)
    assert cloud.log_p.tolist() == cloud.log_weight.tolist() == [0, 0]
    assert cloud.forwards == table.read == 2 and cloud.drawn == 0
    check(cloud, PROMPTS)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 2.5])
def test_tempering_is_a_power_normalised_token_by_token(exponent):
    p = np.array([[0.1, 0.3, 0.6, 0.0], [0.25, 0.25, 0.3, 0.2]])
    with np.errstate(divide="ignore"):
        log_q, normaliser = temper(torch.tensor(np.log(p)), exponent)
    np.testing.assert_allclose(log_q.exp(), p**exponent / (p**exponent).sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(normaliser, np.log((p**exponent).sum(1)), rtol=1e-12, atol=1e-15)


def test_a_token_is_where_its_uniform_number_falls_in_the_distribution():
    """Every particle by itself; rows that do not sum to one exactly count by proportion."""
    q = torch.tensor([[0.1, 0.2, 0.3, 0.4], [1.0, 0, 0, 0], [0.0, 0.2, 0.0, 0.2], [0.5, 0.25, 0.25, 0], [1.0, 0, 0, 0]])
    prefix = torch.tensor([0] * 40 + [2] * 40 + [3] * 3)
    found = draw_tokens(q.double().log(), prefix, generator())
    uniform = torch.rand(len(prefix), dtype=torch.float64, generator=generator()).tolist()
    for token, row, u in zip(found.tolist(), prefix.tolist(), uniform, strict=True):
        edges = np.cumsum(q[row].double().numpy())
        assert token == next(v for v in range(VOCABULARY) if u * edges[-1] < edges[v])


def test_no_token_without_probability_is_drawn_at_either_end_of_the_uniform_numbers(monkeypatch):
    q = torch.tensor([[0.0, 0.5, 0.0, 0.5], [0.25, 0.75, 0.0, 0.0]], dtype=torch.float64)
    ends = torch.tensor([0.0, 0.5, 1 - 2**-53, 0.0, 0.25, 1 - 2**-53], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: ends)
    assert draw_tokens(q.log(), torch.tensor([0, 0, 0, 1, 1, 1]), generator()).tolist() == [1, 3, 3, 0, 1, 1]


def test_particles_spread_and_meet_again(table):
    """Two steps of a thousand: equal prefixes are one row, nobody is lost, finished ones wait."""
    cloud = begin(MODEL, PROMPTS, 500)
    for seed in range(2):
        living = int(cloud.count[cloud.live].sum())
        before = cloud
        log_p_next = look(MODEL, cloud)
        cloud = spread(cloud, log_p_next, log_p_next, STOPS, generator(seed))
        assert cloud.drawn == before.drawn + living and cloud.forwards == before.forwards + int(before.live.sum())
        assert torch.bincount(cloud.group, cloud.count).tolist() == [500, 500]
        rows = list(zip(cloud.group.tolist(), map(tuple, response_ids(cloud.tokens)), strict=True))
        assert len(set(rows)) == len(rows) and (cloud.count > 0).all()
        check(cloud, PROMPTS)
    assert not cloud.live.all() and cloud.drawn < 2000


def test_children_take_the_place_of_their_parents(table):
    weight = torch.tensor([0.5, -1.5], dtype=torch.float64)
    cloud = begin(MODEL, PROMPTS, 4)._replace(log_weight=weight, drawn=9)
    row, token, count = torch.tensor([0, 0, 1, 1]), torch.tensor([2, 3, 0, 2]), torch.tensor([1, 2, 3, 4])
    cloud = branch(cloud, look(MODEL, cloud), row, token, count, STOPS)
    check(cloud, PROMPTS)
    assert cloud.tokens.tolist() == [[2], [3], [0], [2]] and cloud.count.tolist() == [1, 2, 3, 4]
    assert cloud.log_weight.tolist() == [0.5, 0.5, -1.5, -1.5]
    # The finished one comes first; live prefix number 2 is the last of all, number 1 is left without a child.
    cloud = branch(cloud, look(MODEL, cloud), torch.tensor([2, 0]), torch.tensor([1, 0]), torch.tensor([7, 8]), STOPS)
    check(cloud, PROMPTS)
    assert cloud.tokens.tolist() == [[3, PAD], [2, 1], [2, 0]] and cloud.count.tolist() == [2, 7, 8]
    assert cloud.log_weight.tolist() == [0.5, -1.5, 0.5] and (cloud.forwards, cloud.drawn) == (2 + 2 + 3, 9)


def test_prefixes_that_are_left_with_no_particle_are_dropped(table):
    cloud = grown(200, 2)
    count = torch.arange(len(cloud.count)) % 3
    fewer = recount(cloud, count)
    check(fewer, PROMPTS)
    assert (
        fewer.tokens.tolist() == cloud.tokens[count > 0].tolist() and fewer.count.tolist() == count[count > 0].tolist()
    )
    assert fewer.log_weight.tolist() == cloud.log_weight[count > 0].tolist() and fewer.forwards == cloud.forwards
    all_stay = recount(cloud, count + 1)
    check(all_stay, PROMPTS)
    assert all_stay.tokens is cloud.tokens and all_stay.count.tolist() == (count + 1).tolist()


@pytest.mark.parametrize("exponent", [1.0, 0.5, 2.0])
def test_growth_keeps_what_the_tempered_draw_left_out(table, exponent):
    """a log p(y) = log q(y) + log_weight(y)    [T16, second form]"""
    cloud = grown(300, 3, exponent)
    check(cloud, PROMPTS)
    assert cloud.tokens.shape[1] == 3 and cloud.live.any() and not cloud.live.all()
    rows = zip(cloud.group.tolist(), response_ids(cloud.tokens), strict=True)
    log_q = [log_p_of(PROMPTS[group], row, exponent) for group, row in rows]
    np.testing.assert_allclose(exponent * cloud.log_p - cloud.log_weight, log_q, rtol=1e-12)
    assert cloud.forwards == table.read - int(cloud.live.sum())  # check() has looked once
    lengths = torch.tensor([len(row) for row in response_ids(cloud.tokens)])
    assert cloud.drawn == int((lengths * cloud.count).sum())


def test_growth_ends_with_the_last_response(table):
    cloud = grown(3, 10_000)
    assert not cloud.live.any() and cloud.tokens.shape[1] < 100 and cloud.forwards == table.read


def test_each_named_prefix_becomes_a_group_of_its_own(table):
    cloud = grown(200, 2, 2.0)
    last = len(cloud.count) - 1
    index = torch.cat([torch.tensor([last, 0]), torch.nonzero(cloud.live)[:, 0].flip(0), torch.tensor([last])])
    assert cloud.live.sum() > 3 and not cloud.live[0]
    groups = regroup(cloud, index, 7)
    check(groups, [PROMPTS[group] for group in cloud.group[index].tolist()])
    assert groups.group.tolist() == list(range(len(index))) and groups.count.tolist() == [7] * len(index)
    assert groups.tokens.tolist() == cloud.tokens[index].tolist() and groups.log_weight.eq(0).all()
    assert (groups.forwards, groups.drawn) == (cloud.forwards, cloud.drawn) and cloud.log_weight.abs().min() > 0


def test_individuals_stand_in_random_order_in_their_group(table):
    """All six orders of three particles equally often, in 3,000 groups whose rows lie scattered."""
    group = torch.arange(6000) % 3000
    cloud = begin(MODEL, [[2]] * 6000, 1)._replace(group=group, count=1 + (torch.arange(6000) >= 3000).long())
    rows = individuals(cloud, generator())
    assert rows.shape == (3000, 3)
    assert torch.equal(rows.sort(1).values, torch.stack([group, group + 3000, group + 3000], 1)[:3000])
    order = torch.rand((3000, 3), dtype=torch.float64, generator=generator()).argsort(1)
    assert torch.equal(rows, torch.stack([group, group + 3000, group + 3000], 1)[:3000].gather(1, order))  # anywhere
    places = (rows < 3000).long().argmax(1)
    assert np.abs(torch.bincount(places).numpy() - 1000).max() < 4 * np.sqrt(3000 * 2 / 9)


def test_responses_are_the_tokens_before_the_padding():
    assert response_ids(torch.tensor([[0, 2, PAD], [PAD, PAD, PAD], [3, 0, 1]])) == [[0, 2], [], [3, 0, 1]]
