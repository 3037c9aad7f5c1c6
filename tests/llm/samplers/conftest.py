"""A table in place of the language model, where a test asks for it."""

import pytest


@pytest.fixture
def table(monkeypatch):
    """Every sampler reads tests/llm/table_model.py, which counts it."""
    from table_model import Table, read_prompts

    monkeypatch.setattr("llm.samplers.particles.read_prompts", read_prompts)
    monkeypatch.setattr("llm.samplers.regeneration.read_prompts", read_prompts)
    monkeypatch.setattr(Table, "read", 0)
    return Table
