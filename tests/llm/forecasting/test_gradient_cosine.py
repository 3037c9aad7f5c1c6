"""T26 at a model: the cosines of its gradients, against the gradient of each sample by itself."""

import numpy as np
import pytest
import torch

from llm.forecasting import gradient_cosine as cosines
from llm.forecasting.gradient_cosine import Batch, gradient_cosines
from llm.models import loading
from llm.sampling.scoring import log_probs_and_entropies
from theory.budget import gain_ratio

PROMPTS, SAMPLES = 6, 4


@pytest.fixture(scope="module")
def network(tiny_model):
    """A random model and random responses, which need not be its own: everything here holds of any."""
    model, tokenizer = loading.load(str(tiny_model))
    generator = np.random.default_rng(0)
    vocabulary = range(2, len(tokenizer))
    rows = PROMPTS * SAMPLES
    prompts = [generator.choice(vocabulary, 5).tolist() for _ in range(PROMPTS)]
    responses = [generator.choice(vocabulary, generator.integers(2, 6)).tolist() for _ in range(rows)]
    batch = Batch(
        [prompts[row // SAMPLES] for row in range(rows)],
        responses,
        np.array([float(sum(ids) % 3 == 0 or len(ids) < 4) for ids in responses]),
        np.repeat(np.arange(PROMPTS), SAMPLES),
    )
    return model, tokenizer.pad_token_id, batch


@pytest.fixture(scope="module")
def each(network):
    """log p of each sample and its gradient, one at a time, in float64."""
    model, pad, batch = network
    weights = list(model.parameters())
    log_p, score = [], []
    for prompt, response in zip(batch.prompt_ids, batch.response_ids, strict=True):
        one = log_probs_and_entropies(model, [prompt], [response], pad)[0, 0]
        log_p.append(float(one.detach()))
        score.append(torch.cat([g.flatten() for g in torch.autograd.grad(one, weights)]).double().numpy())
    return np.array(log_p).reshape(PROMPTS, SAMPLES), np.array(score).reshape(PROMPTS, SAMPLES, -1)


def covariance(f, g):
    """Of the samples of each prompt."""
    centred = f - f.mean(axis=1, keepdims=True)
    return np.einsum("xy,xy...->x...", centred, g) / (SAMPLES - 1)


def between(a, s):
    """Sum of products of different prompts."""
    return a.sum(0) @ s.sum(0) - np.sum(a * s)


def test_the_cosines_are_those_of_the_gradients_of_single_samples(network, each, monkeypatch):
    """T26: six blocks of one prompt; the metric is the sum of squared scores, to the noise of its random signs."""
    model, pad, batch = network
    log_p, score = each
    reward = batch.reward.reshape(PROMPTS, SAMPLES)
    a, s = covariance(reward, score), covariance(log_p, score)
    monkeypatch.setattr(cosines, "DRAWS", 60)
    found = gradient_cosines(model, batch, pad, blocks=PROMPTS)
    np.testing.assert_allclose(found.plain.value, between(a, s) / np.sqrt(between(a, a) * between(s, s)), rtol=1e-3)
    moments = [covariance(f, g).mean() for f, g in ((reward, log_p), (log_p, log_p), (reward, reward))]
    np.testing.assert_allclose(found.table, gain_ratio(*moments), rtol=1e-4)

    centred = score - score.mean(axis=1, keepdims=True)
    fisher = np.sum(centred**2, axis=1).mean(axis=0) / (SAMPLES - 1)
    metric = np.sqrt(fisher + cosines.DAMPING * fisher.mean())
    a, s = a / metric, s / metric
    natural = between(a, s) / np.sqrt(between(a, a) * between(s, s))
    np.testing.assert_allclose(found.natural.value, natural, atol=0.02)
    assert abs(found.natural.value - found.plain.value) > 0.05  # so that the tolerance tells them apart


def test_rewards_that_are_log_p_have_a_cosine_of_one_and_their_negative_minus_one(network, each):
    """T26: the two gradients are then one and the same."""
    model, pad, batch = network
    for sign in (1.0, -1.0):
        found = gradient_cosines(model, batch._replace(reward=sign * each[0].ravel()), pad, blocks=3)
        np.testing.assert_allclose([found.plain.value, found.natural.value, found.table], sign, atol=1e-3)


def test_the_model_is_left_as_it_was_and_too_few_prompts_are_refused(network):
    model, pad, batch = network
    before = [weight.clone() for weight in model.parameters()]
    gradient_cosines(model, batch, pad, blocks=3)
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(ValueError, match="needs 3 prompts"):
        gradient_cosines(model, batch._replace(prompt=np.arange(PROMPTS * SAMPLES) % 23), pad)
