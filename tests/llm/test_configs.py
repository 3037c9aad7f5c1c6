"""The shipped configuration files: every option is one that exists, and a step has the size that the paper's has."""

import json
import sys
import tomllib
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from llm.lookalike import LookalikeConfig, build
from llm.models.architectures import ARCHITECTURES
from llm.train import SHIPPED, config_file, main, read_command_line
from llm.training import requirements
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
    responses = args.per_device_train_batch_size * args.gradient_accumulation_steps
    assert (responses // args.num_generations, args.max_steps, args.vllm_max_model_length) == paper
    assert responses % args.generation_batch_size == 0 and args.generation_batch_size % args.num_generations == 0
    assert (args.num_generations, args.learning_rate, args.weight_decay, args.warmup_steps) == (8, 1e-6, 0.01, 50)
    assert (
        args.lr_scheduler_type == "constant_with_warmup" and args.max_grad_norm == 1.0 and not args.normalize_advantages
    )
    assert not args.use_vllm and args.vllm_mode == "colocate", "vLLM is switched on by one flag, where it is installed"
    assert not args.report_to, "no package is asked for that the install does not bring"
    assert args.eval_steps == args.save_steps, "every checkpoint is validated, or the best one may be gone"


FAMILIES = {"llama-3.2-3b-instruct": "llama", "qwen2.5-3b-instruct": "qwen2", "qwen3-4b-instruct-2507": "qwen3"}
# Sizes alone: nothing of what the file says a run should use.
SMALL = "--steps 1 --eval-prompts 2 --eval-samples 2 --forecast-samples 2 --validation-prompts 2 --save_steps 1 "
SMALL += "--per_device_train_batch_size 8 --gradient_accumulation_steps 1 --per_device_eval_batch_size 8 "
SMALL += "--max_completion_length 4 --regime tempered --alpha 2"


@pytest.fixture
def bare_machine(monkeypatch):
    """The core alone is installed, and there is no GPU."""
    monkeypatch.setattr(requirements, "_installed", lambda package: False)
    monkeypatch.setattr("transformers.integrations.integration_utils.is_tensorboard_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.accelerator.is_available", lambda *_: False)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_config_runs_as_it_is_on_a_fresh_machine_with_the_core_only(file, bare_machine, tmp_path, monkeypatch):
    rows = [{"problem": f"Add {i} and {i + 1}.", "answer": str(2 * i + 1), "solution": ""} for i in range(40)]
    dataset = tmp_path / "problems.jsonl"
    dataset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = tmp_path / "model"
    build(LookalikeConfig(dataset, model, FAMILIES[file.stem], hidden_size=48, layers=2, vocabulary=400))
    local = ["--model", model, "--dataset", dataset, "--eval-dataset", dataset, "--output-dir", tmp_path / "run"]
    monkeypatch.setattr(sys, "argv", ["llm.train", "--config", *map(str, [file, *local]), *SMALL.split()])
    main()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["steps"] == 1 and summary["best_step"] == 1


# Rows with the columns of the hub's data sets, and endings that MATH's solutions really have.
PUBLISHED = {
    "DigitalLearningGmbH/MATH-lighteval": [
        {"problem": f"{n}?", "level": "Level 2", "solution": f"So {end}", "type": "Algebra"}
        for n, end in enumerate([r"$\boxed{42}$.", r"$\boxed 2$", r"\fbox{13}", r"\boxed 9", r"\boxed{}", "7"] * 20)
    ],
    "agentica-org/DeepScaleR-Preview-Dataset": [
        {"problem": f"{n}?", "answer": answer, "solution": solution}
        for n, (answer, solution) in enumerate([("5", ""), (r"\frac{1}{2}", r"\boxed{3}"), ("", "")] * 40)
    ],
    "HuggingFaceH4/MATH-500": [
        {
            "problem": f"E{n}?",
            "solution": r"\boxed{1}",
            "answer": "1",
            "subject": "Algebra",
            "level": 1,
            "unique_id": "a",
        }
        for n in range(70)
    ],
}


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_data_of_a_config_load_as_the_hub_has_them(file, monkeypatch, tmp_path, capsys):
    """datasets.load_dataset itself reads the rows, from Parquet under the name that the config has."""
    import datasets
    import pandas as pd

    from llm.models import hub
    from llm.training.splits import split

    real = datasets.load_dataset

    def from_fixture(name, split):
        pd.DataFrame(PUBLISHED[name]).to_parquet(tmp_path / "rows.parquet")
        return real("parquet", data_files=str(tmp_path / "rows.parquet"), split="train", cache_dir=str(tmp_path / "c"))

    monkeypatch.setattr("datasets.load_dataset", from_fixture)
    monkeypatch.setattr(hub, "look_for_the_hub", lambda: None)
    config, _ = read_command_line(["--config", str(file), "--regime", "task", "--output-dir", str(tmp_path / "out")])
    problems = split(config, bundled=False)
    assert (len(problems.held_out), len(problems.validation), len(problems.train)) == (64, 64, 16)
    assert f"{config.dataset}: 40 of 120 rows are dropped" in capsys.readouterr().err
    known = {"42", "2", "13", "9"} if "MATH" in str(config.dataset) else {"5", r"\frac{1}{2}"}
    assert {problem.answer for problem in problems.train + problems.validation} == known
    strict, _ = read_command_line(["--config", str(file), "--strict", "--output-dir", str(tmp_path / "out")])
    with pytest.raises(ValueError, match="or leave --strict out"):
        split(strict, bundled=False)


@pytest.mark.parametrize(
    "flag", ["--use_vllm true", "--report_to tensorboard", "--bf16 true"], ids=lambda flag: flag.split()[0]
)
def test_what_a_config_leaves_to_the_user_ends_with_one_line_where_it_is_lacking(
    flag, bare_machine, tmp_path, monkeypatch, capsys
):
    arguments = [
        "--config",
        str(CONFIGS / "qwen2.5-3b-instruct.yaml"),
        *flag.split(),
        "--output-dir",
        str(tmp_path / "run"),
    ]
    monkeypatch.setattr(sys, "argv", ["llm.train", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and error.startswith(f"error: {flag} ") and "\n" not in error
    assert not (tmp_path / "run").exists()


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


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_config_is_known_by_its_name(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_file(file.stem).read_text() == file.read_text()


def test_an_unknown_config_name_lists_those_that_are_there():
    with pytest.raises(
        ValueError, match=r"--config qwen9 is no file, and no configuration of ours: llama-3.2-3b-instruct, "
    ):
        config_file("qwen9")


def test_a_wheel_brings_the_configs_along():
    declared = tomllib.loads((CONFIGS.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    place, patterns = next(iter(declared.items()))
    assert SHIPPED[1] == Path(sys.prefix) / place
    assert {file for pattern in patterns for file in CONFIGS.parent.glob(pattern)} == set(CONFIGS.glob("*.yaml"))
