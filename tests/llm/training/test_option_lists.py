"""TRL's options: each in one list, and a refused one ends a command with one line before any work."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from llm import compare, train
from llm.training.option_lists import HARMLESS, NAMES, OBJECTIVE, REFUSED, check_options, markdown

OWN = [field.name for field in dataclasses.fields(train.TrainConfig)]
# A value that each refused option would be given by somebody who wants it.
WANTED = {
    "temperature": "0.7", "top_p": "0.95", "repetition_penalty": "1.05", "top_k": "50", "min_p": "0.05",
    "generation_kwargs": '{"do_sample": false}', "vllm_structured_outputs_regex": "[0-9]+",
    "neftune_noise_alpha": "5", "disable_dropout": "false", "use_transformers_continuous_batching": "true",
    "use_transformers_paged": "true", "transformers_continuous_batching_config": '{"max_memory_percent": 0.3}',
    "cache_implementation": "quantized", "chat_template_kwargs": '{"enable_thinking": false}',
    "sync_ref_model": "true", "ref_model_mixup_alpha": "0.9", "ref_model_sync_steps": "10",
    "model_init_kwargs": '{"dtype": "bfloat16", "revision": "main"}', "trust_remote_code": "true",
    "normalize_advantages": "true", "reward_clip_range": "-1 1", "reward_weights": "5 1",
    "mask_truncated_completions": "true", "router_aux_loss_coef": "0.001", "label_smoothing_factor": "0.1",
    "optim": "galore_adamw", "optim_target_modules": "all-linear", "optim_args": "weight_decay=5",
    "activation_checkpointing_kwargs": '{"preserve_rng_state": false}',
    "gradient_checkpointing_kwargs": '{"preserve_rng_state": false}', "liger_kernel_config": '{"rope": true}',
    "max_steps": "7", "num_train_epochs": "2", "output_dir": "elsewhere", "seed": "5", "data_seed": "5",
    "resume_from_checkpoint": "checkpoints/checkpoint-50", "eval_strategy": "epoch", "eval_steps": "10",
    "eval_on_start": "true", "metric_for_best_model": "eval_reward", "greater_is_better": "false",
    "load_best_model_at_end": "true", "logging_strategy": "no", "logging_steps": "10",
    "include_num_input_tokens_seen": "all", "save_strategy": "epoch", "save_only_model": "true",
    "ignore_data_skip": "true", "restore_callback_states_from_checkpoint": "true", "enable_jit_checkpoint": "true",
    "save_on_each_node": "true", "dataloader_in_order": "false", "auto_find_batch_size": "true",
    "remove_unused_columns": "true", "train_sampling_strategy": "sequential", "bf16_full_eval": "true",
    "fp16_full_eval": "true", "fsdp": "full_shard", "fsdp_config": '{"version": 2}',
    "accelerator_config": '{"split_batches": true}', "parallelism_config": "cp", "deepspeed": "zero3.json",
    "ds3_gather_for_generation": "false", "push_to_hub": "true", "hub_always_push": "true", "hub_model_id": "me/mine",
    "hub_token": "hf_secret", "hub_private_repo": "true", "hub_strategy": "end", "hub_revision": "main",
}  # fmt: skip
SAID_BY_LLM_TRAIN = {"output_dir", "seed"}  # read as the command's own options; llm.compare has neither as TRL's


def refusal(arguments, regimes=("tempered",)):
    with pytest.raises(ValueError) as error:
        check_options(arguments, OWN, regimes)
    return str(error.value)


def test_every_option_of_trl_is_in_one_list_and_every_listed_one_is_trls():
    """Fails when TRL adds an option: put it where it belongs, and say why."""
    from trl import RLOOConfig

    listed = [*(name for names in HARMLESS.values() for name in names), *OBJECTIVE]
    listed += [name for part in REFUSED for name in part.names]
    assert sorted(listed) == sorted(field.name for field in dataclasses.fields(RLOOConfig))


def test_the_presets_are_harmless_themselves():
    from llm.training.trl_options import ALWAYS, ORGANISM_OPTIONS, PAPER_OPTIONS

    check_options(
        [f"--{name}={value}" for name, value in {**ORGANISM_OPTIONS, **PAPER_OPTIONS, **ALWAYS}.items()], [], ["task"]
    )


def test_every_refused_option_is_tried_here():
    assert WANTED.keys() == {name for part in REFUSED for name in part.names}


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("written", ["--{name} {value}", "--{hyphens} {value}", "--{name}={value}"])
def test_a_refused_option_is_refused_however_it_is_written(name, written):
    typed = written.format(name=name, hyphens=name.replace("_", "-"), value="VALUE").split(" ")
    said = refusal([part.replace("VALUE", WANTED[name]) for part in typed])
    assert said.startswith(f"--{name} ") and "\n" not in said


@pytest.mark.parametrize("name", sorted(WANTED.keys() - SAID_BY_LLM_TRAIN))
@pytest.mark.parametrize("source", ["command line", "config file"])
def test_a_refused_option_ends_llm_train_with_one_line_before_anything_is_loaded(name, source, tmp_path, capsys):
    import yaml

    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({name: WANTED[name]}))
    arguments = {"command line": [f"--{name}", *WANTED[name].split(" ")], "config file": ["--config", str(file)]}
    if name.endswith(("kwargs", "config")):
        arguments["command line"] = [f"--{name}", WANTED[name]]
    with pytest.raises(SystemExit) as stop:
        train.read_command_line([*arguments[source], "--regime", "sharpening"])
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert error.startswith(f"error: --{name} ") and "\n" not in error


@pytest.mark.parametrize("name", ["temperature", "sync_ref_model", "seed", "max_steps", "beta"])
def test_a_refused_option_ends_llm_compare_before_its_folder_is_made(name, tmp_path, monkeypatch, capsys):
    """Also those that llm.train reads as its own, and that llm.compare would otherwise hand to every arm."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        compare.main([f"--{name}", WANTED.get(name, "0.5")])
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and error.startswith(f"error: --{name} ") and "\n" not in error
    assert not list(tmp_path.iterdir())


