"""Weights, costs and sizes of weighted particles, by hand; what they are unbiased for is in test_power_smc_law.py."""

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, STOP
from table_model import ask as ask_table
from table_model import log_p_of

from llm.samplers import power_smc
from llm.samplers.particles import begin, individuals, response_ids
from llm.samplers.power_smc import Stages, resample, sample, thin, weighted_particles
from llm.samplers.systematic import systematic_counts


def exponents(alpha, ramp):
    """α_t of each token: straight from 1 to alpha over `ramp` tokens."""
    return [1 + (alpha - 1) * min(1, (t + 1) / ramp) if ramp else alpha for t in range(HORIZON)]


@pytest.mark.parametrize("ramp", [0, 1, 3, 9])
@pytest.mark.parametrize("alpha", [0.5, 3.0])
def test_without_resampling_a_particle_weighs_the_power_over_what_it_was_drawn_from(table, alpha, ramp):
    """log w = α log p(y) - Σ_t log q_t(y_t), for every prefix; log Ẑ and the sizes are those of these weights."""
    cloud, stages = weighted_particles(ask_table(0), 30, alpha, ramp, 0.0)
    rows = list(zip(cloud.group.tolist(), response_ids(cloud.tokens), strict=True))
    assert len(rows) > 8 and not cloud.live.all()
    log_p = np.array([log_p_of(PROMPTS[group], row) for group, row in rows])
    log_q = [log_p_of(PROMPTS[group], row, exponents(alpha, ramp)[: len(row)]) for group, row in rows]
    np.testing.assert_allclose(cloud.log_weight, alpha * log_p - log_q, rtol=1e-11, atol=1e-12)
    weight, count = np.exp(alpha * log_p - log_q), cloud.count.numpy()
    for prompt in range(2):
        here = cloud.group.numpy() == prompt
        first, second = (np.sum(count[here] * weight[here] ** power) for power in (1, 2))
        assert count[here].sum() == 30
        assert float(stages.log_z[prompt]) == pytest.approx(np.log(first / 30), rel=1e-12)
        assert float(1 / stages.inverse_ess[prompt]) == pytest.approx(first**2 / second, rel=1e-12)
    assert stages.resamplings.tolist() == [0, 0] and not stages.resamplings.is_floating_point()
    assert cloud.forwards == table.read
    assert cloud.drawn == sum(number * len(row) for number, (_, row) in zip(count.tolist(), rows, strict=True))


@pytest.mark.parametrize(("alpha", "ramp"), [(0.5, 0), (3.0, 0), (3.0, 3)])
def test_the_cost_is_what_the_model_read(table, alpha, ramp):
    """Prefixes that were read and then dropped are in it."""
    for seed in range(20):
        table.read = 0
        drawn = sample(ask_table(2, PROMPTS[: 1 + seed % 2], seed=seed), alpha, 3, ramp, threshold=1.0)
        assert drawn.tokens == table.read
        assert max(map(len, drawn.responses)) <= HORIZON and len(drawn.responses) == 2 + 2 * (seed % 2)


