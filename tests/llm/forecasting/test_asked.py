"""llm.forecast --model: responses scored again tell other units, another model and a lower temperature."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.forecast import main as forecast
from llm.sample import main as sample

FEW = ["--alphas", "1.1", "--bs", "1", "--model", "aligned"]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """Tables of the bundled model at temperature 1 and 1/2, as they would come without entropies and log_pi."""
    tables = {}
    for method, options in (("base", []), ("low-temperature", ["--alpha", "2"])):
        folder = tmp_path_factory.mktemp("sampled") / "run"
        few = ["--prompts", "20", "--samples", "6", "--method", method, *options]
        sample(["--model", "aligned", *few, "--output-dir", str(folder)])
        tables[method] = pd.read_parquet(folder / "rollouts.parquet").drop(columns=["log_pi", "entropy"])
    return tables


def forecast_of(table, folder, *options):
    table.to_parquet(folder / "table.parquet")
    forecast([str(folder / "table.parquet"), *FEW, *options, "--output-dir", str(folder / "out")])
    return json.loads((folder / "out" / "forecast.json").read_text())


def test_samples_of_the_model_pass(sampled, tmp_path):
    assert forecast_of(sampled["base"], tmp_path)["suspicions"] == []


def test_particles_and_gradients_of_the_model_stand_beside_the_weights(sampled, tmp_path, capsys):
    """--smc and --gradient-cosine: a row by each method, and the network's own cosine beside the table's."""
    table = sampled["base"]
    table = table[table["prompt_id"].isin(table["prompt_id"].unique()[:12])]
    told = forecast_of(table, tmp_path, "--smc", "8", "--gradient-cosine", "--alphas", "1.25", "--why")
    record = {r["method"]: r for r in told["forecasts"] if r["line"] == "alpha" and r["alpha"] == 1.25}
    assert {"psis", "power-smc"} <= set(record) and record["power-smc"]["ess"] > 5
    assert record["power-smc"]["accuracy_low"] < record["psis"]["accuracy_high"]
    assert record["power-smc"]["accuracy_high"] > record["psis"]["accuracy_low"]
    assert abs(record["power-smc"]["length"] - record["psis"]["length"]) < 6
    (found,) = [finding for finding in told["diagnosis"] if finding["name"] == "gradient_cosine"]
    assert found["low"] < found["value"] < found["high"] and "In the network" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda t: t, ["--smc", "8", "--alphas", "3"], "--smc asks powers from 1.25 to 2"),
        (lambda t: t.assign(reward=1 - t["reward"]), ["--smc", "8", "--alphas", "2"], "gives another reward"),
    ],
)
def test_particles_that_cannot_be_asked_or_graded_are_refused(sampled, tmp_path, capsys, change, options, said):
    with pytest.raises(SystemExit):
        forecast_of(change(sampled["base"]), tmp_path, *options)
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("method", "change", "kind", "said"),
    [
        (
            "base",
            lambda t: t["log_p"] - np.random.default_rng(0).exponential(3, len(t)),
            "other_model",
            "nats a response",
        ),
        ("base", lambda t: 1.0 * t["log_p"] / np.log(2) - 0.0, "base_2", "a logarithm to base 2"),
        ("base", lambda t: t["log_p"] - 20.0 - t["prompt_id"].str.count("1"), "prompt_included", "counted in"),
        ("low-temperature", lambda t: t["log_p"], "cold", "sampled at a temperature below 1"),
    ],
    ids=["other model", "base 2", "prompt", "cold"],
)
def test_what_the_file_says_otherwise_stops_it(sampled, tmp_path, capsys, monkeypatch, method, change, kind, said):
    """Long responses of a large model never repeat: what tells these tables by repeats is off here."""
    monkeypatch.setattr("llm.base_rollouts.check_probabilities", lambda *_: None)
    table = sampled[method].assign(log_p=change(sampled[method]))
    with pytest.raises(SystemExit) as stop:
        forecast_of(table, tmp_path)
    error = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2 and said in error and f"--accept {kind}" in error and not (tmp_path / "out").exists()
    assert [odd["kind"] for odd in forecast_of(table, tmp_path, "--accept", kind)["suspicions"]] == [kind]


def test_what_is_no_suspicion_is_not_accepted(sampled, tmp_path, capsys):
    with pytest.raises(SystemExit):
        forecast_of(sampled["base"], tmp_path, "--accept", "warm")
    assert "--accept warm is no suspicion; it must be one of mean_per_token, base_10" in capsys.readouterr().err
