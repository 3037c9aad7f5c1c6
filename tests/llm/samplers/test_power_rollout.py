import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from every_response import PROMPTS, ask, everything, lopsided_model
from table_model import ask as ask_table
from table_model import next_log_p

from llm.samplers import power_rollout
from llm.samplers.particles import begin, response_ids
from llm.samplers.power_rollout import choice_probability, choose, sample

LOG_W = torch.tensor([0.2, -0.5, 0.4], dtype=torch.float64)
# What a rollout of each candidate may be worth, with its chance: means 0.5, 0.62, 0.26.
WORTH = np.array([[0.2, 0.8], [0.5, 0.7], [0.05, 0.6]])
CHANCE = np.array([[0.5, 0.5], [0.4, 0.6], [0.62, 0.38]])


def test_one_rollout_or_equal_rollouts_need_no_correction():
    log_zeta = torch.tensor([[0.1], [-1.0], [0.3]], dtype=torch.float64)
    expected = torch.softmax(LOG_W + log_zeta[:, 0], 0)
    for m in (1, 5):
        torch.testing.assert_close(choice_probability(LOG_W, log_zeta.expand(3, m)), expected)


def test_the_jackknife_by_hand_and_what_it_makes_negative_is_none():
    """Worths 1, 3 and 2, 2: P = 4/8, and without a rollout 3/5 or 1/3; then 1, 999 and 2, 2, where it goes below."""
    log_w = torch.zeros(2, dtype=torch.float64)
    found = choice_probability(log_w, torch.tensor([[1.0, 3], [2, 2]]).double().log())
    first = 2 * 4 / 8 - (3 / 5 + 1 / 3) / 2
    np.testing.assert_allclose(found, [first, 1 - first], rtol=1e-12)
    plain = choice_probability(log_w, torch.tensor([[1.0, 3], [2, 2]]).double().log(), jackknife=False)
    np.testing.assert_allclose(plain, [0.5, 0.5], rtol=1e-12)
    far = choice_probability(log_w, torch.tensor([[1.0, 999], [2, 2]]).double().log())
    np.testing.assert_allclose(far, [1, 0], atol=1e-12)  # 2 · 4/1004 - (2/1001 + 2/3)/2 < 0


def test_rows_are_counted_and_repeat_with_the_seed():
    model = lopsided_model()
    drawn = sample(ask(model, PROMPTS, 5), 3.0, block=2, candidates=3, rollouts=2)
    assert len(drawn.responses) == 10 and drawn.columns == {"candidates": [3] * 10}
    assert drawn.tokens > sum(map(len, drawn.responses))
    torch.manual_seed(1)  # all randomness comes from the request's generator
    assert drawn == sample(ask(model, PROMPTS, 5), 3.0, block=2, candidates=3, rollouts=2)


def test_a_candidate_is_taken_in_proportion_to_its_weight_its_number_and_what_may_follow(table):
    """Groups lie scattered; against the inverse of each distribution function at the same uniform numbers."""
    groups = 200
    cloud = begin(torch.nn.Module(), [[2]] * (3 * groups), 1)
    generator = torch.Generator().manual_seed(3)
    log_weight = torch.rand(3 * groups, generator=generator).double()
    group = torch.arange(3 * groups) % groups
    count = 1 + torch.randint(4, (3 * groups,), generator=generator)
    log_zeta = torch.rand(3 * groups, 2, generator=generator).double()
    cloud = cloud._replace(group=group, count=count, log_weight=log_weight)
    for jackknife in (False, True):
        found = choose(cloud, log_zeta, jackknife, torch.Generator().manual_seed(4)).tolist()
        uniform = torch.rand(groups, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).tolist()
        for g, (u, row) in enumerate(zip(uniform, found, strict=True)):
            rows = [g, g + groups, g + 2 * groups]
            chance = choice_probability(log_weight[rows] + np.log(count[rows]), log_zeta[rows], jackknife)
            assert row == rows[np.searchsorted(np.cumsum(chance), u)]


def test_one_without_weight_is_never_taken(table, monkeypatch):
    cloud = begin(torch.nn.Module(), [[2]] * 3, 1)._replace(group=torch.zeros(3, dtype=torch.long))
    cloud = cloud._replace(log_weight=torch.tensor([-torch.inf, 0, -torch.inf]).double())
    for u in (0.0, 1 - 2**-53):
        monkeypatch.setattr(torch, "rand", lambda *_, u=u, **__: torch.tensor([u], dtype=torch.float64))
        assert choose(cloud, torch.zeros(3, 2).double(), True, torch.Generator()).tolist() == [1]


def test_the_last_of_equals_is_found_where_their_sum_is_rounded_below_one(table, monkeypatch):
    cloud = begin(torch.nn.Module(), [[2]] * 10, 1)._replace(group=torch.zeros(10, dtype=torch.long))
    last = torch.tensor([1 - 2**-53], dtype=torch.float64)
    assert torch.softmax(torch.zeros(10).double(), 0).cumsum(0)[-1] <= last
    monkeypatch.setattr(torch, "rand", lambda *_, **__: last)
    assert choose(cloud, torch.zeros(10, 1).double(), True, torch.Generator()).tolist() == [9]


