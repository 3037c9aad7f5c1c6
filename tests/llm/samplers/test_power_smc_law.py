"""Weighted particles: what is unbiased at any number of them, and what they converge to."""

import numpy as np
import pytest
import torch
from every_response import HORIZON, PROMPTS, Everything, ask, differs, everything, lopsided_model
from scipy.special import logsumexp
from table_model import ask as ask_table
from table_model import everything as everything_of_the_table

from llm.samplers.particles import begin, individuals
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


def test_a_prompt_by_itself_whose_finished_particles_take_all_places(table):
    """Resampling then drops every unfinished one: nothing is left to draw for, and the normaliser is still unbiased."""
    alpha, few, estimates, ended_early = 1.3, 2, [], 0
    for seed in range(150):
        cloud, stages = weighted_particles(ask_table(0, [PROMPTS[0]], seed=seed), few, alpha, 0, 1.0)
        ended_early += cloud.tokens.shape[1] < HORIZON
        estimates.append(float(stages.log_z.exp()))
    exact = np.exp(logsumexp(alpha * everything_of_the_table(PROMPTS[0]).log_p))
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
