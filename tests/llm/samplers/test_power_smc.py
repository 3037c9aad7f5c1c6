"""Weighted particles: what is unbiased at any number of them, and what they converge to."""

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, STOP, Everything, ask, differs, everything, lopsided_model
from scipy.special import logsumexp
from table_model import ask as ask_table
from table_model import log_p_of

from llm.samplers.particles import begin, individuals, response_ids
from llm.samplers.power_smc import Stages, resample, sample, thin, weighted_particles
from theory.sequences import PAD


@pytest.fixture(scope="module")
def model():
    return lopsided_model()


@pytest.fixture(scope="module")
def tables(model) -> list[Everything]:
    return [everything(model, prompt) for prompt in PROMPTS]


SETTINGS = [(2.0, 0, 0.0), (2.0, 0, 1.0), (2.0, 3, 0.6), (3.0, 9, 1.0), (0.6, 0, 0.7), (0.6, 2, 1.0)]


@pytest.mark.parametrize(("alpha", "ramp", "threshold"), SETTINGS)
def test_the_normaliser_and_the_weighted_particles_are_unbiased_for_a_few_particles(
    model, tables, alpha, ramp, threshold
):
    """T16: E[Ẑ · weighted share of y] = p(y)^α, with and without resampling and tempering, and ramps past the horizon.

    2,500 runs of 4 particles side by side: within 4.5 standard errors for all 121 responses and their sum.
    """
    runs, few = 2500, 4
    request = ask(model, [PROMPTS[0]] * runs, samples=0)
    cloud, stages = weighted_particles(request, few, alpha, ramp, threshold)
    assert (stages.resamplings > 0).any() == (threshold > 0)
    rows = individuals(cloud, request.generator)
    weight = (cloud.log_weight[rows] - cloud.log_weight[rows].logsumexp(1, keepdim=True) + stages.log_z[:, None]).exp()
    place = {response: i for i, response in enumerate(tables[0].responses)}
    response = np.array([place[tuple(t for t in row if t != PAD)] for row in cloud.tokens.tolist()])
    estimates = np.zeros((runs, len(place) + 1))
    np.add.at(estimates, (np.repeat(np.arange(runs), few), response[rows.view(-1)]), weight.view(-1).numpy())
    estimates[:, -1] = stages.log_z.exp()
    exact = np.exp(alpha * np.append(tables[0].log_p, logsumexp(alpha * tables[0].log_p) / alpha))
    seen = (estimates > 0).sum(0) > 20  # a mean of fewer non-zero terms is not normal
    error = estimates.std(0, ddof=1) / np.sqrt(runs)
    assert seen.sum() > 10 and seen[-1]
    assert np.max(np.abs(estimates.mean(0) - exact)[seen] / error[seen]) < 4.5


@pytest.mark.parametrize(("alpha", "ramp", "threshold"), SETTINGS)
def test_samples_of_many_particles_follow_the_power(model, tables, alpha, ramp, threshold):
    """Each response within 4.5 standard errors of independent draws; log_pi is log p^α/Z."""
    samples = 3000
    drawn = sample(ask(model, PROMPTS, samples, seed=1), alpha, 6 * samples, ramp, threshold)
    for i, table in enumerate(tables):
        here = slice(i * samples, (i + 1) * samples)
        log_q = table.log_power(alpha)
        assert differs(table.frequencies(drawn.responses[here]), np.exp(log_q), samples) < 4.5
        expected = log_q[[table.responses.index(tuple(ids)) for ids in drawn.responses[here]]]
        np.testing.assert_allclose(drawn.log_pi[here], expected, atol=0.05)  # the error of log Ẑ
    assert drawn.diagnostics["log_z"] == pytest.approx(np.mean([logsumexp(alpha * t.log_p) for t in tables]), abs=0.05)


def test_a_prompt_by_itself_whose_finished_particles_take_all_places(model, tables):
    """Resampling then drops every unfinished one: nothing is left to draw for, and the normaliser is still unbiased."""
    alpha, few, estimates, ended_early = 1.3, 2, [], 0
    longest = max(map(len, tables[1].responses))
    for seed in range(150):
        cloud, stages = weighted_particles(ask(model, [PROMPTS[1]], samples=0, seed=seed), few, alpha, 0, 1.0)
        ended_early += cloud.tokens.shape[1] < longest
        estimates.append(float(stages.log_z.exp()))
    exact = np.exp(logsumexp(alpha * tables[1].log_p))
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert ended_early > 10 and abs(np.mean(estimates) - exact) < 4 * error


def test_low_temperature_alone_is_far_from_the_power_where_the_sampler_is_near(tables):
    """The weights matter on this model: without them the sampler's test above would fail."""
    from theory.sequences import log_low_temperature

    table = tables[0]
    unweighted = np.exp(log_low_temperature(table.tokens, table.log_p, 2.0))
    assert differs(unweighted, np.exp(table.log_power(2.0)), 3000) > 10


