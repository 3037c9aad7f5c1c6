"""What the theory tests share: their strategies by name, and a way round the shape checks of the test run."""

import sys
from pathlib import Path

import jaxtyping
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def as_users_call_it():
    """Without the annotation checks that only the test run adds, so that the checks of the package answer."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
