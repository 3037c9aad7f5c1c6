"""Forecast and run, low and high, base and final: each drawing is handed a table in which they differ."""

import json

import numpy as np
import pandas as pd
import pytest
from artists import bands, curves, error_bars, hollow, levels, marks, points

from figures.llm import (
    along_alpha,
    comparison,
    evaluation,
    forecast,
    frontier,
    length_control,
    pass_curves,
    runs_in_plane,
    samplers,
    steps,
    training,
)
from figures.llm.arms import Look
from figures.study.course import Batches, batches, way_in_plane
from figures.study.forecasts import grid
from figures.study.runs import read_run
from figures.style import COLOURS, figure

LOOKS = {"a": Look("#111111", "s"), "b": Look("#222222", "D")}


@pytest.fixture
def ax():
    with figure() as (_, ax):
        yield ax


@pytest.fixture
def run(study):
    """tempered-2, forecast to have 0.4, ended with 0.39 ± 0.01; its base model has 0.5."""
    return read_run(study / "runs" / "tempered-2" / "seed0", "a")


def results(**of_a):
    """Two arms; b was not told."""
    a = {"arm": "a", "seed": 0, "base": 0.5, "forecast": 0.4, "low": 0.3, "high": 0.6, "reliable": True}
    rows = [
        a | {"quantity": "accuracy", "run": 0.45, "run_se": 0.01} | of_a,
        a | {"quantity": "kl", "base": 0.0, "run": 1.5, "run_se": 0.1},
        a | {"quantity": "accuracy", "arm": "b", "run": 0.7, "run_se": 0.02, "reliable": False},
        a | {"quantity": "kl", "arm": "b", "base": 0.0, "run": 0.5, "run_se": 0.05},
    ]
    return pd.DataFrame(rows)


def record(value, low, high, *, alpha=1.0, b=0.0, told=True, quantity="accuracy", **more):
    names = {quantity: value, f"{quantity}_low": low, f"{quantity}_high": high, f"{quantity}_reliable": told}
    return {"alpha": alpha, "b": b, **names, **more}


def test_the_forecast_lies_across_with_its_interval_and_the_run_upwards_with_two_errors(ax):
    table = results()
    comparison.draw_against_run(ax, table[table["quantity"] == "accuracy"], LOOKS)
    assert marks(ax) == {"a": [(0.4, 0.45)], "b": [(0.4, 0.7)], "base model": [(0.5, 0.5)]}
    assert hollow(ax) == [(0.4, 0.7)]
    np.testing.assert_allclose(error_bars(ax, "a", "x"), [(0.3, 0.6)])
    np.testing.assert_allclose(error_bars(ax, "a"), [(0.43, 0.47)])


def test_each_quantity_has_its_own_panel():
    table = pd.concat(results().query("quantity == 'accuracy'").assign(quantity=q) for q in comparison.LABELS)
    table["run"] += table["quantity"].map({name: place for place, name in enumerate(comparison.LABELS)})
    panels = comparison.comparison_figure(table, LOOKS).axes
    assert [marks(ax)["a"][0][1] for ax in panels[:5]] == pytest.approx([0.45, 1.45, 2.45, 3.45, 4.45])
    assert [ax.get_title() for ax in panels[:5]] == list(comparison.LABELS.values())


def test_the_frontier_has_kl_across_accuracy_upwards_and_two_errors_of_each(ax):
    frontier.draw_ends(ax, results(), LOOKS)
    assert marks(ax) == {"a": [(1.5, 0.45)], "b": [(0.5, 0.7)], "base model": [(0.0, 0.5)]}
    np.testing.assert_allclose(error_bars(ax, "a", "x"), [(1.3, 1.7)])
    np.testing.assert_allclose(error_bars(ax, "a"), [(0.43, 0.47)])
    assert levels(ax) == [0.5]


def test_the_lines_of_the_frontier_are_those_of_the_forecast_with_their_bands(ax):
    def at(kl, value, **more):
        return record(value, value - 0.02, value + 0.04, kl=kl, kl_reliable=True, **more)

    lines = {
        "b": [at(0.3, 0.8, b=2.0), at(0.0, 0.5), at(0.9, 0.99, b=9.0, told=False)],
        "alpha": [at(0.2, 0.4, alpha=2.0), at(0.1, 0.6, alpha=0.5)],
        "limit": [at(0.6, 0.95, b=None), at(0.7, 0.3, alpha=None)],
    }
    frontier.draw_forecast_lines(ax, lines)
    drawn = {line.get_label(): points(line) for line in ax.lines}
    assert drawn["task reward, forecast"] == [(0.0, 0.5), (0.3, 0.8), (0.6, 0.95)]
    assert drawn["sharpening, forecast"] == [(0.2, 0.4), (0.7, 0.3)]
    reward, sharpening = bands(ax)
    assert reward[0.3] == pytest.approx((0.78, 0.84)) and sharpening[0.7] == pytest.approx((0.28, 0.34))


