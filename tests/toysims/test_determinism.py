"""The same seed gives the same files, twice, for every simulation; smallest settings, so that it stays cheap."""

import importlib

import pytest

from toysims import attraction, majority

SMALLEST = {
    "sharpening": ("--k", "4"),
    "instability": ("--k", "4"),
    "length": ("--states", "2", "--limit", "16", "--depth", "1"),
    "trainers": ("--k", "3", "--steps", "100", "--replicas", "8"),
    "tokens": ("--vocabulary", "2", "--depth", "2", "--replicas", "200"),
    "voting": ("--rounds", "2", "--groups", "100", "--replicas", "50"),
    "noise": ("--vocabulary", "2", "--replicas", "100"),
    "heterogeneity": ("--prompts", "50", "--k", "6"),
    "sweep": ("--policies", "2", "--alphas", "1", "2", "--betas", "0.5", "1", "--k", "4", "--chunk", "3"),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_the_same_seed_writes_the_same_bytes(name, tmp_path, monkeypatch):
    monkeypatch.setattr(attraction, "sampling_budget", lambda k: {"replicas": 2, "steps": 50, "group": 64})
    monkeypatch.setattr(majority, "PROMPTS", 5)
    module = importlib.import_module(f"toysims.{name}")
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        try:
            module.main([*SMALLEST[name], "--seed", "5", "--output-dir", str(folder)])
        except SystemExit as stop:  # predictions may fail at such settings; only whether it is the same counts here
            assert stop.code == 1
    # The config names its own folder; all else, figures and tables included, is a function of it.
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name != "config.json"}
        for folder in folders
    )
    assert first == second and any(path.suffix in (".parquet", ".jsonl") for path in first)
