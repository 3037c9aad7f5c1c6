"""llm.forecast --labels: what samples judged by hand say of the reward, and which files cannot say it."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.forecast import main
from llm.forecasting.config import ForecastConfig
from llm.forecasting.labels import described, errors_of_reward
from tests.rollout_tables import sampled


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "table.parquet"
    sampled().to_parquet(path)
    return path


def judged(rollouts, wrong=0.25, seed=0):
    """All accepted samples: a quarter of them is wrong after all. Of the rejected none is right."""
    table = pd.read_parquet(rollouts)[["prompt_id", "sample", "reward"]]
    wrong = np.random.default_rng(seed).random(len(table)) < wrong
    return table.assign(label=((table["reward"] == 1) & ~wrong).astype(int)).drop(columns="reward")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_kind_of_table_says_the_same(rollouts, tmp_path, suffix):
    table, path = judged(rollouts), tmp_path / f"labels.{suffix}"
    if suffix == "csv":
        table.assign(label=table["label"].astype(object).where(np.arange(len(table)) % 2 == 0, "")).to_csv(path)
    elif suffix == "jsonl":
        table.assign(label=table["label"].astype(bool)).to_json(path, orient="records", lines=True)
    else:
        table.to_parquet(path)
    found = errors_of_reward(ForecastConfig(rollouts, labels=path))
    for name, truth in (("precision", 0.75), ("end", 0.75), ("recall", 1.0)):
        own = getattr(found, name)
        assert own.low <= truth <= own.high and own.reliable, name
    assert 0.68 < found.precision.value < 0.82
    assert "it will say 100 %" in described(found)["sentence"]


def test_the_report_and_the_file_tell_it_and_few_labels_do_not(rollouts, tmp_path, capsys):
    path = tmp_path / "labels.csv"
    judged(rollouts).to_csv(path)
    few = ["--alphas", "1", "--bs", "1"]
    main([str(rollouts), "--labels", str(path), *few, "--output-dir", str(tmp_path / "out")])
    told = json.loads((tmp_path / "out" / "forecast.json").read_text())
    assert told["verifier"]["end_low"] < 0.75 < told["verifier"]["end_high"]
    said = " ".join(capsys.readouterr().out.split())
    assert told["verifier"]["sentence"] in said
    assert told["price"]["right_of"][1]["samples"] == 16 and "costs" in told["price"]["sentence"]
    judged(rollouts).head(5).to_csv(path)
    found = described(errors_of_reward(ForecastConfig(rollouts, labels=path)))
    assert not found["end_reliable"] and "nothing is told" in found["sentence"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(label="maybe"), "row 1: label is maybe, must be 1 (right), 0 (wrong) or empty"),
        (lambda t: t.assign(label=""), "has no label in it"),
        (lambda t: t.drop(columns="label"), "has no column label"),
        (lambda t: t.assign(sample=999), "sample 999 is not in ROLLOUTS"),
        (lambda t: pd.concat([t, t]), "is labelled a second time"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_nothing_is_written(rollouts, tmp_path, capsys, change, said):
    path = tmp_path / "labels.csv"
    change(judged(rollouts)).to_csv(path, index=False)
    with pytest.raises(SystemExit) as stop:
        main([str(rollouts), "--labels", str(path), "--output-dir", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_rewards_between_0_and_1_are_no_verdicts(tmp_path):
    sampled().assign(reward=0.5).to_parquet(tmp_path / "graded.parquet")
    with pytest.raises(ValueError, match="needs rewards of 0 and 1"):
        errors_of_reward(ForecastConfig(tmp_path / "graded.parquet", labels=tmp_path / "labels.csv"))