def test_rows_are_independent_of_each_other(model, tables):
    """Pairs of rows of one prompt coincide as often as pairs of draws do: pass@k reads the table as independent."""
    runs, alpha = 400, 1.5
    q = np.exp(tables[0].log_power(alpha))
    drawn = sample(ask(model, [PROMPTS[0]] * runs, 4, seed=4), alpha, particles=40)
    rows = np.array([tables[0].responses.index(tuple(ids)) for ids in drawn.responses]).reshape(runs, 4)
    same = np.mean([(rows[:, i] == rows[:, j]) for i in range(4) for j in range(i)], axis=0)
    # 1/particles is the chance that both stand for the same early draw.
    assert abs(same.mean() - np.sum(q**2)) < 4 * same.std() / np.sqrt(runs) + 1 / 40


def test_thinning_takes_nobody_twice_whose_share_is_small(model):
    """Weights between 1 and 2.5, ten particles for each row: every row is a particle of its own."""
    cloud = begin(model, [PROMPTS[0]] * 100, 1)
    weight = torch.linspace(0, 0.9, 100, dtype=torch.float64)
    cloud = cloud._replace(group=torch.zeros(100, dtype=torch.long), log_weight=weight)
    chosen = thin(cloud, 10, torch.Generator().manual_seed(0))
    assert chosen.shape == (1, 10) and len(set(chosen[0].tolist())) == 10


def test_prefixes_that_are_shared_go_through_the_model_once(model, tables):
    """The cost is the number of distinct unfinished prefixes, whatever the number of particles."""
    few = sample(ask(model, PROMPTS, 50), 2.0, particles=2000)
    unfinished = 1 + 3 + 9 + 27
    assert few.tokens <= sum(len(p) - 1 for p in PROMPTS) + len(PROMPTS) * unfinished
    one_each = sum(map(len, few.responses)) * 2000 // 50
    assert few.tokens < one_each / 20


def test_the_effective_sample_size_is_that_of_the_weights(model):
    """T16: 1/ess = 1/N + Σ_stages (1/ess_stage - 1/N). Without resampling it is that of the final weights; a stage of
    equal weights costs nothing, however often it is gone through."""
    request = ask(model, [PROMPTS[0]], samples=0)
    cloud, stages = weighted_particles(request, 50, 2.0, 0, 0.0)
    weight = cloud.log_weight[individuals(cloud, request.generator)[0]].exp()
    assert float(1 / stages.inverse_ess) == pytest.approx(float(weight.sum() ** 2 / (weight**2).sum()))
    even = begin(model, [PROMPTS[0]], 50)
    before = Stages(torch.zeros(1).double(), torch.full((1,), 0.02).double(), torch.zeros(1).long())
    _, after, _ = resample(even, before, 51, request.generator)
    assert after.resamplings.tolist() == [1] and float(after.inverse_ess) == pytest.approx(0.02)


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
        drawn = sample(ask_table(2, seed=seed), alpha, 3, ramp, threshold=1.0)
        assert drawn.tokens == table.read
        assert max(map(len, drawn.responses)) <= HORIZON and len(drawn.responses) == 4


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
        log_weight=torch.tensor([-2.0, 0.5, -999.0, 1.0, 1.0, -700.0, -703.0]).double(),
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
    np.testing.assert_allclose(stages.log_z, [0.125 + np.log(share.sum() / 8), 0.25, 0.5], rtol=1e-12)
    np.testing.assert_allclose(stages.inverse_ess, [1 / ess, 1 / 8, 1 / 8], rtol=1e-12)
    assert stages.resamplings.tolist() == [4, 4, 5]
    assert kept[2:].tolist() == [False, True, True, True, True] and after.count.tolist()[-4:] == [4, 4, 7, 1]
    assert after.log_weight.tolist()[-4:] == [1.0, 1.0, -700.0, -703.0]
    count = after.count[after.group == 0].tolist()
    assert sum(count) == 8 and set(after.log_weight[after.group == 0].tolist()) == {0.0}
    assert count == [8] or np.abs(count[0] - 8 * share[0] / share.sum()) < 1


def test_resampling_gives_each_prefix_its_share_on_average_from_the_generator_alone(table):
    cloud, generator = three_prompts(table), torch.Generator().manual_seed(0)
    before = Stages(torch.zeros(3), torch.zeros(3), torch.zeros(3).long())
    state, copies = torch.get_rng_state(), []
    for _ in range(300):
        after, _, kept = resample(cloud, before, 8.0, generator)
        copies.append(8 - int(after.count[kept[:3].sum() - 1]))
    share = 8 * np.exp(-2) / (np.exp(-2) + 2 * np.exp(0.5))
    assert set(copies) == {0, 1} and abs(np.mean(copies) - share) < 4 * np.sqrt(share * (1 - share) / 300)
    assert torch.equal(state, torch.get_rng_state())


def test_thinning_takes_rows_in_proportion_to_the_weights_from_the_generator_alone(table):
    cloud, generator = three_prompts(table), torch.Generator().manual_seed(0)
    state = torch.get_rng_state()
    rows = torch.stack([thin(cloud, 4, generator) for _ in range(300)])
    shares = np.array([np.exp(-2), 2 * np.exp(0.5), 0, 4, 4, 7, np.exp(-3)])
    shares /= shares[[0, 0, 0, 3, 3, 5, 5]] + shares[[1, 1, 1, 4, 4, 6, 6]]
    expected = shares * 4
    found = torch.bincount(rows.view(-1), minlength=7).numpy() / 300
    assert rows.shape == (300, 3, 4)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / 300))  # 0 or 1 more than the whole number
    assert torch.equal(state, torch.get_rng_state())
