"""A language model small enough for any test: the organisms' architecture and tokenizer, untrained."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # every_response, the samplers' oracle by brute force; random_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a random model that answers bundled prompts, ends now and then, and is graded wrong."""
    from random_model import random_model

    from llm.models.organisms import build_tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    random_model().save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def one_by_one(monkeypatch):
    """Arms of a comparison run in this process, one after the other: each of its own would load torch for seconds.

    tests/llm/comparison/test_run_pool.py has the processes, and one comparison is run in them.
    """

    def side_by_side(work, jobs, processes, share=None):
        for job in jobs:
            work(*job)
            yield job

    monkeypatch.setattr("llm.comparison.comparison.side_by_side", side_by_side)
