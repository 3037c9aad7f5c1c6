"""Reasoning Gym is an extra: what needs it is skipped without it."""

import importlib.util

import pytest


@pytest.fixture(scope="session")
def library():
    if importlib.util.find_spec("reasoning_gym") is None:
        pytest.skip("needs reasoning-gym; pip install 'sharpening[gym]' brings it")
    from llm.gym.spec import version
    from llm.gym.tasks import READ

    assert version() == READ
    return READ
