"""llm.pretrain writes a model folder of its own, and leaves every other as it is."""

import json
import sys

import pytest

from harness import ownership
from llm.models.organisms import WEIGHTS
from llm.pretrain import main

SMALL = ["--steps", "1", "--batch-size", "2", "--hidden-size", "16", "--layers", "1"]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["llm.pretrain", *SMALL, *map(str, arguments)])
    main()


@pytest.fixture(autouse=True)
def few_prompts(monkeypatch):
    monkeypatch.setattr("llm.pretrain.measure", lambda *_: {"accuracy": 0.5})


def test_the_bundled_models_are_no_default_and_are_replaced_on_request_only(monkeypatch, tmp_path, capsys):
    bundled = WEIGHTS / "aligned"
    assert ownership.held(bundled) == ("llm.pretrain", True, ()), "or --overwrite could not renew it"
    monkeypatch.chdir(tmp_path)
    run(monkeypatch)
    (made,) = (tmp_path / "runs").iterdir()
    assert (made / "model.safetensors").exists() and "llm.pretrain" in (made / "README.md").read_text()
    before = (bundled / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--output-dir", bundled)
    assert stop.value.code == 2 and "pass --overwrite to replace it" in capsys.readouterr().err
    assert (bundled / "model.safetensors").stat().st_mtime_ns == before


def test_a_model_of_its_own_is_replaced_and_another_never(monkeypatch, tmp_path, tiny_model, capsys):
    run(monkeypatch, "--output-dir", tmp_path / "model")
    run(monkeypatch, "--output-dir", tmp_path / "model", "--seed", "1", "--overwrite")
    assert json.loads((tmp_path / "model" / "pretrain.json").read_text())["seed"] == 1
    assert json.loads((tmp_path / "model" / "config.json").read_text())["model_type"] == "llama"
    before = (tiny_model / "model.safetensors").read_bytes()
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--output-dir", tiny_model, "--overwrite")
    assert stop.value.code == 2 and "no run of this project" in capsys.readouterr().err
    assert (tiny_model / "model.safetensors").read_bytes() == before
