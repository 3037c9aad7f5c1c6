"""Adapters: in which precision what stands, that the reference is the base model, and what is saved."""

import shutil

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from trl import RLOOConfig

from llm.models.loading import load
from llm.training.lora import adapter_config, check_no_adapter, save_merged, weights_dtype
from llm.training.rewards import log_prob_term, task_reward, trl_beta
from llm.training.trainer import LogProbRewardTrainer
from theory.objectives import regime

OBJECTIVE = regime("tilted-tempered", alpha=2.0, beta=0.2)


def trained(folder, tmp_path, rank, steps=3, dtype=torch.float32, **options):
    model, tokenizer = load(str(folder), dtype=dtype)
    fixed = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_steps": 1, "use_cpu": True}
    fixed |= {"num_generations": 8, "per_device_train_batch_size": 16, "max_completion_length": 8, "max_steps": steps}
    trainer = LogProbRewardTrainer(
        model=model,
        reward_funcs=[task_reward, log_prob_term(OBJECTIVE)],
        args=RLOOConfig(output_dir=str(tmp_path), beta=trl_beta(OBJECTIVE), **fixed, **options),
        train_dataset=Dataset.from_list([{"prompt": f"{n}+1=", "answer": str(n + 1)} for n in range(8)]),
        processing_class=tokenizer,
        peft_config=adapter_config(rank),
    )
    trainer.train()
    return trainer


def weights_of(trainer):
    return {name: value.detach().clone() for name, value in trainer.model.named_parameters()}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rank", [0, 2])
def test_at_learning_rate_0_nothing_moves_and_every_distance_stays_0(tiny_model, tmp_path, rank):
    """With an adapter as well: its second factor begins at 0, so that the policy begins at the reference."""
    trainer = trained(tiny_model, tmp_path, rank, bf16=False, learning_rate=0.0)
    rows = [row for row in trainer.state.log_history if "log_p" in row]
    assert len(rows) == 3 and all(row["grad_norm"] > 0.01 for row in rows), "something would move it"
    for row in rows:
        assert abs(row["sequence_kl"]) < 1e-5 and abs(row["kl"]) < 1e-6
        assert row["sequence_entropy"] == pytest.approx(-row["log_p"], abs=1e-5)
        assert row["clip_ratio/region_mean"] == 0
    start = load_file(tiny_model / "model.safetensors")
    for name, value in weights_of(trainer).items():
        own = name.removeprefix("base_model.model.").replace(".base_layer", "")
        assert "lora" in name or torch.equal(value, start[own]), name


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_under_adapters_are_in_bfloat16_and_the_merged_model_is_not(tiny_model, tmp_path):
    """Only float32 keeps what the adapter adds to a weight; it is that of the run, to the last bit of float32."""
    trainer = trained(
        tiny_model, tmp_path, 2, steps=1, dtype=weights_dtype(2, True, False), bf16=True, learning_rate=1e-3
    )
    weights = weights_of(trainer)
    assert {value.dtype for name, value in weights.items() if "lora" not in name} == {torch.bfloat16}
    assert {value.dtype for name, value in weights.items() if "lora" in name} == {torch.float32}
    layer = "model.layers.0.mlp.down_proj"
    frozen = weights[f"base_model.model.{layer}.base_layer.weight"]
    start = load_file(tiny_model / "model.safetensors")[f"{layer}.weight"]
    assert torch.equal(frozen, start.bfloat16())
    down, up = (weights[f"base_model.model.{layer}.lora_{which}.default.weight"] for which in "AB")
    added = 2.0 * up @ down  # lora_alpha is twice the rank
    assert added.abs().max() > 0
    save_merged(trainer, tmp_path / "merged")
    saved = load_file(tmp_path / "merged" / "model.safetensors")[f"{layer}.weight"]
    assert saved.dtype == torch.float32
    np.testing.assert_allclose(saved - frozen.float(), added, atol=1e-7)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tied", [True, False])
def test_files_written_one_by_one_hold_the_model_that_was_trained(tiny_model, tmp_path, monkeypatch, tied):
    """Every weight is in exactly one of several files, and plain Transformers reads them as the adapted model."""
    folder = tmp_path / "model"
    model, tokenizer = load(str(tiny_model))
    model.config.tie_word_embeddings = tied
    if not tied:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() + 0.1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    trainer = trained(folder, tmp_path, 2, steps=1, bf16=False, learning_rate=1e-2)
    monkeypatch.setattr("llm.training.lora.FILE_SIZE", "20KB")
    save_merged(trainer, tmp_path / "merged")
    files = sorted((tmp_path / "merged").glob("*.safetensors"))
    names = [name for file in files for name in load_file(file)]
    assert len(files) > 2 and len(names) == len(set(names)) == len(load_file(folder / "model.safetensors"))
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    before = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([[3, 5, 7, 2]])
    with torch.no_grad():
        adapted, plain, base = (m(input_ids=ids).logits for m in (trainer.model.eval(), saved, before))
    torch.testing.assert_close(plain, adapted, atol=2e-5, rtol=0)
    assert (plain - base).abs().max() > 1e-3


def test_weights_that_take_steps_or_are_merged_for_vllm_stay_in_float32():
    wide = [weights_dtype(*case) for case in ((0, True, False), (8, False, False), (8, True, True))]
    assert wide == [torch.float32] * 3 and weights_dtype(8, True, False) == torch.bfloat16


def test_a_model_that_carries_an_adapter_is_refused(tiny_model, tmp_path):
    """Switching its adapters off would make the base of the base the reference."""
    from peft import get_peft_model

    model, _ = load(str(tiny_model))
    check_no_adapter(model, "tiny")
    folder = tmp_path / "adapted"
    shutil.copytree(tiny_model, folder)
    get_peft_model(model, adapter_config(2)).save_pretrained(folder)
    adapted, _ = load(str(folder))
    with pytest.raises(ValueError, match=r"--model adapted carries an adapter"):
        check_no_adapter(adapted, "adapted")
