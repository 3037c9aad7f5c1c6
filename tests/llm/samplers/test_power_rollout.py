import itertools

import numpy as np
import pytest
import torch
from every_response import PROMPTS, ask, everything, lopsided_model

from llm.samplers.power_rollout import choice_probability, sample

LOG_W = torch.tensor([0.2, -0.5, 0.4], dtype=torch.float64)
# What a rollout of each candidate may be worth, with its chance: means 0.5, 0.62, 0.26.
WORTH = np.array([[0.2, 0.8], [0.5, 0.7], [0.05, 0.6]])
CHANCE = np.array([[0.5, 0.5], [0.4, 0.6], [0.62, 0.38]])


def bias(rollouts: int, jackknife: bool) -> np.ndarray:
    """E[choice probability] - its limit, summed over all outcomes of all rollouts, by their multiplicities."""
    weight = np.exp(LOG_W.numpy()) * (WORTH * CHANCE).sum(1)
    expected = np.zeros(3)
    for outcome in itertools.product(range(2), repeat=3 * rollouts):
        picked = np.array(outcome).reshape(3, rollouts)
        chance = np.prod(np.take_along_axis(CHANCE, picked, 1))
        log_zeta = torch.tensor(np.log(np.take_along_axis(WORTH, picked, 1)))
        expected += chance * choice_probability(LOG_W, log_zeta, jackknife).numpy()
    return expected - weight / weight.sum()


def test_the_jackknife_removes_the_first_order_of_the_bias():
    """Exact expectations: the plain ratio's bias halves from 2 to 4 rollouts, the jackknife's is far smaller."""
    plain, corrected = [bias(m, False) for m in (2, 4)], [bias(m, True) for m in (2, 4)]
    assert np.abs(plain[0]).max() / np.abs(plain[1]).max() == pytest.approx(2, rel=0.15)
    assert np.abs(corrected[0]).max() < 0.4 * np.abs(plain[0]).max()
    assert np.abs(corrected[1]).max() < 0.2 * np.abs(plain[1]).max()


def test_one_rollout_or_equal_rollouts_need_no_correction():
    log_zeta = torch.tensor([[0.1], [-1.0], [0.3]], dtype=torch.float64)
    expected = torch.softmax(LOG_W + log_zeta[:, 0], 0)
    for m in (1, 5):
        torch.testing.assert_close(choice_probability(LOG_W, log_zeta.expand(3, m)), expected)


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


def test_rows_are_counted_and_repeat_with_the_seed():
    model = lopsided_model()
    drawn = sample(ask(model, PROMPTS, 5), 3.0, block=2, candidates=3, rollouts=2)
    assert len(drawn.responses) == 10 and drawn.columns == {"candidates": [3] * 10}
    assert drawn.tokens > sum(map(len, drawn.responses))
    assert drawn == sample(ask(model, PROMPTS, 5), 3.0, block=2, candidates=3, rollouts=2)
