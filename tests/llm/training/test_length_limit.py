"""T34 in the trainer: where its returns lead under a length limit, every response of a small tree listed.

TRL scores, masks and compares a batch that holds each response of the tree once; the exact natural gradient is then
taken with the returns that it found. Nothing is sampled, so that the end can be compared with theory to rounding.
"""

import itertools

import numpy as np
import pytest
import torch
from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from llm.models.loading import load
from llm.sampling.scoring import response_log_probs
from llm.training.rewards import log_prob_term, task_reward, trl_beta
from llm.training.trainer import LogProbRewardTrainer
from theory.length_limit import length_limit_optima
from theory.objectives import regime

HORIZON, LETTERS = 3, "12"
PROMPT = "1+1="


def config(tmp_path, objective, **options):
    fixed = {"output_dir": str(tmp_path), "bf16": False, "report_to": "none", "save_strategy": "no", "max_steps": 1}
    fixed |= {"dataloader_pin_memory": False, "disable_tqdm": True, "learning_rate": 0.0, "logging_steps": 1}
    weights = [objective.reward_weight, 1.0]
    return RLOOConfig(**fixed, beta=trl_beta(objective), reward_weights=weights, **options)


class Tree:
    """All that can be said in three tokens of two letters and an end, with a random log p and a reward."""

    def __init__(self, tokenizer):
        letters = tokenizer.convert_tokens_to_ids(list(LETTERS))
        stop, rng = tokenizer.eos_token_id, np.random.default_rng(3)
        bodies = [b for n in range(HORIZON) for b in itertools.product(letters, repeat=n)]
        self.rows = [[*b, stop] for b in bodies] + [list(b) for b in itertools.product(letters, repeat=HORIZON)]
        self.finished = np.array([row[-1] == stop for row in self.rows])
        choice = {body: dict(zip([*letters, stop], rng.dirichlet([4, 4, 2]), strict=True)) for body in bodies}
        self.log_p = np.array(
            [sum(np.log(choice[tuple(row[:t])][row[t]]) for t in range(len(row))) for row in self.rows]
        )
        self.reward = self.finished * rng.integers(0, 2, len(self.rows)).astype(float)


def trained(trainer, tree, monkeypatch, steps=40, step=0.5):
    """(log pi at the end, what the reward functions were last told). TRL reads log p and log pi from the tree."""
    log_pi = tree.log_p.copy()

    def of_tree(self, model, input_ids, attention_mask, logits_to_keep, *_, **__):
        whole = log_pi if model is self.model else tree.log_p
        tokens = torch.zeros(len(tree.rows), logits_to_keep, dtype=torch.float64)
        tokens[:, 0] = torch.tensor(whole)  # where a response stands between its tokens, no sum can see
        return tokens, None, None

    monkeypatch.setattr(RLOOTrainer, "_get_per_token_logps_and_entropies", of_tree)
    monkeypatch.setattr(RLOOTrainer, "_generate_single_turn", lambda *_: tree.rows)
    group = len(tree.rows)
    batch = [{"prompt": PROMPT, "answer": "2"}] * group
    trainer.model.train()
    for _ in range(steps):
        scored = trainer._generate_and_score_completions(batch)
        returns = scored["advantages"].double().numpy() * (group - 1) / group  # but for a constant
        moved = scored["completion_mask"].any(1).numpy()
        log_pi = log_pi + step * moved * (returns - np.exp(log_pi) @ returns)
        log_pi = log_pi - np.logaddexp.reduce(log_pi)
    return log_pi


@pytest.fixture
def made(tiny_model, tmp_path):
    """A trainer on the tree. truncated: whether TRL is told to leave out what did not end."""
    model, tokenizer = load(str(tiny_model))
    tree = Tree(tokenizer)

    def make(objective, of_log_p, masked):
        group = len(tree.rows)
        options = {"mask_truncated_completions": masked, "max_completion_length": HORIZON}
        options |= {"num_generations": group, "per_device_train_batch_size": group}
        trainer = LogProbRewardTrainer(
            model=model,
            reward_funcs=[lambda **_: list(tree.reward), of_log_p],
            args=config(tmp_path, objective, **options),
            train_dataset=Dataset.from_list([{"prompt": PROMPT, "answer": "2"}]),
            processing_class=tokenizer,
        )
        return trainer, tree

    return make


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("tempered", {"alpha": 2.0}), ("tilted", {"beta": 0.8}), ("tilted-tempered", {"alpha": 1.7, "beta": 0.8})],
)
def test_a_truncated_response_counts_with_the_log_p_it_has(made, monkeypatch, name, parameters):
    """T34: the end is q_{α,b} of finished responses and prefixes, and not p^α given that it finishes."""
    objective = regime(name, **parameters)
    trainer, tree = made(objective, log_prob_term(objective), masked=False)
    found = trained(trainer, tree, monkeypatch)
    optima = length_limit_optima(tree.log_p, tree.reward, tree.finished, *objective.target)
    np.testing.assert_allclose(np.exp(found), np.exp(optima.prefix), atol=1e-5)
    assert np.abs(np.exp(optima.prefix) - np.exp(optima.conditioned)).max() > 0.05