def test_a_refusal_takes_less_time_than_torch_needs_to_load():
    """In a process of its own: nothing of torch, transformers or TRL is loaded."""
    code = (
        "import sys; from llm import train\n"
        "try: train.read_command_line(['--temperature', '0.7'])\n"
        "except SystemExit: print([name for name in ('torch', 'transformers', 'trl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]" and "--temperature 0.7" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "--temperature 1.0", "--top_k 0", "--min_p 0", "--normalize_advantages false", "--normalize-advantages=False",
        "--no_dataloader_in_order false --dataloader_in_order true",
        "--temperature 0.7 --temperature 1", "--temperature 0.7 --temperature=1", "--optim adamw_torch",
        "--cache_implementation dynamic", "--save_strategy no", "--generation_kwargs {}",
        '--model_init_kwargs {"dtype":"bfloat16"}', '--lr_scheduler_kwargs {"num_cycles":2}',
        "--optim sgd --optim_args momentum=0.9,nesterov=true", "--report_to tensorboard wandb", "--num_iterations 4",
    ],
)  # fmt: skip
def test_what_changes_nothing_is_taken(arguments):
    check_options(arguments.split(" "), OWN, ["tempered"])


def test_what_is_given_last_counts():
    assert refusal("--temperature 1 --temperature 0.7".split(" ")).startswith("--temperature 0.7 ")
    assert refusal("--temperature 1 --learning_rate 1 --temperature=0.5".split(" ")).startswith("--temperature 0.5 ")
    assert refusal(["--no_dataloader_in_order"]).startswith("--dataloader_in_order false ")


def test_masking_truncated_responses_is_harmless_with_the_task_reward_alone():
    check_options(["--mask_truncated_completions", "true"], OWN, ["task"])
    for regimes in (["tilted"], ["task", "sharpening"]):
        assert "truncated responses" in refusal(["--mask_truncated_completions", "true"], regimes)


def test_a_dictionary_is_read_key_by_key():
    assert refusal(["--model_init_kwargs", '{"dtype": "auto", "load_in_4bit": true}']).startswith(
        "--model_init_kwargs load_in_4bit "
    )
    for wrong in ("dtype=bfloat16", "[1]", "{"):
        assert "is not an object of JSON" in refusal(["--model_init_kwargs", wrong])
        assert "is not an object of JSON" in refusal(["--lr_scheduler_kwargs", wrong])


def test_a_token_is_not_printed():
    assert "hf_secret" not in refusal(["--hub_token", "hf_secret"])


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("--learning_rat", "learning_rate"), ("--learning-rates", "learning_rate"), ("--temper", "temperature"),
        ("--regim", "regime"), ("--outputdir", "output_dir"), ("--num_generation", "num_generations"),
        ("--use_vlm", "use_vllm"),
    ],
)  # fmt: skip
def test_a_typo_is_answered_with_the_option_that_was_meant(typed, near):
    assert refusal([typed, "1"]) == f"unknown option {typed}; did you mean --{near}?"


def test_a_typo_in_a_config_file_names_the_file(tmp_path, capsys):
    file = tmp_path / "run.yaml"
    for content, said in [
        ("learning_rat: 1", "unknown option learning_rat; did you mean --learning_rate?"),
        ("3: 4", "unknown option 3"),
        ("config: other.yaml", "unknown option config"),
    ]:
        file.write_text(content)
        with pytest.raises(SystemExit) as stop:
            train.read_command_line(["--config", str(file)])
        assert stop.value.code == 2
        error = capsys.readouterr().err.strip()
        assert f"--config {file}: {said}" in error and "\n" not in error


def test_the_rows_that_refusals_name_are_in_the_atlas_under_the_statement_that_they_name():
    from theory.fixed_points import Trainer, fixed_points

    entries = {entry.trainer: entry.statement for entry in fixed_points(Trainer(2.0, 0.5, 0.0, 0.5))}
    named = [part for part in REFUSED if part.row]
    assert {part.row for part in named} == {"moving reference", "std-normalised total return"}
    for part in named:
        assert f"[{entries[part.row]}]" in part.reason


def test_every_optimiser_of_transformers_was_looked_at():
    """Fails when transformers adds one: does it follow the gradient, with the weights that answer?"""
    from transformers.training_args import OptimizerNames

    refused = {"lomo", "adalomo", "grokadamw", "schedule_free_radam", "schedule_free_adamw", "schedule_free_sgd"}
    refused |= {f"galore_{name}{end}" for name in ("adamw", "adamw_8bit", "adafactor") for end in ("", "_layerwise")}
    refused |= {"apollo_adamw", "apollo_adamw_layerwise"}
    for name in refused:
        assert refusal(["--optim", name]).startswith(f"--optim {name} ")
    taken = {name.value for name in OptimizerNames} - refused
    for name in taken:
        check_options(["--optim", name], OWN, ["tempered"])
    assert len(taken) == 27 and len(refused) == 14


def test_the_table_in_the_launch_document_is_that_of_the_lists():
    """python -c "from llm.training.option_lists import markdown; print(*markdown(), sep='\\n')" writes it again."""
    document = (Path(__file__).parents[3] / "docs" / "launch.md").read_text()
    assert "\n".join(markdown()) in document
    assert all(f"`{name}`" in document for name in NAMES)