def test_length_control_has_length_across_and_leaves_other_arms_out():
    table = results().replace({"kl": "length"})
    ax = length_control.length_control_figure(table, {"a": "length-controlled", "b": "sampler"}, LOOKS).axes[0]
    assert marks(ax) == {"a": [(1.5, 0.45)], "base model": [(0.0, 0.5)]} and ax.get_xlabel() == "length / tokens"


def test_along_alpha_the_forecast_is_a_line_and_the_run_a_mark(run):
    lines = {
        "alpha": [record(0.5, 0.48, 0.53), record(0.4, 0.35, 0.47, alpha=2.0, told=False)],
        "limit": [record(0.2, 0.1, 0.35, alpha=None), record(0.99, 0.9, 1.0, b=None)],
    }
    ax = along_alpha.along_alpha_figure(lines, [run], LOOKS).axes[0]
    assert curves(ax) == [[(1.0, 0.5), (2.0, 0.4)]] and hollow(ax) == [(2.0, 0.4)] and levels(ax) == [0.5]
    assert marks(ax)["a"] == [(2.0, 0.39)] and error_bars(ax, "a")[0] == pytest.approx((0.37, 0.41))
    assert (4.0, 0.2) in marks(ax)[COLOURS["tempered"]]  # infinity, a step beyond the largest power
    (limit,) = error_bars(ax, ax.containers[0].get_label())
    assert limit == pytest.approx((0.1, 0.35)) and bands(ax)[0][1.0] == pytest.approx((0.48, 0.53))


@pytest.mark.parametrize(("kind", "other"), [("pass@", "maj@"), ("maj@", "pass@")])
def test_an_evaluation_shows_its_own_share_with_its_interval(ax, kind, other):
    def of(value):
        return {"value": value, "low": value - 0.1, "high": value + 0.2}

    numbers = {f"{kind}1": of(0.3), f"{kind}4": of(0.6), f"{other}1": of(0.9), "length": of(12.0)}
    evaluation.draw_at_k(ax, kind, numbers, "runs/a", LOOKS["a"])
    assert marks(ax) == {"runs/a": [(1.0, 0.3), (4.0, 0.6)]}
    assert bands(ax)[0][1.0] == pytest.approx((0.2, 0.5)) and bands(ax)[0][4.0] == pytest.approx((0.5, 0.8))
    assert ax.get_title().startswith(kind)


def test_tables_of_an_evaluation_have_the_look_of_their_arm_and_the_name_that_is_their_own():
    numbers = {f"{kind}1": {"value": v, "low": v, "high": v} for kind, v in (("pass@", 0.3), ("maj@", 0.2))}
    canvas = evaluation.evaluation_figure(
        {"runs/x/one:last": numbers, "runs/x/two:last": numbers}, {"runs/x/two:last": LOOKS["b"]}
    )
    assert [list(marks(ax)) for ax in canvas.axes] == [["one:last", "two:last"]] * 2
    assert canvas.axes[0].lines[1].get_color() == "#222222"
    assert [marks(ax)["one:last"] for ax in canvas.axes] == [[(1.0, 0.3)], [(1.0, 0.2)]]


def test_a_curve_of_the_forecast_has_its_band_and_is_hollow_where_it_cannot_be_told(ax):
    records = [record(0.5, 0.45, 0.6), record(0.3, None, None, alpha=2.0, told=False)]
    forecast.draw_curve(ax, records, "alpha", "accuracy", "#123456")
    assert curves(ax) == [[(1.0, 0.5), (2.0, 0.3)]] and hollow(ax) == [(2.0, 0.3)]
    assert bands(ax)[0][1.0] == pytest.approx((0.45, 0.6))


