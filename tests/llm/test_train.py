"""The command llm.train from its arguments to its run folder."""

import json
import sys

import pandas as pd
import pytest

from llm.train import main, read_command_line

SMALL = ["--dataset", "addition", "--steps", "2", "--eval-prompts", "4", "--eval-samples", "2", "--forecast-samples"]
SMALL += ["4", "--per_device_train_batch_size", "16", "--max_completion_length", "8"]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments)])
    main()


@pytest.fixture(scope="module")
def finished_run(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    with pytest.MonkeyPatch.context() as monkeypatch:
        run(monkeypatch, "--model", tiny_model, *SMALL, "--regime", "tempered", "--alpha", 2, "--output-dir", folder)
    return folder


def test_a_run_folder_holds_config_metrics_rollouts_summary_model_and_figure(finished_run):
    summary = json.loads((finished_run / "summary.json").read_text())
    config = json.loads((finished_run / "config.json").read_text())
    assert (summary["regime"], summary["alpha"], summary["steps"]) == ("tempered", 2.0, 2)
    assert (config["regime"], config["trl"]["max_completion_length"]) == ("tempered", 8)
    for part, error in (("base", "accuracy_se"), ("final", "accuracy_se"), ("forecast", "accuracy_low")):
        assert {"accuracy", "length", "log_p", "kl", "entropy", error} <= summary[part].keys()
    assert summary["seconds_per_step"] > 0 and summary["tokens_per_second"] > 0
    assert summary["not_arrived"] == "2 steps"
    metrics = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in metrics] == [1, 2]
    assert all(row["accuracy_slope"] == 0 == row["reward_variance"] for row in metrics)  # the tiny model is never right
    assert summary["accuracy_slope"] == {}  # two steps say nothing of a turn
    assert len(pd.read_parquet(finished_run / "base.parquet")) == 4 * 4
    assert len(pd.read_parquet(finished_run / "final.parquet")) == 4 * 2
    assert (finished_run / "training.png").is_file()


def test_a_run_says_that_it_was_judged_by_what_it_trained_on(tiny_model, tmp_path, monkeypatch, capsys):
    small = [*SMALL, "--steps", 1, "--regime", "tempered", "--alpha", 2, "--same-prompts"]
    run(monkeypatch, "--model", tiny_model, *small, "--output-dir", tmp_path / "run")
    assert "The prompts it was trained on; ±" in capsys.readouterr().out
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "| prompts it was trained on |" in card and "none: it is judged by the prompts it was trained on" in card


def test_a_run_on_one_prompt_has_no_errors_and_prints_none(tiny_model, tmp_path, monkeypatch, capsys):
    small = [*SMALL, "--steps", 1, "--eval-prompts", 1, "--regime", "tempered", "--alpha", 2]
    run(monkeypatch, "--model", tiny_model, *small, "--output-dir", tmp_path / "run")
    said = capsys.readouterr().out
    assert "nan" not in said and "KL from the run to the optimum" in said
    assert "nan" not in (tmp_path / "run" / "model" / "README.md").read_text()
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["final"]["accuracy_se"] is None


def test_the_trained_model_loads_with_plain_transformers_from_safetensors(finished_run):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(finished_run / "model", use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(finished_run / "model")
    assert tokenizer.decode(tokenizer("1+2=").input_ids) == "1+2="


def test_a_finished_run_is_not_overwritten(finished_run, tiny_model, monkeypatch, capsys):
    before = (finished_run / "summary.json").read_bytes()
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--model", tiny_model, *SMALL, "--output-dir", finished_run)
    assert stop.value.code == 2 and "already holds a run" in capsys.readouterr().err
    assert (finished_run / "summary.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--regime", "sharpen"], "regime 'sharpen' is unknown"),
        (["--regime", "task", "--alpha", "2"], "does not use alpha"),
        (["--regime", "sharpening", "--beta", "1"], "does not use beta"),
        (["--regime", "tempered"], "needs alpha"),
        (["--regime", "tempered", "--alpha", "nan"], "alpha must be finite and >= 0, got nan"),
        (["--regime", "tempered", "--alpha", "-1"], "got -1"),
        (["--regime", "tempered", "--alpha", "inf"], "got inf"),
        (["--regime", "tilted", "--beta", "0"], "beta must be finite and > 0, got 0"),
        (["--kappa", "1"], "--kappa 1.0 is not used by regime task"),
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--model", "no/such/model"], "--model no/such/model does not exist"),
        (["--dataset", "nowhere.jsonl"], "--dataset nowhere.jsonl does not exist"),
        (["--eval-prompts", "5000"], "--eval-prompts 5000"),
        (["--temperature", "0.7"], "--temperature 0.7"),
        (["--learning_rate", "fast"], "'fast'"),
        (["--no_such_option", "1"], "--no_such_option"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    arguments, said, tiny_model, tmp_path, monkeypatch, capsys
):
    target = tmp_path / "out"
    defaults = ["--model", tiny_model, "--dataset", "addition", "--output-dir", target]
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, *defaults, *arguments)
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert said in error and "\n" not in error
    assert not target.exists()