def test_left_out_it_would_lead_away_from_every_power(made, monkeypatch):
    """T34, dropped: the same returns without the refusal end with a mass below 1 on what finishes."""
    objective = regime("tempered", alpha=2.0)

    def unchecked(sequence_log_p, **_):
        return list(np.array(sequence_log_p) * (objective.reference_weight - objective.entropy_weight))

    trainer, tree = made(objective, unchecked, masked=True)
    found = trained(trainer, tree, monkeypatch, steps=150)
    optima = length_limit_optima(tree.log_p, tree.reward, tree.finished, *objective.target)
    np.testing.assert_allclose(np.exp(found), np.exp(optima.dropped), atol=1e-4)
    assert np.exp(found[~tree.finished]).sum() > np.exp(tree.log_p[~tree.finished]).sum() + 0.05


@pytest.mark.parametrize(
    ("name", "parameters"), [("sharpening", {}), ("tempered", {"alpha": 2.0}), ("tilted", {"beta": 0.8})]
)
def test_so_it_is_refused_where_the_return_holds_log_p(made, monkeypatch, name, parameters):
    objective = regime(name, **parameters)
    trainer, tree = made(objective, log_prob_term(objective), masked=True)
    with pytest.raises(ValueError, match="--mask_truncated_completions"):
        trained(trainer, tree, monkeypatch, steps=1)


@pytest.mark.parametrize("masked", [False, True])
def test_with_the_task_reward_alone_both_end_at_p_given_that_it_is_right(made, monkeypatch, masked):
    """T8: a truncated response earns 0, whether it moves the policy or not. Left out it goes away like 1/time only."""
    objective = regime("task")
    trainer, tree = made(objective, log_prob_term(objective), masked=masked)
    found = np.exp(trained(trainer, tree, monkeypatch, steps=80, step=1.0))
    right = np.exp(tree.log_p) * (tree.reward == 1)
    np.testing.assert_allclose((found * tree.reward) / (found @ tree.reward), right / right.sum(), atol=1e-6)
    assert found @ (1 - tree.reward) < (2 / 80 if masked else 1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("share_prefixes", [False, True])
def test_what_is_logged_is_the_log_p_of_truncated_responses_too(tiny_model, tmp_path, share_prefixes):
    """A response that is left out of the gradient is no response of log p 0."""
    seen = {}

    def spy(prompts, completion_ids, log_p, log_pi, finished, counted, sequence_log_p, **_):
        ids = [tokenizer(p).input_ids for p in prompts]
        own = response_log_probs(reference, ids, completion_ids, tokenizer.pad_token_id).numpy()
        np.testing.assert_allclose(log_p, own, atol=1e-3)
        np.testing.assert_allclose(log_pi, own, atol=1e-3)
        np.testing.assert_allclose(sequence_log_p, own * np.array(finished), atol=1e-3)
        assert counted == finished and not all(finished) and any(finished)
        seen["log_p"] = np.mean(own)
        return [0.0] * len(prompts)

    reference, _ = load(str(tiny_model))
    model, tokenizer = load(str(tiny_model))
    batch = {"num_generations": 8, "per_device_train_batch_size": 32}
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, spy],
        args=config(tmp_path, regime("task"), mask_truncated_completions=True, max_completion_length=16, **batch),
        train_dataset=Dataset.from_list([{"prompt": "1+1=", "answer": "2"}] * 16),
        processing_class=tokenizer,
        share_prefixes=share_prefixes,
    )
    trainer.train()
    np.testing.assert_allclose(trainer.state.log_history[0]["log_p"], seen["log_p"], atol=1e-3)
