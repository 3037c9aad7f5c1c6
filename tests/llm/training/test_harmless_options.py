"""Options that the lists call harmless leave the sampler, the returns and the advantages what the objective says."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from llm.models.loading import load
from llm.problems import BUNDLED, load_problems
from llm.sampling.scoring import response_log_probs
from llm.training.config import TrainConfig
from llm.training.option_lists import HARMLESS
from llm.training.rewards import log_prob_term
from llm.training.trainer import LogProbRewardTrainer
from llm.training.trl_options import rloo_config

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
PROBLEMS = load_problems(BUNDLED)[:16]
CONFIG = TrainConfig(regime="tilted-tempered", alpha=3.0, beta=0.2, steps=2)
PRESETS = {"per_device_train_batch_size": 16, "max_completion_length": 8, "learning_rate": 1e-2, "save_strategy": "no"}
TRIED = [
    "",
    "--num_generations 4",
    "--per_device_train_batch_size 32",
    "--gradient_accumulation_steps 2",
    "--gradient_accumulation_steps 4 --steps_per_generation 1",
    "--generation_batch_size 32",
    "--num_iterations 2",
    "--epsilon 0.1 --epsilon_high 0.3",
    "--shuffle_dataset false",
    "--learning_rate 1e-3 --lr_scheduler_type cosine --warmup_steps 1 --max_grad_norm 0.1",
    '--lr_scheduler_type polynomial --lr_scheduler_kwargs {"power":2.0}',
    "--adam_beta1 0.5 --adam_beta2 0.9 --adam_epsilon 1e-6 --weight_decay 0.01",
    "--optim sgd --optim_args momentum=0.5",
    "--use_cpu true --pad_to_multiple_of 16 --use_cache true --torch_empty_cache_steps 1",
    "--activation_checkpointing true",
    "--cache_implementation static",
    "--dataloader_num_workers 1 --dataloader_prefetch_factor 2 --dataloader_persistent_workers true",
    "--dataloader_drop_last true --average_tokens_across_devices false --local_rank -1",
    "--log_completions true --num_completions_to_print 1 --logging_first_step true --skip_memory_metrics false",
    "--do_train true --do_predict true --prediction_loss_only true --label_names answer --batch_eval_metrics true",
    '--model_init_kwargs {"dtype":"float32"}',
    "--bf16 true --use_cpu true",
]


class Watched(LogProbRewardTrainer):
    """Keeps the advantages of every batch of responses."""

    kept: list[torch.Tensor]

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        self.kept.append(batch["advantages"])
        return batch


def advantages(args, tiny_model) -> list[tuple[np.ndarray, np.ndarray]]:
    """(TRL's, those of the objective from log-probabilities computed here) for each batch of a short run."""
    expected = []

    def short(completions, **_):
        return [float(len(completion) < 6) for completion in completions]

    def spy(prompts, completions, completion_ids, **_):
        model.eval()
        prompt_ids = [tokenizer(prompt).input_ids for prompt in prompts]
        score = (prompt_ids, completion_ids, tokenizer.pad_token_id)
        log_pi, log_p = (response_log_probs(policy, *score) for policy in (model, reference))
        model.train()
        # alpha = 3, beta = .2: E[r] + 3 beta E[log p] + beta H(pi), sample by sample
        returns = np.array(short(completions)) + 3 * 0.2 * np.array(log_p) - 0.2 * np.array(log_pi)
        group = returns.reshape(-1, args.num_generations)
        size = args.num_generations
        expected.append((size / (size - 1) * (group - group.mean(axis=1, keepdims=True))).ravel())
        return [0.0] * len(prompts)

    reference, _ = load(str(tiny_model))
    model, tokenizer = load(str(tiny_model))
    args.reward_weights = [*args.reward_weights, 0.0]
    trainer = Watched(
        model=model,
        reward_funcs=[short, log_prob_term(CONFIG.objective), spy],
        args=args,
        train_dataset=Dataset.from_list([{"prompt": p.text, "answer": p.answer} for p in PROBLEMS]),
        processing_class=tokenizer,
    )
    trainer.kept = []
    trainer.train()
    assert len(trainer.kept) == len(expected) > 0
    return [(kept.numpy(), own) for kept, own in zip(trainer.kept, expected, strict=True)]


@pytest.mark.parametrize("options", TRIED)
def test_a_harmless_option_leaves_the_advantages_what_the_objective_says(options, tiny_model, tmp_path):
    """A_i = G/(G-1) (R_i - mean R) with R = r + alpha beta log p - beta log pi [T1, T15], before and after a step."""
    args = rloo_config(CONFIG, tmp_path, PRESETS, options.split())
    bfloat16 = "bf16" in options
    for found, own in advantages(args, tiny_model):
        assert np.abs(own).max() > 0.1
        np.testing.assert_allclose(found, own, atol=0.1 if bfloat16 else 1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("normalize_advantages", True),
        ("reward_weights", [5.0, 1.0]),
        ("temperature", 0.7),
        ("beta", 1.0),
    ],
)
def test_a_refused_option_would_change_the_advantages(name, value, tiny_model, tmp_path):
    """Set behind the lists' back. The check above can fail."""
    args = rloo_config(CONFIG, tmp_path, PRESETS, [])
    setattr(args, name, value)
    assert any(np.abs(found - own).max() > 0.1 for found, own in advantages(args, tiny_model))


def test_truncated_responses_that_are_left_out_end_a_sharpening_run_in_its_first_step(tiny_model, tmp_path):
    """Set behind the lists' back as well: their return of 0 would stand among returns that hold log p."""
    args = rloo_config(CONFIG, tmp_path, PRESETS, [])
    args.mask_truncated_completions = True
    with pytest.raises(ValueError, match="--mask_truncated_completions"):
        advantages(args, tiny_model)


def test_a_reference_that_moves_would_change_the_advantages(tiny_model, tmp_path):
    args = rloo_config(CONFIG, tmp_path, PRESETS, [])
    args.sync_ref_model, args.ref_model_sync_steps, args.ref_model_mixup_alpha = True, 1, 1.0
    (found, own), (found_later, own_later) = advantages(args, tiny_model)
    np.testing.assert_allclose(found, own, atol=1e-3)
    assert np.abs(found_later - own_later).max() > 0.1


def test_a_model_with_dropout_is_trained_without_it(tiny_model, tmp_path):
    """Llama keeps the probability in its layers, where TRL's disable_dropout does not look."""
    import json
    import shutil

    folder = tmp_path / "dropping"
    shutil.copytree(tiny_model, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "attention_dropout": 0.5}))
    args = rloo_config(CONFIG, tmp_path, PRESETS, [])
    for found, own in advantages(args, folder):
        np.testing.assert_allclose(found, own, atol=1e-3)


def test_what_is_tried_here_is_called_harmless():
    harmless = {name for names in HARMLESS.values() for name in names}
    tried = {part.removeprefix("--") for options in TRIED for part in options.split() if part.startswith("--")}
    assert tried - harmless == {"optim", "optim_args", "cache_implementation", "model_init_kwargs"}