def test_the_curves_of_a_forecast_are_rows_of_quantities_with_alpha_left_and_b_right():
    def at(**place):
        told = place.get("b", 0.0) < 9
        parts = {"accuracy": 0.5, "length": 10.0, "entropy": 3.0}
        shift = 0.1 * (place.get("alpha", 1.0) - 1) + 0.2 * place.get("b", 0.0)
        whole = {}
        for quantity, value in parts.items():
            whole |= record(value + shift, value - 0.1, value + 1, quantity=quantity, told=told, **place)
        return {"alpha": 1.0, "b": 0.0} | whole | place

    followed = pd.DataFrame({"alpha": [1.5], "b": [0.0], "accuracy": [0.9], "length": [11.0], "entropy": [2.5]})
    canvas = forecast.curves_figure([at(), at(alpha=2.0)], [at(), at(b=2.0), at(b=9.0)], followed)
    left, right = canvas.axes[0], canvas.axes[1]
    assert curves(left) == [[(1.0, 0.5), (2.0, 0.6)]]
    np.testing.assert_allclose(curves(right), [[(0.0, 0.5), (2.0, 0.9), (9.0, 2.3)]])
    assert [ax.get_ylabel() for ax in canvas.axes[::2]] == ["accuracy", "length / tokens", "entropy / nats"]
    assert [levels(ax) for ax in canvas.axes] == [[0.5], [0.5], [10.0], [10.0], [3.0], [3.0]]
    assert (1.5, 0.9) in marks(left)["black"] and "black" not in marks(right)
    assert left.get_ylim() == pytest.approx((0.4 - 0.08 * 1.1, 1.5 + 0.08 * 1.1), abs=1e-5)  # b = 9 sets no scale


def test_the_plane_of_a_forecast_has_b_upwards_and_is_hatched_where_it_cannot_be_told():
    records = [
        {"alpha": a, "b": b, "accuracy": 0.1 * a + 0.4 * b, "reliable": (a, b) != (3.0, 1.0)}
        for b in (0.0, 1.0)
        for a in (1.0, 2.0, 3.0)
    ]
    ax = forecast.plane_figure(records, [1.0, 2.0, 3.0], [0.0, 1.0]).axes[0]
    filled, lines, hatched = [c for c in ax.collections if hasattr(c, "levels")]
    assert (filled.zmin, filled.zmax) == pytest.approx((0.1, 0.7)) and list(hatched.hatches) == ["////"]
    half = next(seg for level, segs in zip(lines.levels, lines.allsegs, strict=True) if level == 0.5 for seg in segs)
    np.testing.assert_allclose(half @ [0.1, 0.4], 0.5)
    (corner,) = (seg for segs in hatched.allsegs for seg in segs)
    assert corner[:, 0].min() == pytest.approx(2.5) and corner[:, 1].min() == pytest.approx(0.5)


def test_pass_at_k_and_votes_stand_in_their_own_panels():
    passed, majority = {"base model": {1: 0.3, 2: 0.5}, "a": {1: 0.4, 2: 0.45}}, {"a": {1: 0.6, 2: 0.7}}
    left, right = pass_curves.pass_figure(passed, majority, LOOKS).axes
    assert marks(left) == {"base model": [(1.0, 0.3), (2.0, 0.5)], "a": [(1.0, 0.4), (2.0, 0.45)]}
    assert marks(right) == {"a": [(1.0, 0.6), (2.0, 0.7)]} and left.get_title().startswith("pass@k")
    assert right.get_title().startswith("maj@k")


def test_a_run_in_the_plane_ends_where_it_went_and_its_forecast_is_the_hollow_mark(ax, run):
    way = np.array([[1.2, 0.1], [1.6, -0.2]])
    runs_in_plane.draw_way(ax, run, way, LOOKS["a"], (6.0, 3.0))
    assert curves(ax) == [[(1.0, 0.0), (2.0, 0.0)], [(1.2, 0.1), (1.6, -0.2)]]
    assert hollow(ax) == [(2.0, 0.0)] and marks(ax)["a"] == [(1.6, -0.2)]


def test_the_way_in_the_plane_is_the_moving_median_of_the_runs_own_coordinates(run):
    way = way_in_plane(run)
    assert way.shape == (30 - 24, 2)
    np.testing.assert_allclose(way[0], [1 + 13 / 30, 13 / 60])  # the median of steps 1 to 25


def test_the_shade_under_the_runs_has_b_upwards(ax):
    records = [
        {"alpha": a, "b": b, "accuracy": 0.1 * a + 0.4 * b, "reliable": (a, b) != (3.0, 1.0)}
        for a in (1.0, 2.0, 3.0)
        for b in (0.0, 1.0)
    ]
    filled = runs_in_plane.draw_shade(ax, grid(records))
    edges = [
        (level, seg) for level, segs in zip(filled.levels, filled.allsegs, strict=False) for seg in segs if len(seg)
    ]
    for level, seg in edges:
        inside = seg @ [0.1, 0.4]
        assert (level - 1e-9 <= inside).all() and (inside <= level + 0.05 + 1e-9).all()
    (corner,) = (seg for segs in ax.collections[-1].allsegs for seg in segs)
    assert corner[:, 0].min() == pytest.approx(2.5) and corner[:, 1].min() == pytest.approx(0.5)


