"""Every figure that the given folders allow, and one line for what is no run."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from figures import all as figures_all
from figures.gallery import drawings
from figures.llm import at_k, runs_in_plane, steps
from figures.llm.arms import looks
from figures.llm.comparison import draw_against_run
from figures.study import pass_at_k
from figures.study.forecasts import read_forecast
from figures.study.runs import read_study
from figures.style import figure
from harness.run_kind import folders


@pytest.fixture
def read(study, forecast):
    given = folders([study, forecast])
    return read_study(given[0]), read_forecast(given[1])


def test_one_command_writes_every_figure_as_png_and_pdf(study, forecast, toy, tmp_path, capsys):
    out = tmp_path / "figures"
    figures_all.main([str(study), str(forecast), str(toy), "--output-dir", str(out)])
    names = {"study-" + n for n in ("comparison", "frontier", "plane", "along-alpha", "steps", "pass-at-k")}
    names |= {"forecast-frontier", "forecast-curves", "forecast-forecast-plane", "sweep-sweep"}
    assert {path.name for path in out.iterdir()} == {f"{name}.{form}" for name in names for form in ("png", "pdf")}
    assert all(path.read_bytes()[:4] in (b"\x89PNG", b"%PDF") for path in out.iterdir())
    assert capsys.readouterr().out.count("\n") == 2 * len(names)


def test_a_study_without_a_forecast_is_drawn_without_its_lines(study):
    drawn = {figure.name for figure in drawings(folders([study]))}
    assert drawn == {"comparison", "frontier", "plane", "steps", "pass-at-k"}


def test_a_run_of_llm_train_alone_is_a_study_of_one_arm(study):
    alone = read_study(folders([study / "runs" / "tilted-1" / "seed0"])[0])
    assert alone.families == {"seed0": "tilted"} and alone.model == "small"
    among = read_study(folders([study])[0]).results
    ours = among[(among["arm"] == "tilted-1") & (among["seed"] == 0)].drop(columns=["arm", "seed"])
    pd.testing.assert_frame_equal(
        alone.results[ours.columns].sort_values("quantity", ignore_index=True),
        ours.sort_values("quantity", ignore_index=True),
    )


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda study: (study / "forecast.json").write_text("{"), "is not JSON"),
        (lambda study: (study / "forecast.json").unlink(), "is not a finished run"),
        (lambda study: (study / "results.parquet").write_text("no table"), "cannot be read"),
        (lambda study: [path.unlink() for path in study.glob("runs/*/*/summary.json")], "has no finished run yet"),
        (lambda study: (study / "runs/tilted-1/seed0/summary.json").write_text("{}"), "without 'regime'"),
        (lambda study: pd.DataFrame({"arm": ["a"]}).to_parquet(study / "results.parquet"), "has no column 'seed'"),
    ],
)
def test_a_folder_that_cannot_be_drawn_ends_with_one_line(study, tmp_path, capsys, break_it, said):
    break_it(study)
    with pytest.raises(SystemExit) as stop:
        figures_all.main([str(study), "--output-dir", str(tmp_path / "figures")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(
    ("arguments", "said"), [([], "name at least one run folder"), (["nowhere"], "RUN nowhere is not a folder")]
)
def test_wrong_arguments_end_with_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        figures_all.main(arguments)
    assert stop.value.code == 2 and said in capsys.readouterr().err


def test_help_loads_no_drawing_library():
    code = (
        "import sys, figures.all as a, figures.report as r\n"
        "for m in (a, r):\n try: m.main(['--help'])\n except SystemExit: assert 'matplotlib' not in sys.modules"
    )
    assert (
        "RUN" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.upper()
    )


def test_the_kind_of_a_folder_is_told_by_its_files(study, forecast, toy):
    given = [study, forecast, toy, study / "runs" / "tilted-1" / "seed0"]
    assert [folder.kind for folder in folders(given)] == ["llm.compare", "llm.forecast", "toysims.sweep", "llm.train"]


def test_two_folders_of_one_name_do_not_overwrite_each_other(toy, tmp_path):
    other = tmp_path / "other" / "sweep"
    other.parent.mkdir()
    toy.rename(other)
    other.parent.joinpath("more").mkdir()
    toy.mkdir()
    (toy / "summary.json").write_text(json.dumps({"predictions": []}))
    names = [folder.name for folder in folders([other, toy, other])]
    assert len(names) == len(set(names)) == 2


def test_forecast_lies_across_and_the_run_upwards(read):
    study, _ = read
    rows = study.results[study.results["quantity"] == "accuracy"]
    with figure() as (_, ax):
        draw_against_run(ax, rows, looks(study.families))
    points = [tuple(np.ravel(container[0].get_xydata())) for container in ax.containers]
    assert points == [(0.4, 0.39), (0.4, 0.42), (0.7, 0.62), (0.7, 0.6)]


def test_the_frontier_is_drawn_first_and_its_title_is_the_finding(study, forecast):
    drawn = list(drawings(folders([study, forecast])))
    assert drawn[0].name == "frontier" and drawn[0].caption.startswith("Sharpening first makes this model worse")
    assert all(drawing.alt and drawing.alt != drawing.caption for drawing in drawn)


def test_an_axis_shows_the_mean_of_a_run_and_its_forecast_not_its_wildest_batch(read):
    study, _ = read
    run = study.runs[0]
    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    wild = json.loads(lines[10]) | {"accuracy": 1e6}
    (run.folder / "metrics.jsonl").write_text(
        "\n".join([*lines[:10], json.dumps(wild | {"accuracy": 2.0}), *lines[11:]])
    )
    canvas = steps.steps_figure([run], looks(study.families))
    low, high = canvas.axes[0].get_ylim()
    assert high < 1 and low < 0.39 < high and low < 0.4 < high


def test_pass_at_k_is_the_chance_over_all_choices_of_k(study):
    """T22: 4, 2, 1 and 1 right of 4: at k = 2 the misses are 0, 1/6, 1/2 and 1/2 of all pairs."""
    table = pd.read_parquet(study / "base" / "rollouts.parquet")
    np.testing.assert_allclose(pass_at_k.curve(table, [1, 2, 4]), [0.5, 1 - (1 / 6 + 1 / 2 + 1 / 2) / 4, 1.0])


def test_the_gain_in_pass_at_k_is_paired_by_prompt(study):
    """Base 4, 2, 1, 1 right of 4 and both arms 4, 3, 0, 1: with one sample nothing changes on the whole."""
    gains = pass_at_k.gained(read_study(folders([study])[0]))
    assert set(gains) == {"tempered-2", "tilted-1"} and list(gains["tempered-2"]) == [1, 2, 4]
    own = gains["tempered-2"]
    assert own[1].value == pytest.approx(0) and own[4].value == pytest.approx(-0.25)
    assert own[2].value == pytest.approx((1 / 6 - 1 / 2) / 4)  # misses: 1/6 to 0, and 1/2 to 1
    assert -0.25 <= own[1].low < 0 < own[1].high <= 0.25


def test_votes_are_those_that_llm_evaluate_counted_of_the_studys_own_tables(study, tmp_path):
    """T22: the mean over seeds at each k; the base model is named once, another study's table not at all."""
    runs, evaluation = study / "runs", tmp_path / "evaluation"
    shares = {
        f"{runs}/tilted-1/seed0:base": 0.5,
        f"{runs}/tilted-1/seed0:last": 0.6,
        f"{runs}/tilted-1/seed1:last": 0.8,
        f"{runs}/tilted-1/seed1:best": 0.9,
        f"{tmp_path}/elsewhere:last": 0.1,
    }
    interval = {"low": 0.0, "high": 1.0}
    tables = {
        name: {f"{kind}@{k}": {"value": share * k / 2, **interval} for kind in ("pass", "maj") for k in (1, 2)}
        for name, share in shares.items()
    }
    evaluation.mkdir()
    (evaluation / "evaluation.json").write_text(json.dumps({"tables": tables}))
    given = folders([study, evaluation])
    found = pass_at_k.votes(read_study(given[0]), given[1:])
    assert found["base model"] == {1: 0.25, 2: 0.5} and found["tilted-1"] == pytest.approx({1: 0.35, 2: 0.7})
    assert len(found) == 2
    own = read_study(given[0])
    panels = at_k.pass_figure(pass_at_k.gained(own), found, looks(own.families)).axes
    assert [ax.get_title(loc="left")[:5] for ax in panels] == ["pass@", "maj@k"]
    assert [len(ax.lines) for ax in panels] == [3, 2]  # two arms and the zero; base model and one arm


