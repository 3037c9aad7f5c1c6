"""The study's two questions: every number of the answers can be made by hand on the small study.

Its base model has 8 of 16 samples right, tempered-2 ends with 8, the reward arm with what a test gives it.
"""

import json

import numpy as np
import pandas as pd
import pytest
from small_study import add_arm, add_sampler, rollouts

from figures.gallery import drawings
from figures.llm.arms import looks
from figures.llm.steps import steps_figure
from figures.page.page import page
from figures.study.answers import answers
from figures.study.predictions import Measured, direction_of_length, length_covariance
from figures.study.questions import gather
from figures.study.runs import LENGTH_CONTROLLED, SAMPLER, read_study
from figures.style import key
from harness.run_kind import folders


def read(folder):
    return read_study(folders([folder])[0])


def told(folder, diagnosis=()):
    return [" ".join(answer.sentences) for answer in answers(read(folder), diagnosis)]


@pytest.fixture
def full(study):
    """All arms have arrived. The reward arm at 0.2 nats has 12 of 16; of two length-controlled arms one has 10, at 0.1,
    the other 4.
    """
    for seed in (0, 1):
        run = study / "runs" / "tilted-1" / f"seed{seed}"
        rollouts([4, 4, 3, 1], kl=0.2).to_parquet(run / "final.parquet")
        summary = json.loads((run / "summary.json").read_text())
        (run / "summary.json").write_text(json.dumps(summary | {"kl_to_optimum": 0.01}))
    add_arm(study, "tempered-2-content", [4, 3, 2, 1], 0.1, 11.0, length_control="content")
    add_arm(study, "tempered-2-per-token", [3, 1, 0, 0], 0.3, 10.0, told=False, kappa=1.0)
    add_sampler(study, "low-temperature-2", [4, 2, 1, 0])
    return study


def diagnosis(sign):
    names = ("diversity_gap", "efficiency", "content_covariance")
    return [{"name": name, "value": sign, "low": 0.5 * sign, "high": 1.5 * sign, "sentence": ""} for name in names] + [
        {"name": "covariance", "value": None, "low": None, "high": None, "sentence": ""}
    ]


def test_the_gain_stands_beside_that_of_the_reward_runs_at_the_same_kl(full):
    """tempered-2 ends at 0.32 and 0.30 nats, beyond 0.2: the reward's largest accuracy, 12/16, stands."""
    row = answers(read(full))[0].table.loc["tempered-2"]
    assert row["kl"] == pytest.approx(0.31) and row["beyond"]
    assert row["gain"] == 0 and row["reward_gain"] == pytest.approx(0.25) and row["lead"] == pytest.approx(-0.25)
    found = told(full)[0]
    assert "0 end above the base model in accuracy, 0 below, 1 cannot be told from it" in found
    assert "gains +0.0 [" in found and "the reward runs +25.0 [" in found and "a difference of -25.0 [" in found
    assert "tempered-2: beyond the KL of every reward run" in found
    assert (
        "At equal steps (30, training batches): tempered-2 0.405 ± 0.000; with a task reward tilted-1 0.610." in found
    )


def test_length_controlled_arms_are_paired_with_the_plain_one_the_base_and_the_reward(full):
    """At 0.1 nats, half way to the reward run's 0.2, the chord has (8 + 12)/2 of 16; the arm has 10 of 16."""
    table = answers(read(full))[1].table
    assert list(table.index) == ["tempered-2-content", "tempered-2-per-token"]
    content = table.loc["tempered-2-content"]
    assert content["plain"] == "tempered-2"
    assert content["to_plain"] == pytest.approx(2 / 16) and content["to_base"] == pytest.approx(2 / 16)
    assert content["to_reward"] == pytest.approx(0.0) and not content["beyond"]
    assert content["length"] == 11 and content["base_length"] == 12 and content["plain_length"] == 9
    worse = table.loc["tempered-2-per-token"]
    assert worse["to_plain"] == pytest.approx(-4 / 16) and worse["to_reward"] == pytest.approx(-8 / 16)
    assert (
        "tempered-2-content: accuracy 0.625 with 0.10 nats, length 11.0 (base 12.0, tempered-2 9.0); +12.5 ["
        in told(full)[1]
    )


def test_a_prediction_holds_with_one_sign_and_fails_with_the_other(full):
    """T3: the run's batches have 0.405 throughout, below the base model's 0.5, so it was right to say fall."""
    metrics = full / "runs" / "tempered-2" / "seed0" / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    noise = np.random.default_rng(0).normal(size=len(lines))
    metrics.write_text(
        "".join(json.dumps(r | {"accuracy": 0.4 + 0.01 * e}) + "\n" for r, e in zip(lines, noise, strict=True))
    )
    right, wrong = told(full, diagnosis(-1.0))[0], told(full, diagnosis(1.0))[0]
    assert (
        "so accuracy was to fall at first; of 1 arms that left it beyond chance 1 moved that way first: held" in right
    )
    assert (
        "so accuracy was to rise at first; of 1 arms that left it beyond chance 0 moved that way first: did not"
        in wrong
    )