def test_the_error_of_a_sampler_is_drawn_against_its_cost(ax):
    row = {"alpha": 2.0, "method": "power-smc", "cost": 0.5, "excess": 0.01, "excess_se": 0.002}
    samplers.draw_cost(ax, [row, row | {"cost": 0.8, "excess": 0.02}, row | {"alpha": 4.0, "excess": 0.3}], 2.0)
    assert marks(ax) == {"power-smc": [(0.5, 0.01), (0.8, 0.02)]} and ax.get_title() == "α = 2"
    np.testing.assert_allclose(error_bars(ax, "power-smc"), [(0.006, 0.014), (0.016, 0.024)])


def test_a_run_by_steps_has_its_batches_its_mean_its_end_and_the_band_of_its_forecast(ax, run):
    seen = Batches(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.1, 0.9]), np.array([0.45, 0.5, 0.55]))
    shown = steps.draw_run(ax, seen, run, "accuracy", LOOKS["a"])
    assert curves(ax) == [[(1.0, 0.5), (2.0, 0.1), (3.0, 0.9)], [(1.0, 0.45), (2.0, 0.5), (3.0, 0.55)]]
    assert levels(ax) == [0.4] and marks(ax)["a"] == [(pytest.approx(3.12), 0.39)]
    assert error_bars(ax, "a")[0] == pytest.approx((0.37, 0.41))
    (band,) = ax.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.38, 0.42))
    assert sorted(shown) == pytest.approx([0.37, 0.39, 0.4, 0.41, 0.45, 0.5, 0.5, 0.55])  # no single batch


def test_what_cannot_be_told_has_no_band(ax, run):
    unsure = run._replace(forecast=run.forecast | {"accuracy_reliable": False})
    steps.draw_run(ax, batches(run, "accuracy"), unsure, "accuracy", LOOKS["a"])
    assert not ax.patches and levels(ax) == [0.4]


def test_rows_of_steps_are_families_and_columns_quantities(study, run):
    canvas = steps.steps_figure([run], LOOKS)
    assert [ax.get_title() for ax in canvas.axes] == [
        comparison.LABELS[q] for q in ("accuracy", "length", "entropy", "kl")
    ]
    assert [marks(ax)["a"][0][1] for ax in canvas.axes] == [0.39, 12.0, 4.0, 0.32]
    assert [levels(ax) for ax in canvas.axes] == [[0.4, 0.5], [8.0, 12.0], [4.0, 4.0], [0.3, 0.0]]


def test_training_has_batches_base_forecast_and_end_in_the_panel_of_their_quantity(run):
    names = ("accuracy", "length", "log_p", "kl")
    seen = {
        name: Batches(np.array([1.0, 2.0]), np.array([k + 0.1, k + 0.2]), np.zeros(2)) for k, name in enumerate(names)
    }
    with figure(ncols=4) as (_, axes):
        training.draw_training(axes, run, seen, "#123456")
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert list(lines["training batches"]) == [k + 0.1, k + 0.2]
        assert lines["base model"][0] == run.base[name] and lines["forecast of the optimum"][0] == run.forecast[name]
        ((_, end),) = marks(ax)["held-out prompts, end (±2 s.e.)"]
        assert end == run.final[name]
        bar = error_bars(ax, "held-out prompts, end (±2 s.e.)")[0]
        assert bar == pytest.approx((end - 0.02, end + 0.02))


def test_batches_are_read_from_the_column_of_their_quantity(run):
    lines = [
        {"step": s, "accuracy": s / 10, "length": s, "log_p": -s, "sequence_entropy": 2 * s, "sequence_kl": 3 * s}
        for s in range(1, 21)
    ]
    (run.folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    last = {q: batches(run, q).batch[-1] for q in ("accuracy", "length", "log_p", "entropy", "kl")}
    assert last == {"accuracy": 2.0, "length": 20, "log_p": -20, "entropy": 40, "kl": 60}
    assert batches(run, "length").mean[9] == pytest.approx(10) and batches(run, "length").mean[0] == pytest.approx(4.5)


def test_an_arm_without_a_forecast_is_left_out_and_one_without_an_interval_is_not(ax):
    table = results(low=np.nan, high=np.nan)
    table.loc[table["arm"] == "b", "forecast"] = np.nan
    comparison.draw_against_run(ax, table[table["quantity"] == "accuracy"], LOOKS)
    assert marks(ax) == {"a": [(0.4, 0.45)], "base model": [(0.5, 0.5)]} and error_bars(ax, "a", "x") == []
