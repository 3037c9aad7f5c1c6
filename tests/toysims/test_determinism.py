"""The same seed gives the same files, twice, for every simulation; smallest settings, so that it stays cheap.

toysims.sweep sets the number of devices before JAX starts, so tests/toysims/test_sweep.py runs it on its own.
"""

import importlib

import pytest

from toysims import attraction, majority

OF_THE_PLACE = {"config.json", "environment.json"}  # the folder's own name; the commit and the machine
SMALLEST = {
    "sharpening": ("--k", "4"),
    "instability": ("--k", "4"),
    "length": ("--states", "2", "--limit", "16", "--depth", "1"),
    "trainers": ("--k", "3", "--steps", "100", "--replicas", "8"),
    "tokens": ("--vocabulary", "2", "--depth", "2", "--replicas", "200"),
    "voting": ("--rounds", "2", "--groups", "100", "--replicas", "50"),
    "noise": ("--vocabulary", "2", "--replicas", "100"),
    "heterogeneity": ("--prompts", "50", "--k", "6"),
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
    # All else, figures and tables included, is a function of the config.
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name not in OF_THE_PLACE}
        for folder in folders
    )
    assert first == second and any(path.suffix in (".parquet", ".jsonl") for path in first)