def test_the_diagnostics_of_a_power_of_one_are_those_of_equal_weights(table):
    """Three particles for each sample by default, never resampled, each worth one draw, and Z = 1."""
    drawn = sample(ask_table(7), 1.0)
    found = drawn.diagnostics
    assert found["ess"] == pytest.approx(21, rel=1e-12) and found["resamplings"] == 0 and abs(found["log_z"]) < 1e-12
    assert found["tokens_per_effective_sample"] == pytest.approx(drawn.tokens / 42)
    assert 21 * 2 / drawn.tokens < found["draws_per_token_read"] < 21 * 2 * HORIZON / drawn.tokens
    np.testing.assert_allclose(drawn.log_pi, [log_p_of(PROMPTS[i // 7], y) for i, y in enumerate(drawn.responses)])


def test_the_diagnostics_are_means_over_prompts(table):
    alpha, few = 3.0, 40
    drawn = sample(ask_table(5), alpha, few)
    cloud, stages = weighted_particles(ask_table(5), few, alpha)
    assert drawn.diagnostics == {
        "ess": pytest.approx(np.mean(1 / stages.inverse_ess.numpy())),
        "resamplings": pytest.approx(np.mean(stages.resamplings.numpy())),
        "log_z": pytest.approx(np.mean(stages.log_z.numpy())),
        "tokens_per_effective_sample": pytest.approx(cloud.forwards / np.sum(1 / stages.inverse_ess.numpy())),
        "draws_per_token_read": pytest.approx(cloud.drawn / cloud.forwards),
    }
    assert stages.resamplings.sum() > 0 and stages.log_z[0] != stages.log_z[1] and cloud.forwards == drawn.tokens
    log_p = [alpha * log_p_of(PROMPTS[i // 5], y) for i, y in enumerate(drawn.responses)]
    np.testing.assert_allclose(drawn.log_pi, log_p - np.repeat(stages.log_z.numpy(), 5), rtol=1e-12)
    torch.manual_seed(1)  # all randomness comes from the request's generator
    assert sample(ask_table(5), alpha, few) == drawn


def three_prompts(table):
    """Eight particles each on prefixes of unequal weight, of equal weight, and on finished ones of unequal weight."""
    cloud = begin(torch.nn.Module(), [[2], [3], [0]], 8)
    return cloud._replace(
        group=torch.tensor([0, 0, 0, 1, 1, 2, 2]),
        tokens=torch.full((7, 1), STOP),
        count=torch.tensor([1, 2, 5, 4, 4, 7, 1]),
        live=torch.tensor([True, True, False, True, True, False, False]),
        log_p=torch.zeros(7).double(),
        log_weight=torch.tensor([-1002.0, -999.5, -1999.0, 1.0, 1.0, -700.0, -703.0]).double(),
        last=torch.zeros(7, dtype=torch.long),
        position=torch.zeros(7, dtype=torch.long),
        cache=cloud.cache.select(torch.tensor([0, 0, 1, 1])),
    )


def test_only_uneven_weights_of_what_still_grows_are_made_even(table):
    """By hand: ess below the least, and something alive. Equal weights are exactly as many as they are, not fewer."""
    cloud = three_prompts(table)
    before = Stages(torch.tensor([0.125, 0.25, 0.5]), torch.full((3,), 1 / 8), torch.tensor([3, 4, 5]))
    after, stages, kept = resample(cloud, before, 8.0, torch.Generator().manual_seed(0))
    share = np.array([np.exp(-2), 2 * np.exp(0.5), 0])
    ess = share.sum() ** 2 / (np.exp(-2) ** 2 + 2 * np.exp(0.5) ** 2)
    np.testing.assert_allclose(stages.log_z, [0.125 - 1000 + np.log(share.sum() / 8), 0.25, 0.5], rtol=1e-12)
    np.testing.assert_allclose(stages.inverse_ess, [1 / ess, 1 / 8, 1 / 8], rtol=1e-12)
    assert stages.resamplings.tolist() == [4, 4, 5]
    assert kept[2:].tolist() == [False, True, True, True, True] and after.count.tolist()[-4:] == [4, 4, 7, 1]
    assert after.log_weight.tolist()[-4:] == [1.0, 1.0, -700.0, -703.0]
    count = after.count[after.group == 0].tolist()
    assert sum(count) == 8 and set(after.log_weight[after.group == 0].tolist()) == {0.0}
    assert count == [8] or np.abs(count[0] - 8 * share[0] / share.sum()) < 1


def test_combs_lie_where_the_generator_says(table, monkeypatch):
    """In full precision: the same on any machine."""
    combs, cloud = [], three_prompts(table)

    def listen(weight, total, offset):
        combs.append(offset)
        return systematic_counts(weight, total, offset)

    monkeypatch.setattr(power_smc, "systematic_counts", listen)
    before = Stages(torch.zeros(3), torch.zeros(3), torch.zeros(3).long())
    resample(cloud, before, 8.0, torch.Generator().manual_seed(0))
    expected = [torch.rand((), dtype=torch.float64, generator=torch.Generator().manual_seed(0))]
    thin(cloud, 2, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    individuals(cloud, generator)
    expected += list(torch.rand(3, dtype=torch.float64, generator=generator))
    assert torch.equal(torch.stack(combs), torch.stack(expected))


def test_resampling_gives_each_prefix_its_share_on_average_from_the_generator_alone(table):
    cloud, generator = three_prompts(table), torch.Generator().manual_seed(0)
    before = Stages(torch.zeros(3), torch.zeros(3), torch.zeros(3).long())
    state, copies = torch.get_rng_state(), []
    for _ in range(100):
        after, _, kept = resample(cloud, before, 8.0, generator)
        copies.append(8 - int(after.count[kept[:3].sum() - 1]))
    share = 8 * np.exp(-2) / (np.exp(-2) + 2 * np.exp(0.5))
    assert set(copies) == {0, 1} and abs(np.mean(copies) - share) < 4 * np.sqrt(share * (1 - share) / 100)
    assert torch.equal(state, torch.get_rng_state())


def test_thinning_takes_rows_in_proportion_to_the_weights_from_the_generator_alone(table):
    cloud, generator = three_prompts(table), torch.Generator().manual_seed(0)
    state = torch.get_rng_state()
    rows = torch.stack([thin(cloud, 4, generator) for _ in range(100)])
    shares = np.array([np.exp(-2), 2 * np.exp(0.5), 0, 4, 4, 7, np.exp(-3)])
    shares /= shares[[0, 0, 0, 3, 3, 5, 5]] + shares[[1, 1, 1, 4, 4, 6, 6]]
    expected = shares * 4
    found = torch.bincount(rows.view(-1), minlength=7).numpy() / 100
    assert rows.shape == (100, 3, 4)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / 100))  # 0 or 1 more than the whole number
    assert torch.equal(state, torch.get_rng_state())
