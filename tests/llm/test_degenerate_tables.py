"""Every table that is a table gets an answer or one line: the same files as ever, no nan in print, no odd interval."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from llm import evaluate, forecast
from llm.forecasting.words import described
from llm.rollout_table import from_table
from tests.rollout_tables import sampled
from theory.estimation.diagnosis import Silent, diagnose
from theory.estimation.forecast import limits

FORECAST = {"config.json", "environment.json", "forecast.json", "report.txt", "curves.png", "plane.png"}
EVALUATION = {"config.json", "environment.json", "evaluation.json", "evaluation.csv"}


def table(prompts=12, samples=8):
    return sampled(samples=samples, prompts=prompts)


def one_response(**columns):
    """All samples are the one response that there is."""
    return table().assign(response="all \\boxed{1}", length=3, log_p=-0.01, reward=1.0).assign(**columns)


TABLES = {
    "one prompt": table(prompts=1),
    "one sample": table(samples=1),
    "one prompt and one sample": table(prompts=1, samples=1),
    "two prompts": table(prompts=2),
    "all correct": table().assign(reward=1.0),
    "all wrong": table().assign(reward=0.0),
    "log p all equal": table().assign(response=[f"{i}" for i in range(96)], log_p=-30.0),
    "one certain response": one_response(),
    "one certain response, rewards at odds": one_response(reward=np.arange(96) % 2),
    "all cut off": table().assign(finished=False),
    "two levels 700 nats apart": table().assign(
        response=[f"{i}" for i in range(96)], log_p=np.where(np.arange(96) % 2, -703.0, -3.0)
    ),
    "log p of -1e8": table().assign(response=[f"{i}" for i in range(96)], log_p=-1e8 - np.arange(96)),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_degenerate_table_is_forecast(name, tmp_path, capsys):
    TABLES[name].to_parquet(tmp_path / "table.parquet")
    arguments = [
        str(tmp_path / "table.parquet"),
        "--alphas",
        "0.5",
        "1.5",
        "4",
        "--bs",
        "0",
        "2",
        "--accept",
        "unlikely",
    ]
    forecast.main([*arguments, "--output-dir", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert not re.search(r"\bnan\b", printed), printed
    assert {path.name for path in (tmp_path / "out").iterdir()} >= FORECAST
    result = json.loads((tmp_path / "out" / "forecast.json").read_text())
    assert result["forecasts"] and result["plane"] and result["diagnosis"]
    for record in result["forecasts"]:
        for key, value in record.items():
            if key.endswith(("_low", "_high")) and value is not None:
                low, high = limits(key.rsplit("_", 1)[0])
                assert low <= value <= high, (key, value)


@pytest.mark.parametrize("name", TABLES)
def test_a_degenerate_table_is_evaluated(name, tmp_path, capsys):
    TABLES[name].to_parquet(tmp_path / "table.parquet")
    evaluate.main([str(tmp_path / "table.parquet"), "--output-dir", str(tmp_path / "out")])
    assert not re.search(r"\bnan\b", capsys.readouterr().out)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= EVALUATION


@pytest.mark.parametrize("command", [forecast.main, evaluate.main])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(log_p=-1e308), "row 1: log_p is -1e+308, must be finite and <= 0"),
        (lambda t: t.drop(columns=["log_p", "prompt_id"]), "has no column 'prompt_id', 'log_p'"),
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: t.rename(columns={"prompt_id": "id", "response": "text"}), "has no column 'prompt_id', 'response'"),
    ],
)
def test_what_cannot_be_answered_is_one_line(command, change, said, tmp_path, capsys):
    change(table()).to_parquet(tmp_path / "table.parquet")
    with pytest.raises(SystemExit) as stop:
        command([str(tmp_path / "table.parquet"), "--output-dir", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1
    assert not (tmp_path / "out" / "config.json").exists()


def sentences(rollouts):
    return {entry["name"]: entry["sentence"] for entry in described(diagnose(rollouts, [], np.random.default_rng(0)))}


def test_equal_rewards_and_equal_log_p_are_told_apart():
    """Log p all equal was said to be "rewards never differ", with beta = inf and "nan to nan"."""
    equal_log_p = sentences(from_table(TABLES["log p all equal"]))
    assert "all have the same log p" in equal_log_p["efficiency"]
    equal_rewards = sentences(from_table(TABLES["all correct"]))
    assert "all have the same reward" in equal_rewards["covariance"]
    # What GRPO does below some beta depends on num_generations alone (T25): no rollouts tell it.
    assert "critical_beta" not in equal_rewards


def test_every_reason_for_silence_is_said_in_every_sentence():
    for silent, reason in ((Silent.SINGLE_SAMPLES, "one sample"), (Silent.FEW_PROMPTS, "one prompt")):
        found = diagnose(from_table(TABLES[reason]), [], np.random.default_rng(0))
        assert silent in {finding.silent for finding in found}
        assert not any("nan" in entry["sentence"] for entry in described(found))


def test_rounding_is_no_turning_point(tmp_path, capsys):
    """All rewards 1: "a little sharpening is worse than none" was said of a difference in the last digit."""
    complete = pd.concat([table(samples=1).assign(sample=i, response=f"{i}", log_p=np.log(0.25)) for i in range(4)])
    complete.assign(reward=1.0).to_parquet(tmp_path / "table.parquet")
    forecast.main([str(tmp_path / "table.parquet"), "--why", "--output-dir", str(tmp_path / "out")])
    assert "is the same from alpha = 1 on (1.000): sharpening changes nothing" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize("command", [forecast.main, evaluate.main])
def test_rewards_that_contradict_the_answers_are_noticed(command, tmp_path, capsys):
    """pass@16 of 0.00 stood beside maj@16 of 0.99 without a word."""
    table().assign(reward=0.0).to_parquet(tmp_path / "table.parquet")
    command([str(tmp_path / "table.parquet"), "--output-dir", str(tmp_path / "out")])
    printed = " ".join(capsys.readouterr().out.split())
    correct = int(table()["response"].str.contains("boxed{1}", regex=False).sum())
    assert f"Reward and answer disagree: {correct} of 96 responses" in printed
    command([str(tmp_path / "table.parquet"), "--output-dir", str(tmp_path / "again")])


@pytest.mark.parametrize("arguments", [["--alphas", "1e300"], ["--points", "1e300,0"], ["--bs", "1e18"]])
def test_numbers_that_would_overflow_are_refused(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        forecast.main([str(tmp_path / "table.parquet"), *arguments])
    assert stop.value.code == 2 and arguments[0] in capsys.readouterr().err