def test_length_falls_where_likelier_responses_are_shorter(study):
    """T17: Cov(length, log p) = -2 Var(r) of each prompt of the base samples, and plain sharpening ends shorter."""
    slope = length_covariance(study / "base" / "rollouts.parquet")
    variances = [0, 1 / 3, 1 / 4, 1 / 4]  # of 4, 2, 1, 1 right of 4
    assert slope.value == pytest.approx(-2 * np.mean(variances))
    ended = gather(read(study)).ended
    assert direction_of_length(Measured(-1.0, -2.0, -0.5), ended, ["tempered-2"]).held
    assert direction_of_length(Measured(1.0, 0.5, 2.0), ended, ["tempered-2"]).held is False
    assert direction_of_length(Measured(0.1, -0.5, 0.7), ended, ["tempered-2"]).held is None


def test_what_content_alone_does_is_held_against_the_sign_foretold(full):
    """T18: the arm gains on three prompts of four; with more right samples of each the sign is beyond chance."""
    rollouts([4, 4, 4, 2], kl=0.1).to_parquet(full / "runs" / "tempered-2-content" / "seed0" / "final.parquet")
    assert "T18" in told(full, diagnosis(1.0))[1] and "T18" not in told(full)[1]
    better = rollouts([4, 3, 2, 2], kl=0.1)
    better.to_parquet(full / "runs" / "tempered-2-content" / "seed0" / "final.parquet")
    rollouts([2, 1, 1, 1]).to_parquet(full / "base" / "rollouts.parquet")
    assert "to make accuracy rise at first; tempered-2-content moved it by +37.5 [" in told(full, diagnosis(1.0))[1]
    assert told(full, diagnosis(1.0))[1].endswith("points: held.")
    assert told(full, diagnosis(-1.0))[1].endswith("points: did not hold.")


def test_the_studys_own_diagnosis_goes_before_that_of_a_forecast(full):
    content = json.loads((full / "forecast.json").read_text())
    (full / "forecast.json").write_text(json.dumps(content | {"diagnosis": diagnosis(1.0)}))
    assert "slope of the log-odds along α at the base model +1.00" in told(full, diagnosis(-1.0))[0]


def test_an_arm_that_was_sampled_is_no_run(full):
    study = read(full)
    assert study.families["low-temperature-2"] == SAMPLER and "low-temperature-2" not in [r.arm for r in study.runs]
    assert study.families["tempered-2-content"] == study.families["tempered-2-per-token"] == LENGTH_CONTROLLED
    assert study.rollouts["low-temperature-2"] == [full / "runs/low-temperature-2/seed0/rollouts.parquet"]
    assert not study.results.loc[study.results["arm"] == "low-temperature-2", "reliable"].any()


def test_arms_without_a_forecast_or_kl_are_drawn_and_told(full, monkeypatch):
    """The figures that hold a forecast or a KL, and the page; length-controlled arms have a figure of their own."""
    drawn = {figure.name: figure for figure in drawings(folders([full]))}
    shown = {name: drawn[name].figure().axes[0] for name in ("comparison", "frontier", "length-control")}
    labels = {name: set(key(ax)[1]) for name, ax in shown.items()}
    runs = {"α = 2", "β = 1", "α = 2, content alone"}
    assert labels["comparison"] == {"base model", *runs}
    assert labels["frontier"] == labels["length-control"] == {"base model", *runs, "α = 2, per token"}
    study = read(full)
    steps_figure([run for run in study.runs if run.arm == "tempered-2-per-token"], looks(study.families))
    monkeypatch.setattr("figures.page.page.drawings", lambda folders: [])
    made = page(folders([full]))
    assert "declined | unknown" in made and "declined | 0.438 ± 0.01" in made and "<td>1,000</td>" in made


def test_an_older_study_without_diagnosis_tokens_or_length_control_is_answered(study):
    """Neither key is in its files; nothing is foretold and no length-controlled arm is there."""
    assert "tokens" not in pd.read_parquet(study / "results.parquet")
    assert "diagnosis" not in json.loads((study / "forecast.json").read_text())
    first, second = told(study)
    assert "Foretold" not in first and second == "No finished run controls length."
    assert "length-control" not in [figure.name for figure in drawings(folders([study]))]


def test_a_run_alone_has_nothing_to_compare_with(study):
    alone = answers(read(study / "runs" / "tempered-2" / "seed0"))
    assert "No finished run has a task reward" in " ".join(alone[0].sentences)
    assert answers(read(study / "runs" / "tilted-1" / "seed0"))[0].sentences == [
        "No finished run sharpens without a reward."
    ]
