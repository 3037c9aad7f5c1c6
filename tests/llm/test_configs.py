"""The shipped configuration files: every option is one that exists, and a step has the size that the paper's has."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from llm.models.architectures import ARCHITECTURES
from llm.train import read_command_line
from llm.training.trl_options import PAPER_OPTIONS, rloo_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
@pytest.mark.parametrize("regime", ["task", "sharpening", "tempered", "tilted", "tilted-tempered"])
def test_a_config_takes_every_regime_by_flags(file, regime, tmp_path):
    flags = {"tempered": ["--alpha", "2"], "tilted": ["--beta", "0.1"]}.get(regime, [])
    flags = ["--alpha", "2", "--beta", "0.1"] if regime == "tilted-tempered" else flags
    config, trl_arguments = read_command_line(
        ["--config", str(file), "--regime", regime, *flags, "--output-dir", str(tmp_path), "--use_cpu", "true"]
    )
    assert config.model in {architecture.hub_id for architecture in ARCHITECTURES.values()}
    assert config.regime == regime and config.validation_prompts > 0
    args = rloo_config(config, tmp_path, PAPER_OPTIONS, trl_arguments)
    paper = (64, 1000, 4096) if "qwen3" in file.stem else (32, 500, 2048)
    assert (args.generation_batch_size // args.num_generations, args.max_steps, args.vllm_max_model_length) == paper
    assert (args.num_generations, args.learning_rate, args.weight_decay, args.warmup_steps) == (8, 1e-6, 0.01, 50)
    assert (
        args.lr_scheduler_type == "constant_with_warmup" and args.max_grad_norm == 1.0 and not args.normalize_advantages
    )
    assert args.use_vllm and args.vllm_mode == "colocate"
    assert args.eval_steps == args.save_steps, "every checkpoint is validated, or the best one may be gone"


@pytest.mark.parametrize(
    ("name", "processes", "kind"),
    [("one_gpu", 1, "NO"), ("four_gpus_fsdp2", 4, "FSDP"), ("two_nodes_fsdp2", 8, "FSDP")],
)
def test_accelerate_reads_its_configs(name, processes, kind):
    config = load_config_from_file(str(CONFIGS / "accelerate" / f"{name}.yaml"))
    assert (config.num_processes, config.distributed_type.name) == (processes, kind)
    assert config.mixed_precision == "bf16"
    if kind == "FSDP":
        assert config.fsdp_config["fsdp_version"] == 2
        assert config.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"
