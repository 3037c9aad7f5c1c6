"""Degenerate runs are drawn and told like others: no warning, no nan in what is printed, and nothing made up."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from small_study import BASE, record, rollouts

from figures import all as figures_all
from figures import gallery, report
from figures.llm.forecast import curves_figure, plane_figure
from figures.page import page
from figures.study.answers import answers
from figures.study.predictions import length_covariance
from figures.study.runs import read_study
from harness.run_kind import folders

# What may be unknown in a record of a forecast, null in the file: the intervals alone, or all of it.
UNKNOWN = {"intervals": ("_low", "_high"), "all": ("", "_low", "_high")}


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def change(path, function):
    path.write_text(json.dumps(function(json.loads(path.read_text()))))


def without(ends, reliable):
    """The record with null for these parts of each quantity."""

    def of(own):
        names = {f"{quantity}{end}": None for quantity in BASE for end in ends}
        told = {f"{quantity}_reliable": reliable for quantity in BASE}
        return own | names | told | {"reliable": reliable}

    return of


@pytest.fixture
def told(monkeypatch):
    """The words of all figures and of the page about some folders, tags and data aside.

    Every figure is laid out and drawn once, though not in pixels: that is what takes the time, and is tried once below.
    """

    def words(canvas, caption="", alt=""):
        canvas.draw_without_rendering()
        return " ".join([caption, alt, *(text.get_text() for text in canvas.findobj(Text))])

    def of(path, *beneath):
        """beneath: forecasts like others, drawn under the runs and not by themselves."""
        given = folders([path, *beneath])
        drawn = [own for own in gallery.drawings(given) if own.folder == given[0].name]
        monkeypatch.setattr(page, "drawings", lambda _: drawn)
        monkeypatch.setattr(page, "picture", words)
        frontiers = [words(own.figure()) for own in drawn if own.name == "frontier"]  # on the page it is alive
        written = page.page(given).partition("<body>")[2]
        return " ".join([*frontiers, re.sub(r"(?s)<script.*?</script>| (fill|stroke)=\"none\"", "", written)])

    return of


def lost_numbers(page):
    return re.findall(r".{0,60}\b(?:nan|inf|none|null)\b.{0,60}", page, re.IGNORECASE)


@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("reliable", [True, False])
def test_a_forecast_without_intervals_or_numbers(forecast, told, unknown, reliable):
    def unknown_records(content):
        change = without(UNKNOWN[unknown], reliable)
        return content | {part: [change(own) for own in content[part]] for part in ("forecasts", "plane")}

    change(forecast / "forecast.json", unknown_records)
    assert not lost_numbers(told(forecast))


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("alphas", "bs"), [((1.0,), (0.0,)), ((1.0, 2.0), (0.0,)), ((1.0, 2.0), (0.0, 1.0))])
def test_a_forecast_on_a_line_or_a_point_and_of_one_accuracy(forecast, told, accuracy, alphas, bs):
    plane = [record(a, b, accuracy, 0.1, line="plane") for b in bs for a in alphas]
    lines = [record(a, 0.0, accuracy, 0.1, line="alpha") for a in alphas]
    lines += [record(1.0, b, accuracy, 0.1, line="b") for b in bs]
    change(forecast / "forecast.json", lambda content: content | {"forecasts": lines, "plane": plane})
    assert not lost_numbers(told(forecast))


@pytest.mark.parametrize("unknown", [None, np.nan])
def test_what_is_drawn_before_it_is_written_may_be_unknown(unknown):
    """llm.forecast draws from memory, where null is nan: bands that are told and have no ends set no scale."""
    lost = {name: unknown for q in BASE for name in (f"{q}_low", f"{q}_high")}
    records = [record(a, 0.0, 0.5, 0.1) | lost for a in (1.0, 2.0)]
    curves = curves_figure(records, [record(1.0, b, 0.5, 0.1) | lost for b in (0.0, 1.0)])
    assert np.isfinite([ax.get_ylim() for ax in curves.axes]).all()
    plane = [own | {"accuracy": unknown, "reliable": False} for own in records * 2]
    plane_figure(plane, [1.0, 2.0], [0.0, 1.0]).savefig("/dev/null", format="png")


def alone(study, table):
    """The study's tables replaced by this one, and errors over prompts that are not known."""
    for path in study.glob("**/*.parquet"):
        if path.name != "results.parquet":
            table.to_parquet(path)
    for path in study.glob("runs/*/*/summary.json"):
        change(path, lambda own: own | {"final": own["final"] | {f"{q}_se": None for q in BASE}, "kl_to_optimum": 0.0})
    results = pd.read_parquet(study / "results.parquet")
    results.assign(run_se=np.nan).to_parquet(study / "results.parquet")


