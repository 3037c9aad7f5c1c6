"""Length-controlled sharpening: the terms, their optima, and responses that go on past their end."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax
from trl import RLOOConfig

from llm.models.loading import load
from llm.problems import BUNDLED, load_problems
from llm.rollout_table import from_table
from llm.sampling.scoring import response_log_probs
from llm.training.config import TrainConfig
from llm.training.length_returns import balance_return, content_return
from llm.training.rewards import length_controlled_term, log_prob_term, task_reward, trl_beta
from llm.training.setup import check_groups_are_whole
from llm.training.trainer import LogProbRewardTrainer
from tests.theory.estimation.test_distance import rollouts
from theory.content import content_power
from theory.distribution import kl
from theory.estimation.distance import distance_to_optimum
from theory.estimation.length_term import fit_length_term
from theory.estimation.reweight import Target, exact, reweight
from theory.objectives import regime
from theory.trainers import balance_rate, trajectory_balance_optimum, trajectory_balance_rate

LENGTH = np.array([1.0, 2, 2, 5, 5, 5])
LOGITS = arrays(float, 6, elements=st.floats(-4, 4))
ALPHA = st.floats(0.5, 4)


@given(LOGITS, ALPHA)
def test_the_balance_rate_is_the_root_that_theory_finds(logits, alpha):
    """T20: Σ p^alpha e^{-λ|y|} = 1."""
    log_p = log_softmax(logits)
    found = balance_rate((alpha - 1) * log_p, LENGTH, log_p)
    np.testing.assert_allclose(found, trajectory_balance_rate(log_p, LENGTH, alpha), atol=1e-9)


@given(LOGITS, LOGITS, ALPHA)
def test_the_balance_return_is_the_gradient_of_the_squared_balance(logits, policy, alpha):
    """T20: minus the derivative of ½((log π - alpha l + λ|y|)/|y|)² by log π at the best λ, by central differences."""
    log_p, log_pi, step = log_softmax(logits), log_softmax(policy), 1e-5
    rate = np.mean((alpha * log_p - log_pi) / LENGTH)

    def loss(moved):
        return 0.5 * ((moved - alpha * log_p + rate * LENGTH) / LENGTH) ** 2

    slope = (loss(log_pi + step) - loss(log_pi - step)) / (2 * step)
    np.testing.assert_allclose(balance_return(["x"] * 6, log_p, log_pi, LENGTH, alpha), -slope, atol=1e-6)


def as_columns(log_p, log_pi, length=LENGTH):
    return {
        "prompts": ["x"] * len(log_p),
        "sequence_log_p": list(log_p),
        "sequence_log_pi": list(log_pi),
        "sequence_length": list(length),
    }


def equally_long(index_by_prompt):
    """Rollouts of test_optimum's six responses with the lengths of this file."""
    table = rollouts(index_by_prompt)
    return table.assign(length=LENGTH[table["response"].map("abcdef".index)])


OPTIMA = {"trajectory-balance": trajectory_balance_optimum, "content": content_power}


@given(LOGITS)
def test_at_its_optimum_the_balanced_return_is_constant(logits):
    """T20: no response is better than another where training ends."""
    objective, log_p = regime("tempered", alpha=2.0), log_softmax(logits)
    log_pi = trajectory_balance_optimum(log_p, LENGTH, 2.0)
    term = length_controlled_term(objective, "trajectory-balance")(**as_columns(log_p, log_pi))
    total = np.array(term) - trl_beta(objective) * (log_pi - log_p)
    np.testing.assert_allclose(total, total[0], atol=1e-7)


@given(LOGITS, st.floats(-2, 2), ALPHA)
def test_content_alone_pulls_on_length_only_to_take_back_a_drift(logits, drift, alpha):
    """T18: its mean over equally long responses is 0 where π(L) = p(L), and log p(L)/π(L) where all L have drifted."""
    log_p = log_softmax(logits)
    log_pi = log_softmax(log_p + drift * (LENGTH == 5))
    per_type = 40  # draws of two prompts, those of a type equally many, so that sums over π are plain means
    rows = [np.repeat(x, per_type) for x in (log_p, log_pi, LENGTH)]
    returns = content_return(["x", "y"] * (3 * per_type), *rows, alpha)
    for length in (1, 2, 5):
        own = rows[2] == length
        lost = (log_p - log_pi)[length == LENGTH][0]  # within a length p/π is the same for all
        for prompt in ("x", "y"):
            here = own & (np.array(["x", "y"] * (3 * per_type)) == prompt)
            assert returns[here].mean() == pytest.approx(lost, abs=1e-9)


