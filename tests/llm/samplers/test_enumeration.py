"""The oracle against brute force and against a plain best-first search with a queue."""

import heapq

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, STOP, VOCABULARY, everything, lopsided_model
from table_model import everything as everything_of_the_table

from llm.samplers.enumeration import Enumeration, enumerate_responses, power_table, total_variation


@pytest.fixture(scope="module")
def model():
    return lopsided_model()


def test_the_distance_of_a_sample_counts_unlisted_responses_as_misses():
    found = Enumeration([(2, 1), (3, 1)], np.log([0.6, 0.3]), 0.2, 0.1)
    table = power_table(found, 1.0)
    np.testing.assert_allclose(np.exp(table.log_q), [2 / 3, 1 / 3])
    # Shares 3/6, 1/6 and 2/6 elsewhere.
    drawn = [[2, 1], [0], [2, 1], [3, 1], [2, 1], [1]]
    assert total_variation(found, table, drawn) == pytest.approx((1 / 6 + 1 / 6 + 1 / 3) / 2)
    assert total_variation(found, table, [[2, 1], [3, 1], [2, 1]]) == pytest.approx(0, abs=1e-15)
    # Shares 1 and 0.
    assert total_variation(found, table, [[2, 1]]) == pytest.approx(1 / 3)


def test_what_is_left_out_of_a_power_by_hand():
    """Z >= .6³ + .3³; the others' Σ p³ is at most .2² of their .1; nothing is left out of a whole table."""
    found = Enumeration([(2, 1), (3, 1)], np.log([0.6, 0.3]), 0.2, 0.1)
    table = power_table(found, 3.0)
    z, others = 0.6**3 + 0.3**3, 0.2**2 * 0.1
    assert table.log_z == pytest.approx(np.log(z)) and table.outside == pytest.approx(others / (z + others))
    np.testing.assert_allclose(np.exp(table.log_q), [0.6**3 / z, 0.3**3 / z])
    assert power_table(found._replace(rest=0.0), 3.0).outside == 0


def test_a_response_as_likely_as_the_floor_is_listed_and_the_rest_is_what_is_not(table):
    """At the first step from this prompt p is .25, .2, .3, .25; to the end all of it is listed."""
    found = enumerate_responses(torch.nn.Module(), [1], 1, {STOP}, 0.25)
    assert found.responses == [(0,), (2,), (3,)] and found.floor == 0.25
    np.testing.assert_allclose(np.exp(found.log_p), [0.25, 0.3, 0.25])
    assert found.rest == pytest.approx(0.2)
    whole = enumerate_responses(torch.nn.Module(), [1], HORIZON, {STOP}, 1e-6)
    every = everything_of_the_table([1])
    assert sorted(whole.responses) == sorted(every.responses) and whole.rest == pytest.approx(0, abs=1e-12)
    some = enumerate_responses(torch.nn.Module(), [1], HORIZON, {STOP}, 0.03)
    listed = every.log_p >= np.log(0.03)
    assert sorted(some.responses) == sorted(y for y, is_in in zip(every.responses, listed, strict=True) if is_in)
    assert 0 < some.rest == pytest.approx(np.exp(every.log_p[~listed]).sum())


@pytest.mark.parametrize("floor", [0.0, 1.0, float("nan")])
def test_a_floor_outside_the_unit_interval_is_refused(model, floor):
    with pytest.raises(ValueError, match="floor must be"):
        enumerate_responses(model, PROMPTS[0], HORIZON, {STOP}, floor)


def test_a_power_below_one_is_refused():
    with pytest.raises(ValueError, match=r"alpha must be >= 1, got 0\.5"):
        power_table(Enumeration([(1,)], np.zeros(1), 0.5, 0.0), 0.5)


@pytest.mark.parametrize("prompt", range(2))
def test_with_a_tiny_floor_every_response_is_listed_with_its_probability(model, prompt):
    table = everything(model, PROMPTS[prompt])
    found = enumerate_responses(model, PROMPTS[prompt], HORIZON, {STOP}, floor=1e-12)
    assert sorted(found.responses) == sorted(table.responses)
    expected = dict(zip(table.responses, table.log_p, strict=True))
    np.testing.assert_allclose(found.log_p, [expected[y] for y in found.responses], atol=1e-4)
    assert found.rest < 1e-6


def best_first(model, prompt, floor):
    """Responses in the order of a queue keyed by probability, until its best entry is below the floor."""
    queue, listed = [(0.0, ())], {}
    while queue and -queue[0][0] >= np.log(floor):
        key, prefix = heapq.heappop(queue)
        if prefix[-1:] == (STOP,) or len(prefix) == HORIZON:
            listed[prefix] = -key
            continue
        with torch.no_grad():
            log_p = torch.log_softmax(model(torch.tensor([[*prompt, *prefix]])).logits[0, -1].double(), -1)
        for token in range(VOCABULARY):
            heapq.heappush(queue, (key - log_p[token].item(), (*prefix, token)))
    return listed, sum(np.exp(-key) for key, _ in queue)


@pytest.mark.parametrize("floor", [0.3, 0.03, 0.002])
def test_level_by_level_finds_what_best_first_search_finds(model, floor):
    found = enumerate_responses(model, PROMPTS[0], HORIZON, {STOP}, floor)
    listed, open_mass = best_first(model, PROMPTS[0], floor)
    assert set(found.responses) == set(listed)
    assert found.rest == pytest.approx(open_mass, abs=1e-5)
    assert 0 < len(listed) < 121


@pytest.mark.parametrize("alpha", [1.0, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("floor", [0.2, 0.02, 0.002])
def test_the_bound_on_what_is_left_out_holds(model, alpha, floor):
    """Total variation between the listed table and the true p^α is the true outside share, and below the bound."""
    table = everything(model, PROMPTS[1])
    found = enumerate_responses(model, PROMPTS[1], HORIZON, {STOP}, floor)
    power = power_table(found, alpha)
    true = np.exp(table.log_power(alpha))
    listed = np.array([y in set(found.responses) for y in table.responses])
    estimate = np.zeros(len(true))
    place = {y: i for i, y in enumerate(table.responses)}
    estimate[[place[y] for y in found.responses]] = np.exp(power.log_q)
    distance = 0.5 * np.abs(estimate - true).sum()
    assert distance == pytest.approx(true[~listed].sum(), abs=1e-5)
    assert distance <= power.outside + 1e-6
    if alpha == 1:
        assert power.outside == pytest.approx(distance, abs=1e-5)  # at alpha = 1 the bound is the mass itself