@pytest.mark.parametrize(
    "table",
    [rollouts([2]), rollouts([1], samples=1), rollouts([1, 0, 1], samples=1), rollouts([4, 4]), rollouts([0, 0])],
    ids=["one prompt", "one sample", "one sample a prompt", "all correct", "all wrong"],
)
def test_a_study_of_one_prompt_one_sample_or_one_reward(study, forecast, told, table):
    alone(study, table)
    assert not lost_numbers(told(study, forecast))


def test_a_single_prompt_is_said_to_have_no_interval(study):
    alone(study, rollouts([2]))
    (gained, _) = answers(read_study(folders([study])[0]))
    assert "With a single prompt there is no interval." in gained.sentences[0]
    assert "gains +0.0 points with" in " ".join(gained.sentences)


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_a_study_of_few_steps_and_of_nothing_that_was_told(study, forecast, told, steps):
    for path in study.glob("runs/*/*/metrics.jsonl"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:steps]))
    for path in study.glob("runs/*/*/summary.json"):
        change(path, lambda own: own | {"steps": steps, "forecast": without(UNKNOWN["all"], False)(own["forecast"])})
    unknown = without(UNKNOWN["all"], False)
    diagnosis = [
        {"name": n, "value": None, "low": None, "high": None, "sentence": ""} for n in ("diversity_gap", "efficiency")
    ]
    change(
        study / "forecast.json",
        lambda own: own | {"arms": {arm: unknown(told) for arm, told in own["arms"].items()}, "diagnosis": diagnosis},
    )
    results = pd.read_parquet(study / "results.parquet")
    results.assign(forecast=np.nan, low=np.nan, high=np.nan, reliable=False).to_parquet(study / "results.parquet")
    words = told(study, forecast)
    assert not lost_numbers(words)
    assert ("These runs have not arrived" in words) == (steps < 20)


def test_a_run_alone_of_one_step(study, told):
    run = study / "runs" / "tempered-2" / "seed0"
    (run / "metrics.jsonl").write_text((run / "metrics.jsonl").read_text().splitlines()[0] + "\n")
    rollouts([1], samples=1).to_parquet(run / "final.parquet")
    change(run / "summary.json", lambda own: own | {"steps": 1})
    assert not lost_numbers(told(run))


def test_an_evaluation_without_intervals(tmp_path, told):
    (tmp_path / "evaluation").mkdir()
    unknown = {"low": None, "high": None}
    tables = {
        "runs/x": {f"{kind}@1": {"value": 0.5} | unknown for kind in ("pass", "maj")}
        | {"kl": {"value": None} | unknown}
    }
    (tmp_path / "evaluation" / "evaluation.json").write_text(json.dumps({"tables": tables}))
    (tmp_path / "evaluation" / "config.json").write_text(json.dumps({"rollouts": ["runs/x"]}))
    words = told(tmp_path / "evaluation")
    assert not lost_numbers(words) and "<td>unknown</td>" in words


def test_a_study_of_one_sample_of_one_prompt_is_written_in_files_too(study, tmp_path):
    """The same without a word of warning from what makes pixels and vectors of the drawings."""
    alone(study, rollouts([1], samples=1))
    figures_all.main([str(study), "--output-dir", str(tmp_path / "out")])
    report.main([str(study), "--output", str(tmp_path / "out" / "page.html")])
    out = sorted(path.suffix for path in (tmp_path / "out").iterdir())
    assert out == [".html", *[".pdf"] * 5, *[".png"] * 5]


def test_the_covariance_of_prompts_with_one_sample_is_unknown(tmp_path):
    rollouts([1, 0], samples=1).to_parquet(tmp_path / "base.parquet")
    assert str(length_covariance(tmp_path / "base.parquet")) == "an unknown number"
