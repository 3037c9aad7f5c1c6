"""Logits in float32 of a model that computes in bfloat16: what is left is the rounding of the layers below."""

import copy

import pytest
import torch
from random_model import random_model

from llm.models.head import check_head_dtype, float32_head
from llm.models.loading import load

IDS = torch.randint(2, 20, (6, 12), generator=torch.Generator().manual_seed(0))


def hidden_and_head(model):
    hidden = model.base_model(IDS).last_hidden_state
    return hidden, model.get_output_embeddings().weight


@torch.no_grad()
@pytest.mark.parametrize("autocast", [False, True])
def test_logits_are_those_of_float32_arithmetic_on_the_same_hidden_states(autocast):
    """Weights in bfloat16, or in float32 under autocast; the rounded logits are others."""
    model = random_model(spread=1.0).eval()
    if not autocast:
        model = model.to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        hidden, weight = hidden_and_head(model)
        rounded = model(IDS).logits
        float32_head(model)
        found = model(IDS).logits
    exact = hidden.double() @ weight.double().T
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)
    assert (rounded.double() - exact).abs().max() > 1e-2


@torch.no_grad()
def test_float32_stays_as_it_is_and_a_copy_has_a_head_of_its_own():
    model = random_model().eval()
    before = model(IDS).logits
    float32_head(model)
    assert torch.equal(model(IDS).logits, before)
    other = copy.deepcopy(model)
    other.get_output_embeddings().weight.zero_()
    assert not other(IDS).logits.any() and torch.equal(model(IDS).logits, before)


@torch.no_grad()
def test_the_trainer_scores_with_it(tiny_model, tmp_path):
    """TRL multiplies by the head itself: its log p under autocast, against the same hidden states."""
    from datasets import Dataset
    from trl import RLOOConfig

    from llm.training.trainer import LogProbRewardTrainer

    args = RLOOConfig(
        output_dir=str(tmp_path), bf16=True, use_cpu=True, beta=1.0, report_to="none",
        num_generations=2, per_device_train_batch_size=2, max_completion_length=4, disable_tqdm=True,
    )  # fmt: skip
    errors = {}
    for dtype in ("float32", "model"):
        model, tokenizer = load(str(tiny_model), dtype)
        trainer = LogProbRewardTrainer(
            model=model,
            reward_funcs=[lambda completions, **_: [0.0] * len(completions)],
            args=args,
            train_dataset=Dataset.from_list([{"prompt": "1+1="}] * 4),
            processing_class=tokenizer,
            head_dtype=dtype,
        )
        mask = torch.ones_like(IDS)
        for scorer in (trainer.model, trainer.ref_model):
            found = trainer._get_per_token_logps_and_entropies(scorer.eval(), IDS, mask, 8)[0]
            with trainer.accelerator.autocast():
                hidden, weight = hidden_and_head(scorer)
            exact = torch.log_softmax(hidden.double() @ weight.double().T, -1)[:, -9:-1].gather(-1, IDS[:, -8:, None])
            errors.setdefault(dtype, []).append(float((found.double() - exact[..., 0]).abs().max()))
    assert max(errors["float32"]) < 1e-4 < min(errors["model"])


def test_another_word_is_refused():
    with pytest.raises(ValueError, match=r"--head-dtype must be one of float32, model, got fp32"):
        check_head_dtype("fp32")