def test_a_response_without_an_equal_in_length_says_nothing():
    log_p, log_pi, length = np.array([[-1.0, -2.0], [-3.0, -1.0], [4.0, 9.0]])
    assert (content_return(["x"] * 2, log_p, log_pi, length, 2.0) == 0).all()


def test_content_alone_ends_at_theory_s_optimum():
    """T18: the replicator flow on returns of sampled groups to p(L) p(y given L)^alpha/Z_L."""
    generator, objective = np.random.default_rng(0), regime("tempered", alpha=2.0)
    term = length_controlled_term(objective, "content")
    log_p = log_softmax([0.3, 1.0, -0.5, 0.8, 0.0, -1.0])
    log_pi = log_softmax(log_p + np.array([0, 0, 0, 2, 0, 1]))  # begun elsewhere: lengths and content have to find back
    for _ in range(300):
        drawn = generator.choice(6, 2000, p=np.exp(log_pi))
        columns = as_columns(log_p[drawn], log_pi[drawn], LENGTH[drawn])
        columns["prompts"] = list(np.arange(2000) // 8)  # groups of eight are compared among themselves
        returns = np.array(term(**columns)) - trl_beta(objective) * (log_pi - log_p)[drawn]  # TRL's own part
        mean = np.bincount(drawn, returns, 6) / np.maximum(np.bincount(drawn, minlength=6), 1)
        log_pi = log_softmax(log_pi + 0.05 * mean)
    np.testing.assert_allclose(np.exp(log_pi), np.exp(content_power(log_p, LENGTH, 2.0)), atol=0.01)


@pytest.mark.parametrize("control", OPTIMA)
def test_the_forecast_from_samples_agrees_with_the_sum_over_all_responses(control):
    """T18, T20, T23: 300 prompts of 200 samples against the sums over theory's optimum."""
    table = equally_long([np.arange(6)])
    log_p, length = (table[name].to_numpy(float) for name in ("log_p", "length"))
    q = np.exp(OPTIMA[control](log_p, length, 2.0))
    target = Target(2.0, 0.0, 0.0, control)
    drawn = np.random.default_rng(0).choice(6, (300, 200), p=np.exp(log_p))
    sampled = reweight(from_table(equally_long(drawn)), target).value
    summed = exact(from_table(table), target).value
    for name, column in (("accuracy", "reward"), ("length", "length")):
        truth = q @ table[column].to_numpy(float)
        np.testing.assert_allclose(summed[name], truth, atol=1e-9)
        error = sampled[name].std(ddof=1) / np.sqrt(300)
        assert abs(sampled[name].mean() - truth) < 4 * error + 1e-3, name


def test_a_length_that_no_base_sample_has_keeps_its_mass():
    """T18: what is known of it is one response, which is then all of p(L)."""
    fitted = fit_length_term("content", np.array([1.0, 2.0]), np.array([4.0, 9.0]), np.zeros(2))
    np.testing.assert_allclose(fitted(np.array([1.5, 7.0, 7.0]), np.array([4.0, 6.0, 99.0])), [0.5, 0.0, 0.0])


def test_a_run_at_the_optimum_of_content_alone_is_at_no_distance():
    """T1, T18: where base samples have every length; p itself is at KL(p || q)."""
    table = equally_long([np.arange(6)])
    log_p, length = (table[name].to_numpy(float) for name in ("log_p", "length"))
    log_q = content_power(log_p, length, 2.0)
    generator = np.random.default_rng(0)
    base = equally_long(generator.choice(6, (100, 400), p=np.exp(log_p)))
    drawn = generator.choice(6, (100, 400), p=np.exp(log_q))
    run = equally_long(drawn).assign(log_pi=log_q[drawn.ravel()])
    target = Target(2.0, 0.0, 0.0, "content")
    distance, error = distance_to_optimum(from_table(base), from_table(run), target)
    assert abs(distance) < 4 * error
    distance, error = distance_to_optimum(from_table(base), from_table(base.assign(log_pi=base["log_p"])), target)
    assert abs(distance - kl(log_p, log_q)) < 4 * error and kl(log_p, log_q) > 10 * error


def test_training_with_ignored_eos_scores_on_and_grades_the_response_alone(tiny_model, tmp_path):
    """All go on to the limit; length, log p and the text that is graded end at the first end-of-sequence token."""
    seen = []

    def spy(prompts, completions, completion_ids, log_p, length, finished, sequence_log_p, sequence_length, **_):
        prompt_ids = [tokenizer(p).input_ids for p in prompts]
        ends = [(ids.index(stop) + 1 if stop in ids else len(ids)) for ids in completion_ids]
        cut = [ids[:end] for ids, end in zip(completion_ids, ends, strict=True)]
        assert set(sequence_length) == {8} == {len(ids) for ids in completion_ids}
        assert (length, finished) == (ends, [stop in ids for ids in completion_ids])
        for values, ids in ((log_p, cut), (sequence_log_p, completion_ids)):
            expected = response_log_probs(reference, prompt_ids, ids, tokenizer.pad_token_id)
            np.testing.assert_allclose(values, expected, atol=1e-3)
        assert completions == [tokenizer.decode(ids, skip_special_tokens=True) for ids in cut]
        seen.extend(finished)
        return [0.0] * len(prompts)

    model, tokenizer = load(str(tiny_model))
    stop = tokenizer.eos_token_id
    with torch.no_grad():
        model.lm_head.weight[stop] *= 3  # so that some end early
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    reference, _ = load(str(tmp_path / "model"))
    model, tokenizer = load(str(tmp_path / "model"))
    problems = load_problems(BUNDLED)[:16]
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, log_prob_term(regime("tempered", alpha=2.0)), spy],
        args=RLOOConfig(
            output_dir=str(tmp_path),
            beta=1.0,
            per_device_train_batch_size=64,
            num_generations=8,
            max_completion_length=8,
            max_steps=1,
            report_to="none",
            save_strategy="no",
            bf16=False,
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_list([{"prompt": p.text, "answer": p.answer} for p in problems]),
        processing_class=tokenizer,
        ignore_eos=True,
    )
    before = model.generation_config.eos_token_id
    trainer.train()
    assert 0 < sum(seen) < len(seen)
    assert model.generation_config.eos_token_id == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length_control": "no"}, "--length-control must be one of none"),
        ({"length_control": "ignore-eos"}, "belongs to --regime tempered"),
        ({"length_control": "ignore-eos", "regime": "tempered", "alpha": 2.0, "kappa": 1.0}, "with --kappa 0"),
    ],
)
def test_controls_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        TrainConfig(**options)


def test_a_prompt_whose_responses_are_spread_over_processes_is_refused():
    """Processes of four responses, groups of eight: TRL accepts that, and some returns would be 0 for no reason."""
    config = TrainConfig(regime="tempered", alpha=2.0, length_control="content")
    whole = SimpleNamespace(per_device_train_batch_size=8, steps_per_generation=2, num_generations=8)
    check_groups_are_whole(config, whole)
    with pytest.raises(ValueError, match=r"content needs all responses to a prompt in one process: .* \(4\) must be"):
        check_groups_are_whole(config, SimpleNamespace(**vars(whole) | {"per_device_train_batch_size": 2}))


def test_content_compares_a_response_with_the_others_as_long():
    """T18: u less the mean of the others of the same prompt and length, not of all of them; pi = p leaves no drift."""
    log_p = np.array([-1.0, -2.0, -4.0, -3.0, -6.0])
    length = np.array([3.0, 3, 3, 9, 9])
    u = 2.0 * log_p - log_p
    others = [np.mean(np.delete(u[length == L], i)) for L in (3, 9) for i in range(np.sum(length == L))]
    returns = content_return(["x"] * 5, log_p, log_p, length, 2.0)
    np.testing.assert_allclose(returns, u - others)