def test_a_benchmark_of_samplers_is_drawn_from_its_file_or_its_folder(tmp_path):
    row = {"alpha": 2.0, "method": "power-smc", "cost": 0.5, "excess": 0.01, "excess_se": 0.002}
    content = {"environment": {}, "aligned": {"error": [row], "speed": []}, "misaligned": {"forecast": []}}
    (tmp_path / "samplers.json").write_text(json.dumps(content))
    for given in (tmp_path / "samplers.json", tmp_path):
        (drawn,) = drawings(folders([given]))
        assert drawn.name == "cost-aligned" and drawn.folder == given.stem
    (ax,) = drawn.figure().axes
    line = next(line for line in ax.lines if len(line.get_xdata()) == 1)
    assert tuple(line.get_xydata()[0]) == (0.5, 0.01)
    (tmp_path / "samplers.json").write_text(json.dumps({"aligned": {"speed": []}}))
    with pytest.raises(ValueError, match="has no errors of samplers"):
        folders([tmp_path])


def test_samplers_and_length_control_share_no_look():
    found = looks({"a": "sampler", "b": "sampler", "c": "length-controlled"})
    assert found["a"] != found["b"] and found["c"].colour not in (found["a"].colour, found["b"].colour)


def test_a_run_without_an_end_is_drawn_to_the_edge_of_the_plane(read):
    study, _ = read
    run = study.runs[0]
    away = run._replace(forecast=run.forecast | {"alpha": None})
    way, look = np.array([[1.1, 0.2], [1.6, 0.4]]), looks(study.families)[run.arm]
    with figure() as (_, ax):
        runs_in_plane.draw_way(ax, away, way, look, (6.0, 3.0))
        runs_in_plane.draw_way(ax, run, way, look, (6.0, 3.0))
    ends = [tuple(line.get_xydata()[-1]) for line in ax.lines if line.get_linestyle() == "--"]
    assert ends == [(6.0, 0.0), (2.0, 0.0)]
