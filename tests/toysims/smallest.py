"""Every simulation at its smallest settings: what the tests run that only ask how results are made and judged."""

import importlib
from pathlib import Path

import pytest

from toysims import attraction, majority

# toysims.sweep sets the number of devices before JAX starts, so tests/toysims/test_sweep.py runs it on its own.
SMALLEST = {
    "sharpening": ("--k", "4"),
    "instability": ("--k", "4"),
    "length": ("--states", "2", "--limit", "16", "--depth", "1"),
    "trainers": ("--k", "3", "--steps", "100", "--replicas", "8"),
    "tokens": ("--vocabulary", "2", "--depth", "2", "--replicas", "200"),
    "voting": ("--rounds", "2", "--groups", "100", "--replicas", "50"),
    "noise": ("--vocabulary", "2", "--replicas", "100"),
    "practice": ("--steps", "50", "--replicas", "8", "--draws", "1000"),
    "heterogeneity": ("--prompts", "50", "--k", "6"),
}


def run_smallest(name: str, folder: Path) -> Path:
    """The run folder. Predictions may fail at such settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attraction, "sampling_budget", lambda k: {"replicas": 2, "steps": 50, "group": 64})
        patch.setattr(majority, "PROMPTS", 5)
        try:
            importlib.import_module(f"toysims.{name}").main(
                [*SMALLEST[name], "--seed", "5", "--output-dir", str(folder)]
            )
        except SystemExit as stop:
            assert stop.code == 1
    return folder