def test_the_command_line_wins_over_the_config_file(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("regime: tempered\nalpha: 2\nsteps: 7\nlearning_rate: 0.5\noutput-dir: somewhere\n")
    config, trl_arguments = read_command_line(["--config", str(file), "--alpha", "4", "--num_generations", "16"])
    assert (config.regime, config.alpha, config.steps, str(config.output_dir)) == ("tempered", 4.0, 7, "somewhere")
    assert trl_arguments == ["--learning_rate", "0.5", "--num_generations", "16"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("alpha: [1", "is not valid YAML"), ("- alpha", "must hold options by name"), ("alpha: abc", "'abc'")],
)
def test_a_bad_config_file_is_one_line_and_exit_code_2(content, said, tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(SystemExit) as stop:
        read_command_line(["--config", str(tmp_path / "bad.yaml")])
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert said in error and "\n" not in error


def test_a_gpu_out_of_memory_is_one_line_with_three_knobs(monkeypatch, capsys):
    import torch

    def run_out(config, trl_arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation")

    monkeypatch.setattr("llm.training.run.run", run_out)
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--regime", "task")
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and "\n" not in error
    for knob in ("--per_device_train_batch_size", "--max_completion_length", "--lora-rank"):
        assert knob in error


def test_another_runtime_error_keeps_its_traceback(monkeypatch):
    def fail(config, trl_arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr("llm.training.run.run", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        run(monkeypatch, "--regime", "task")


@pytest.mark.parametrize("reason", ["You are trying to access a gated repo.\nMake sure to", "no file named model"])
def test_a_gated_or_missing_model_says_how_to_get_it(reason, monkeypatch, capsys):
    def refuse(path, **options):
        raise OSError(reason)

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", refuse)
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--model", "some/model", "--dataset", "addition")
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and "\n" not in error
    assert reason.splitlines()[0] in error and "hf auth login" in error and "name its folder" in error


def test_a_training_problem_that_is_evaluated_is_dropped(tmp_path):
    from llm.training.config import TrainConfig
    from llm.training.splits import split

    train, judged = tmp_path / "train.jsonl", tmp_path / "judged.jsonl"
    texts = ["What is $1+1$?", "What is 2+2?", "And 3+3?"]
    train.write_text("".join(json.dumps({"problem": text, "answer": "1"}) + "\n" for text in texts))
    judged.write_text(json.dumps({"problem": "what is 1 + 1", "answer": "1"}) + "\n")
    config = TrainConfig(dataset=str(train), eval_dataset=str(judged), eval_prompts=4, validation_prompts=1)
    splits = split(config, bundled=False)
    assert {p.text for p in splits.train + splits.validation} == {"What is 2+2?", "And 3+3?"}
    assert len(splits.validation) == 1 and [p.text for p in splits.held_out] == ["what is 1 + 1"]


def test_with_same_prompts_a_run_is_judged_by_what_it_trains_on(tmp_path):
    from llm.sampling.config import SampleConfig
    from llm.sampling.parts import choose_problems
    from llm.training.config import TrainConfig
    from llm.training.splits import split

    data = tmp_path / "data.jsonl"
    rows = [json.dumps({"problem": f"What is {n}+{n}?", "answer": str(2 * n)}) + "\n" for n in range(9)]
    data.write_text("".join(rows))
    splits = split(TrainConfig(dataset=str(data), eval_prompts=4, same_prompts=True), bundled=False)
    assert splits.train == splits.held_out and len(splits.train) == 4 and not splits.validation
    # Base rollouts of as many prompts are of these very ones.
    assert choose_problems(SampleConfig(dataset=str(data), prompts=4), bundled=False) == splits.held_out
    for other in ({"validation_prompts": 2}, {"eval_dataset": str(data)}):
        with pytest.raises(ValueError, match="--same-prompts"):
            TrainConfig(dataset=str(data), same_prompts=True, **other)


def test_a_lora_run_is_saved_as_a_plain_model_that_has_moved(tiny_model, tmp_path, monkeypatch):
    """The reference is the model without its adapter, so the first step's KL is 0; embeddings have no adapter."""
    from safetensors.numpy import load_file

    folder = tmp_path / "run"
    small = [*SMALL, "--regime", "tempered", "--alpha", "2", "--learning_rate", "0.1", "--warmup_steps", "0"]
    run(monkeypatch, "--model", tiny_model, *small, "--lora-rank", "2", "--output-dir", folder)
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert abs(metrics[0]["sequence_kl"]) < 1e-4 < abs(metrics[1]["sequence_kl"])
    before, after = load_file(tiny_model / "model.safetensors"), load_file(folder / "model" / "model.safetensors")
    assert before.keys() == after.keys()
    assert any((before[name] != after[name]).any() for name in before)
    assert (before["model.embed_tokens.weight"] == after["model.embed_tokens.weight"]).all()
    assert json.loads((folder / "summary.json").read_text())["final"]["kl"] != 0


def test_several_steps_on_a_batch_are_all_counted(tiny_model, tmp_path, monkeypatch):
    """TRL logs rewards at the first step on a batch alone; the summary counts steps, and the time of all of them."""
    folder = tmp_path / "run"
    several = ["--num_iterations", "3", "--save_steps", "6", "--steps", "6", "--output-dir", folder]
    run(monkeypatch, "--model", tiny_model, *SMALL, "--regime", "tempered", "--alpha", 2, *several)
    summary = json.loads((folder / "summary.json").read_text())
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 4] and summary["steps"] == 6
    assert summary["seconds_per_step"] == pytest.approx(sum(row["seconds"] for row in rows) / 4)
    assert rows[1]["seconds"] > 0


def test_the_card_of_a_model_has_the_facts_of_its_run(finished_run):
    card = (finished_run / "model" / "README.md").read_text()
    assert "- regime: tempered" in card and "- alpha: 2.0" in card and "- steps: 2" in card
    assert "- not arrived at its optimum: 2 steps" in card
    assert "c = 2, τ = 1" in card and "estimator k1" in card and "commit of the code" in card
    summary = json.loads((finished_run / "summary.json").read_text())
    assert f"{summary['final']['length']:.3f} ± {summary['final']['length_se']:.3f}" in card
