"""The path of a real run on real problems: chat template, BPE, generation, grading, update, checkpoint."""

import itertools
import json
import shutil
import sys
from pathlib import Path

import pytest

from llm import evaluate, forecast, sample, train
from llm.lookalike import LookalikeConfig, build
from llm.models.architectures import ARCHITECTURES
from llm.models.loading import load, stop_token_ids
from llm.problems import load_problems
from llm.prompts.form import CHAT, INSTRUCTION

SHARED = Path(__file__).parents[3] / "shared" / "data"


def problems(source: Path | None, target: Path) -> Path:
    """A few dozen problems: written here, or the first lines of a real file."""
    if source is None:
        rows = [{"problem": f"Add {i} and {i + 1}.", "answer": str(2 * i + 1), "solution": ""} for i in range(40)]
        target.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with source.open(encoding="utf-8") as lines:
            target.write_text("".join(itertools.islice(lines, 60)), encoding="utf-8")
    return target


@pytest.fixture(scope="module", params=["llama", "qwen2", "qwen3"])
def lookalike(request, tmp_path_factory):
    """(family, model folder, dataset): the original's depth, and a tokenizer trained on real problems."""
    source = {"llama": "math_train.jsonl", "qwen2": "gsm8k_train.jsonl", "qwen3": "math_train.jsonl"}[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    real = SHARED / source if (SHARED / source).exists() else None
    dataset = problems(real, folder / "problems.jsonl")
    depth = ARCHITECTURES[request.param].shape["num_hidden_layers"]
    config = LookalikeConfig(dataset, folder / "model", request.param, hidden_size=48, layers=depth, vocabulary=400)
    return request.param, build(config), dataset


@pytest.fixture(scope="module")
def shallow(lookalike, tmp_path_factory):
    """The same with two layers: what a run does is the same at every depth, and takes its time."""
    family, _, dataset = lookalike
    folder = tmp_path_factory.mktemp("shallow") / "model"
    return build(LookalikeConfig(dataset, folder, family, 2, hidden_size=48, layers=2, vocabulary=400)), dataset


def command(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    main()


def test_a_lookalike_has_the_structure_of_its_original(lookalike):
    family, folder, _ = lookalike
    original = ARCHITECTURES[family]
    model, tokenizer = load(str(folder))
    shape = model.config
    assert type(model).__name__ == {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}[family] + "ForCausalLM"
    assert shape.num_hidden_layers == original.shape["num_hidden_layers"]
    assert shape.tie_word_embeddings and model.lm_head.weight is model.model.embed_tokens.weight
    assert shape.rope_parameters["rope_theta"] == original.shape["rope_parameters"]["rope_theta"]
    attention = model.model.layers[0].self_attn
    assert hasattr(attention, "q_norm") == (family == "qwen3")
    assert (attention.q_proj.bias is not None) == (family == "qwen2")
    stops = {tokenizer.convert_tokens_to_ids(token) for token in original.stops}
    assert stop_token_ids(model, tokenizer) == stops and len(stops) > 1
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_chat_prompt_is_one_and_the_same_for_sampling_and_training(lookalike):
    """Special tokens are single tokens, the turn of the model is opened, and the day of the call plays no part."""
    family, folder, dataset = lookalike
    _, tokenizer = load(str(folder))
    problem = load_problems(str(dataset))[0]
    ids = CHAT.encode(tokenizer, problem)
    text = tokenizer.decode(ids)
    assert INSTRUCTION in text and problem.text[:40] in text
    opening = {"llama": "<|start_header_id|>assistant<|end_header_id|>\n\n"}.get(family, "<|im_start|>assistant\n")
    assert text.endswith(opening)
    assert ids.count(tokenizer.convert_tokens_to_ids(ARCHITECTURES[family].end_of_turn)) == (
        1 if family == "qwen3" else 2
    )
    if family == "llama":
        assert ids[:2].count(tokenizer.bos_token_id) == 1
        assert "Today Date: 26 Jul 2024" in text


def test_sampling_defaults_of_a_chat_model_do_not_reach_the_samples(lookalike):
    """Qwen2.5's repetition penalty of 1.05 would be taken by generate() from the model's own settings."""
    _, folder, _ = lookalike
    written = json.loads((folder / "generation_config.json").read_text())
    assert written["temperature"] < 1 and written["top_p"] < 1
    model, _ = load(str(folder))
    settings = model.generation_config
    assert settings.repetition_penalty in (None, 1.0)
    assert all(getattr(settings, name) is None for name in ("temperature", "top_p", "top_k", "min_p"))


def test_a_lookalike_goes_from_samples_to_forecast_training_resume_and_evaluation(shallow, tmp_path, monkeypatch):
    model, dataset = shallow
    common = ["--model", model, "--dataset", dataset]
    sampled, folder = tmp_path / "sampled", tmp_path / "run"
    command(
        monkeypatch,
        sample.main,
        *common,
        "--prompts",
        4,
        "--samples",
        4,
        "--max-new-tokens",
        12,
        "--output-dir",
        sampled,
    )
    command(monkeypatch, forecast.main, sampled, "--output-dir", tmp_path / "forecast")
    training = [*common, "--regime", "tilted-tempered", "--alpha", 2, "--beta", 0.1, "--steps", 2, "--eval-prompts", 4]
    training += ["--base", sampled, "--eval-samples", 2, "--max_completion_length", 12, "--save_steps", 1]
    training += ["--per_device_train_batch_size", 4, "--gradient_accumulation_steps", 2, "--num_generations", 4]
    training += ["--per_device_eval_batch_size", 4, "--validation-prompts", 2, "--output-dir", folder, "--resume"]
    command(monkeypatch, train.main, *training)
    checkpoint = folder / "checkpoints" / "checkpoint-1"
    whole = (folder / "model" / "model.safetensors").read_bytes()
    # As if killed in its second step: the same weights come out of the first checkpoint.
    shutil.rmtree(folder / "checkpoints" / "checkpoint-2")
    shutil.rmtree(folder / "model")
    (folder / "summary.json").unlink()
    assert checkpoint.exists()
    command(monkeypatch, train.main, *training)
    assert (folder / "model" / "model.safetensors").read_bytes() == whole
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["base"]["length"] <= 12 and summary["base"]["kl"] == 0 and "best" in summary
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2
    stops = json.loads((model / "generation_config.json").read_text())["eos_token_id"]
    assert set(json.loads((folder / "model" / "generation_config.json").read_text())["eos_token_id"]) == set(stops)
    assert f"base model: {model}" in (folder / "model" / "README.md").read_text()
    command(monkeypatch, evaluate.main, folder, "--output-dir", tmp_path / "evaluation", "--ks", 1, 2)
    result = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert [name.split(":")[1] for name in result["tables"]] == ["base", "last", "best"]


def test_a_chat_model_needs_a_chat_template(tiny_model, tmp_path, monkeypatch, capsys):
    dataset = problems(None, tmp_path / "problems.jsonl")
    arguments = ["--model", str(tiny_model), "--dataset", str(dataset), "--eval-prompts", "4"]
    monkeypatch.setattr(sys, "argv", ["llm.train", *arguments, "--output-dir", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        train.main()
    assert stop.value.code == 2
    assert "has no chat template" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
