"""What an evaluation is asked, and what it refuses before any file is read."""

from pathlib import Path

import pytest

from llm.evaluation.config import EvaluateConfig
from llm.forecasting.config import ForecastConfig

TABLE = (Path("rollouts.parquet"),)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"rollouts": ()}, "name at least one run folder or rollouts table"),
        ({"column": ("log_p",)}, "--column log_p must be OURS=THEIRS"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"level": 0.0}, "--level must be between 0 and 1, got 0.0"),
        ({"level": 1.0}, "--level must be between 0 and 1, got 1.0"),
        ({"level": 95}, "--level must be between 0 and 1, got 95"),
        ({"level": float("nan")}, "--level must be between 0 and 1, got nan"),
        ({"ks": (0,)}, "--ks must be at least 1, got 0"),
        ({"ks": (4, 0)}, "--ks must be at least 1, got 4 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name_and_value(options, said):
    with pytest.raises(ValueError) as refused:
        EvaluateConfig(**{"rollouts": TABLE} | options)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("options", [{"seed": 0}, {"level": 1e-6}, {"level": 1 - 1e-6}, {"ks": (1,)}, {"ks": (8, 1)}])
def test_what_is_just_within_the_limits_is_taken(options):
    config = EvaluateConfig(TABLE, **options)
    assert {name: getattr(config, name) for name in options} == options


def test_what_is_not_asked_is_as_in_a_forecast():
    """One number of one table has one interval, so that both begin with the same seed; nothing is replaced."""
    evaluation = EvaluateConfig(TABLE)
    assert evaluation.seed == ForecastConfig(TABLE[0]).seed and evaluation.level == 0.95
    assert not evaluation.overwrite
