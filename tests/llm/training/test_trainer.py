"""The subclass of TRL's trainer: its log-probabilities, its returns, and that it changes nothing else."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from llm.models.loading import load
from llm.problems import BUNDLED, load_problems
from llm.sampling.scoring import response_log_probs
from llm.training.rewards import log_prob_term, task_reward, trl_beta
from llm.training.trainer import LogProbRewardTrainer
from theory.objectives import regime

PROBLEMS = load_problems(BUNDLED)[:16]


def dataset():
    return Dataset.from_list([{"prompt": p.text, "answer": p.answer} for p in PROBLEMS])


def config(tmp_path, beta, **options):
    defaults = {
        "output_dir": str(tmp_path),
        "beta": beta,
        "per_device_train_batch_size": 32,
        "num_generations": 8,
        "max_completion_length": 8,
        "max_steps": 2,
        "learning_rate": 1e-3,
        "report_to": "none",
        "save_strategy": "no",
        "bf16": False,
        "disable_tqdm": True,
        "seed": 0,
        "dataloader_pin_memory": False,
    }
    return RLOOConfig(**{**defaults, **options})


def short_answer(completions, **_):
    """A reward that a random model does not always miss."""
    return [float(len(completion) < 6) for completion in completions]


def trained(trainer):
    trainer.train()
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_tilted_regime_is_plain_rloo_with_a_kl_term(tiny_model, tmp_path):
    """T1 with c = tau: nothing is added, so the weights after two steps are TRL's own, bit for bit."""
    objective = regime("tilted", beta=0.2)
    weights = []
    for trainer_class, functions in (
        (LogProbRewardTrainer, [short_answer, log_prob_term(objective)]),
        (RLOOTrainer, [short_answer]),
    ):
        model, tokenizer = load(str(tiny_model))
        trainer = trainer_class(
            model=model,
            reward_funcs=functions,
            args=config(tmp_path, trl_beta(objective)),
            train_dataset=dataset(),
            processing_class=tokenizer,
        )
        weights.append(trained(trainer))
    assert torch.equal(*weights)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("share_prefixes", [False, True])
def test_rewards_see_the_log_probabilities_of_reference_and_policy(tiny_model, tmp_path, share_prefixes):
    """At the second step the policy has moved: log_p must be the saved model's, log_pi the moving one's."""
    seen = []

    def spy(prompts, completion_ids, log_p, log_pi, length, finished, **_):
        model.eval()
        prompt_ids = [tokenizer(p).input_ids for p in prompts]
        current = response_log_probs(model, prompt_ids, completion_ids, tokenizer.pad_token_id)
        start = response_log_probs(reference, prompt_ids, completion_ids, tokenizer.pad_token_id)
        model.train()
        np.testing.assert_allclose(log_p, start, atol=1e-3)
        np.testing.assert_allclose(log_pi, current, atol=1e-3)
        assert length == [len(ids) for ids in completion_ids]
        assert finished == [ids[-1] == tokenizer.eos_token_id for ids in completion_ids]
        seen.append(float(np.abs(np.subtract(log_p, log_pi)).max()))
        return [float(i % 3) for i in range(len(prompts))]

    reference, _ = load(str(tiny_model))
    model, tokenizer = load(str(tiny_model))
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[spy],
        args=config(tmp_path, 0.5),
        train_dataset=dataset(),
        processing_class=tokenizer,
        share_prefixes=share_prefixes,
    )
    trainer.train()
    first, second = seen
    assert first < 1e-3 < second


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_shared_prefixes_give_the_same_step(tiny_model, tmp_path):
    """On the same responses, the loss and its gradient are those of TRL's own forward pass."""
    batch, gradients = {}, []
    for share_prefixes in (False, True):
        model, tokenizer = load(str(tiny_model))
        trainer = LogProbRewardTrainer(
            model=model,
            reward_funcs=[short_answer, log_prob_term(regime("tilted", beta=0.2))],
            args=config(tmp_path, 0.2),
            train_dataset=dataset(),
            processing_class=tokenizer,
            share_prefixes=share_prefixes,
        )
        model.train()
        batch = batch or trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
        trainer.current_gradient_accumulation_steps = 1
        loss = trainer._compute_loss(model, batch)
        loss.backward()
        gradients.append(torch.cat([loss.detach()[None], *(p.grad.flatten() for p in model.parameters())]))
    assert gradients[0].norm() > 1e-3
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("name", "parameters", "kappa"),
    [
        ("task", {}, 0.0),
        ("sharpening", {}, 0.0),
        ("sharpening", {}, 1.0),
        ("tempered", {"alpha": 3.0}, 0.5),
        ("tilted-tempered", {"alpha": 3.0, "beta": 0.2}, 0.0),
    ],
)
def test_the_advantage_in_the_trainer_is_the_leave_one_out_return(tiny_model, tmp_path, name, parameters, kappa):
    """T15: A_i = G/(G-1) (R_i - mean R), with R computed here from the table of PAPER.md's reward."""
    objective = regime(name, **parameters)
    columns = {}

    def record(log_p, log_pi, length, completions, **_):
        columns.update(l=np.array(log_p), log_pi=np.array(log_pi), length=np.array(length))
        columns["r"] = np.array(short_answer(completions))
        return [0.0] * len(log_p)

    model, tokenizer = load(str(tiny_model))
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[short_answer, log_prob_term(objective, kappa), record],
        args=config(
            tmp_path, trl_beta(objective), reward_weights=[objective.reward_weight, 1.0, 0.0], learning_rate=1e-2
        ),
        train_dataset=dataset(),
        processing_class=tokenizer,
    )
    trainer.train()
    l, log_pi, length, r = (columns[key] for key in ("l", "log_pi", "length", "r"))
    normalised = l / length**kappa
    expected = {
        "task": r,
        "sharpening": normalised,
        "tempered": 2.0 * normalised + l - log_pi,
        "tilted-tempered": r + 0.2 * (2.0 * normalised + l - log_pi),
    }[name].reshape(-1, 8)
    expected = 8 / 7 * (expected - expected.mean(1, keepdims=True))
    assert np.abs(l - log_pi).max() > 1e-2, "the policy must have moved for this test to see log pi"
    np.testing.assert_allclose(list(trainer._logs["advantages"]), expected.ravel(), atol=2e-4)


def test_options_that_would_change_the_objective_are_refused(tiny_model, tmp_path):
    model, tokenizer = load(str(tiny_model))
    for options, said in (({"beta": 0.0}, "beta"), ({"beta": 0.1, "reward_clip_range": (-1, 1)}, "reward-clip-range")):
        with pytest.raises(ValueError, match=said):
            LogProbRewardTrainer(
                model=model,
                reward_funcs=[task_reward],
                args=config(tmp_path, **options),
                train_dataset=dataset(),
                processing_class=tokenizer,
            )