def heard(monkeypatch):
    """What `choose` is asked in a run, and how far prefixes are grown: (exponent, steps)."""
    asked, grown = [], []

    def listen(cloud, log_zeta, jackknife, generator):
        asked.append((cloud, log_zeta, jackknife))
        return choose(cloud, log_zeta, jackknife, generator)

    def grow(model, cloud, exponent, steps, stops, generator, original=power_rollout.grow):
        grown.append((exponent, max(steps, 0)))
        return original(model, cloud, exponent, steps, stops, generator)

    monkeypatch.setattr(power_rollout, "choose", listen)
    monkeypatch.setattr(power_rollout, "grow", grow)
    return asked, grown


def test_what_may_follow_a_block_is_known_where_one_token_follows(table, monkeypatch):
    """ζ̂ is then Σ_v p(v|x)^α itself, at every rollout, and 1 where nothing follows; the weight is that of the block."""
    asked, _ = heard(monkeypatch)
    alpha = 2.5
    drawn = sample(ask_table(6), alpha, block=3, candidates=5, rollouts=3, jackknife=False)
    cloud, log_zeta, jackknife = asked[0]
    assert log_zeta.shape == (len(cloud.group), 3) and not jackknife
    sequences = [
        [*PROMPTS[group // 6], *row]
        for group, row in zip(cloud.group.tolist(), response_ids(cloud.tokens), strict=True)
    ]
    ahead = [
        np.log(np.exp(alpha * next_log_p(ids)).sum()) if live else 0.0
        for ids, live in zip(sequences, cloud.live, strict=True)
    ]
    np.testing.assert_allclose(log_zeta, np.repeat(np.array(ahead)[:, None], 3, 1), rtol=1e-12, atol=1e-15)
    assert torch.bincount(cloud.group, cloud.count).tolist() == [5] * 12
    assert drawn.tokens == table.read and drawn.columns == {"candidates": [5] * 12}


def test_what_is_not_asked_for_is_what_the_help_says(table, monkeypatch):
    """Power 4, blocks of 16, 8 candidates with 4 rollouts each, and the correction."""
    asked, grown = heard(monkeypatch)
    drawn = sample(ask_table(2, horizon=20, stops={9}))
    assert grown == [(4.0, 16), (4.0, 4), (4.0, 4), (4.0, 0)] and drawn.columns == {"candidates": [8] * 4}
    cloud, log_zeta, jackknife = asked[0]
    assert torch.bincount(cloud.group, cloud.count).tolist() == [8] * 4 and log_zeta.shape[1] == 4 and jackknife


def test_blocks_follow_each_other_to_the_horizon_and_rollouts_too(table, monkeypatch):
    asked, grown = heard(monkeypatch)
    drawn = sample(ask_table(4, horizon=5, stops={0}), 2.0, block=2, candidates=3)
    assert grown == [(2.0, steps) for steps in (2, 3, 2, 1, 1, 0)] and asked[0][2]
    assert max(map(len, drawn.responses)) == 5 and drawn.tokens == table.read


def bias(rollouts: int, jackknife: bool) -> np.ndarray:
    """E[choice probability] - its limit, summed over all outcomes; those that differ in order are one."""
    weight = np.exp(LOG_W.numpy()) * (WORTH * CHANCE).sum(1)
    expected = np.zeros(3)
    each = list(itertools.product(range(2), repeat=3))
    for outcome in itertools.combinations_with_replacement(each, rollouts):
        picked = np.array(outcome).T
        orders = math.factorial(rollouts) / math.prod(map(math.factorial, Counter(outcome).values()))
        chance = orders * np.prod(np.take_along_axis(CHANCE, picked, 1))
        log_zeta = torch.tensor(np.log(np.take_along_axis(WORTH, picked, 1)))
        expected += chance * choice_probability(LOG_W, log_zeta, jackknife).numpy()
    return expected - weight / weight.sum()


def test_the_jackknife_removes_the_first_order_of_the_bias():
    """Exact expectations: the plain ratio's bias halves from 2 to 4 rollouts, the jackknife's is far smaller."""
    plain, corrected = [bias(m, False) for m in (2, 4)], [bias(m, True) for m in (2, 4)]
    assert np.abs(plain[0]).max() / np.abs(plain[1]).max() == pytest.approx(2, rel=0.15)
    assert np.abs(corrected[0]).max() < 0.4 * np.abs(plain[0]).max()
    assert np.abs(corrected[1]).max() < 0.2 * np.abs(plain[1]).max()


@pytest.mark.parametrize("block", [1, 3])
def test_more_candidates_bring_the_samples_to_the_power(block):
    """The bias of finitely many candidates is not zero: it shrinks with them, to within the Monte Carlo floor."""
    model, alpha, samples = lopsided_model(), 2.0, 800
    table = everything(model, PROMPTS[1])
    q = np.exp(table.log_power(alpha))
    generator = np.random.default_rng(0)
    floor = [0.5 * np.abs(generator.multinomial(samples, q) / samples - q).sum() for _ in range(50)]
    distance = {}
    for candidates in (2, 32):
        drawn = sample(ask(model, [PROMPTS[1]], samples), alpha, block, candidates, rollouts=4)
        distance[candidates] = 0.5 * np.abs(table.frequencies(drawn.responses) - q).sum()
    assert distance[32] < np.mean(floor) + 4 * np.std(floor) < distance[2]
