"""The score of forecasts and baselines on a made-up comparison whose errors are known."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.comparison.scores import by_guess, sampling_error, scores


@pytest.fixture
def folder(tmp_path):
    """Two prompts; tempered-2 ends at accuracy 0.75 and length 12; 0.8 and 15 were forecast."""
    texts = [f"{x}" for x in range(4)]
    base = pd.DataFrame(
        {
            "prompt_id": np.repeat(["a", "b"], 4),
            "sample": [0, 1, 2, 3] * 2,
            "response": texts * 2,
            "answer": "1",
            "reward": [1, 0, 0, 0, 1, 1, 0, 0],
            "log_p": np.log([0.4, 0.3, 0.2, 0.1] * 2),
            "length": [10, 20, 30, 40] * 2,
            "finished": True,
        }
    )
    (tmp_path / "base").mkdir()
    base.to_parquet(tmp_path / "base" / "rollouts.parquet")
    run = tmp_path / "runs" / "tempered-2" / "seed0"
    run.mkdir(parents=True)
    pd.DataFrame({"prompt_id": ["a"] * 4 + ["b"] * 4, "reward": [1, 1, 1, 0] * 2, "length": [12] * 8}).to_parquet(
        run / "final.parquet"
    )
    (run / "summary.json").write_text(json.dumps({"final": {"log_p": -1.1, "kl": 0.1}}))
    cells = {"accuracy": (0.375, 0.8, 0.7, 0.74, 0.75), "length": (25.0, 15.0, 14.0, 16.0, 12.0)}
    rows = [
        {"arm": "tempered-2", "seed": 0, "quantity": name, "reliable": True, "not_arrived": None}
        | dict(zip(("base", "forecast", "low", "high", "run"), values, strict=True))
        for name, values in cells.items()
    ]
    low = {**rows[0], "arm": "low-temperature-2", "forecast": np.nan, "run": 0.6}
    pd.DataFrame([*rows, low]).to_parquet(tmp_path / "results.parquet")
    said = {"no_change": {"accuracy": 0.375, "length": 25.0}, "pass_at_n": {"accuracy": 1.0, "length": None}}
    (tmp_path / "baselines.json").write_text(json.dumps({"tempered-2": said}))
    return tmp_path


def test_every_guess_is_measured_by_its_distance_from_the_run(folder):
    table = scores(folder).set_index(["guess", "quantity"])
    assert set(table["arm"]) == {"tempered-2"}
    error = table["error"]
    assert error["forecast", "accuracy"] == pytest.approx(0.05)
    assert error["forecast", "length"] == pytest.approx(3)
    assert error["no_change", "accuracy"] == pytest.approx(0.375)
    assert error["low_temperature", "accuracy"] == pytest.approx(0.15)
    assert np.isnan(error["pass_at_n", "length"]) and np.isnan(error["low_temperature", "length"])
    assert not table["sign_right"]["no_change", "accuracy"] and table["sign_right"]["forecast", "accuracy"]


def test_an_interval_is_widened_by_the_error_of_the_run_at_its_prompts(folder):
    """Accuracy 3/4 from 4 responses to each of 2 prompts: √(2·(1/4)/4)/2; a length that never varies has no error."""
    assert sampling_error(folder / "runs" / "tempered-2" / "seed0", "accuracy") == pytest.approx(np.sqrt(0.5 / 4) / 2)
    table = scores(folder).set_index(["guess", "quantity"])["inside"]
    assert table["forecast", "accuracy"] and not table["forecast", "length"]


def test_a_run_is_also_compared_at_its_own_place_on_the_line(folder):
    """Mean log p −1.1 lies between the base model's and the optimum's, and so does the accuracy there."""
    table = scores(folder).set_index(["guess", "quantity"])["value"]
    assert 10 < table["at_own_place", "length"] < 25
    summary = by_guess(scores(folder))
    assert summary.loc[("forecast", "accuracy"), "cells"] == 1
    assert ("pass_at_n", "length") not in summary.index
