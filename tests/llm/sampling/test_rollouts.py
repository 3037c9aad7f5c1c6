"""Sampling and scoring on a small random model: what the numbers mean, against one response at a time."""

import numpy as np
import pytest
import torch
from random_model import random_model

from llm.models.organisms import build_tokenizer
from llm.problems import BUNDLED, load_problems
from llm.prompts.form import BARE
from llm.rollout_table import from_table
from llm.sampling.rollouts import sample_rollouts
from llm.sampling.scoring import response_log_probs

TOKENIZER = build_tokenizer()


@pytest.fixture(scope="module")
def models():
    """Two random models (policy, reference) that end their responses now and then."""
    return [random_model(seed, spread=0.2).eval() for seed in (0, 1)]


@pytest.fixture(scope="module")
def rollouts(models):
    problems = load_problems(BUNDLED, "heldout")[:6]
    return sample_rollouts(
        models[0], TOKENIZER, problems, samples=8, max_new_tokens=12, seed=0, form=BARE, reference=models[1]
    )


def alone(model, prompt, response_ids):
    """Σ_t log p(y_t | x, y_<t), one token at a time and without any padding."""
    ids, total, entropy = list(prompt), 0.0, 0.0
    for token in response_ids:
        with torch.no_grad():
            log_p = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1].double(), -1)
        total += log_p[token].item()
        entropy -= (log_p.exp() * log_p).sum().item()
        ids.append(token)
    return total, entropy


def test_a_padded_batch_scores_like_one_response_at_a_time(models):
    prompts = [[3, 4, 5], [6], [7, 8, 9, 10, 2]]
    responses = [[11, 12, 13, 1], [3, 1], [4]]
    scores = response_log_probs(models[0], prompts, responses, TOKENIZER.pad_token_id, 2, with_entropy=True)
    expected = [alone(models[0], *pair) for pair in zip(prompts, responses, strict=True)]
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_log_p_is_the_reference_and_log_pi_the_sampler_with_the_end_of_sequence_counted(models, rollouts):
    assert rollouts["finished"].any() and not rollouts["finished"].all()
    for _, row in rollouts.iloc[::5].iterrows():
        response_ids = TOKENIZER(row["response"]).input_ids + [TOKENIZER.eos_token_id] * row["finished"]
        if len(response_ids) != row["length"]:
            continue  # a pad token inside a response is not written out, and cannot be read back
        prompt_ids = TOKENIZER(row["prompt"]).input_ids
        assert row["log_pi"] == pytest.approx(alone(models[0], prompt_ids, response_ids)[0], abs=1e-3)
        assert row["log_p"] == pytest.approx(alone(models[1], prompt_ids, response_ids)[0], abs=1e-3)


def test_unfinished_responses_have_the_full_length_and_no_reward(rollouts):
    cut = rollouts[~rollouts["finished"]]
    assert (cut["length"] == 12).all() and (cut["reward"] == 0).all()


def test_the_same_seed_gives_the_same_table_and_leaves_the_global_generator_alone(models, rollouts):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    problems = load_problems(BUNDLED, "heldout")[:6]
    again = sample_rollouts(models[0], TOKENIZER, problems, 8, 12, 0, form=BARE, reference=models[1])
    other = sample_rollouts(models[0], TOKENIZER, problems, 8, 12, 1, form=BARE, reference=models[1])
    assert torch.equal(before, torch.random.get_rng_state())
    assert again.equals(rollouts)
    assert (other["response"] != rollouts["response"]).mean() > 0.5


def test_the_entropies_along_the_responses_are_the_surprisal_of_the_policy(rollouts):
    """Both estimate E[-log pi]: the chain-rule sum and the surprisal itself."""
    surprisal = -rollouts["log_pi"]
    assert rollouts["entropy"].mean() == pytest.approx(surprisal.mean(), abs=4 * surprisal.std() / np.sqrt(48))


def test_a_few_rows_are_scored_twice_and_their_difference_reaches_the_forecast(models, rollouts):
    """In float32 the two numbers differ by rounding; an error put into one of them is found, a token."""
    again = rollouts["log_p_again"]
    assert 8 <= again.notna().sum() <= 12
    np.testing.assert_allclose(again.dropna(), rollouts["log_p"][again.notna()], atol=1e-3)
    assert from_table(rollouts).log_p_noise < 1e-4
    off = 0.02 * np.sqrt(2 * rollouts["length"])
    assert from_table(rollouts.assign(log_p_again=again + off)).log_p_noise == pytest.approx(0.02, rel=1e-2)
    assert from_table(rollouts.drop(columns="log_p_again")).log_p_noise == 0
