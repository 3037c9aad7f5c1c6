"""The path of a real run on real problems: chat template, BPE, generation, math-verify, update, checkpoint."""

import itertools
import json
import sys
from pathlib import Path

import pytest

from llm.lookalike import LookalikeConfig, build
from llm.train import main

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


@pytest.mark.parametrize(
    ("family", "source"), [("llama", None), ("qwen2", "gsm8k_train.jsonl"), ("llama", "math_train.jsonl")]
)
def test_a_chat_model_of_a_real_architecture_trains_on_problems(family, source, tmp_path, monkeypatch):
    if source and not (SHARED / source).exists():
        pytest.skip(f"needs ../shared/data/{source}, which only the project's workshop has")
    dataset = problems(source and SHARED / source, tmp_path / "problems.jsonl")
    model = build(
        LookalikeConfig(
            dataset, tmp_path / "model", family, supervised_steps=2, hidden_size=32, layers=2, vocabulary=400
        )
    )
    arguments = ["--model", model, "--dataset", dataset, "--regime", "tilted-tempered", "--alpha", "2", "--beta", "0.1"]
    arguments += ["--steps", "2", "--eval-prompts", "4", "--eval-samples", "2", "--forecast-samples", "4"]
    arguments += ["--max_completion_length", "12", "--per_device_train_batch_size", "8"]
    arguments += ["--gradient_accumulation_steps", "1", "--save_strategy", "steps", "--save_steps", "1"]
    monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments), "--output-dir", str(tmp_path / "run")])
    main()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["base"]["length"] <= 12
    assert summary["base"]["kl"] == 0
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-2" / "model.safetensors").exists()
    assert (tmp_path / "run" / "training.png").exists()


def test_a_chat_model_needs_a_chat_template(tiny_model, tmp_path, monkeypatch, capsys):
    dataset = problems(None, tmp_path / "problems.jsonl")
    arguments = ["--model", str(tiny_model), "--dataset", str(dataset), "--eval-prompts", "4"]
    monkeypatch.setattr(sys, "argv", ["llm.train", *arguments, "--output-dir", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "has no chat template" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
