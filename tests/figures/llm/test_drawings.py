"""Forecast and run, low and high, base and final: each drawing is handed a table in which they differ."""

import json

import numpy as np
import pandas as pd
import pytest
from artists import bands, curves, dashed, error_bars, faded, hollow, levels, marks, points, texts
from colour_vision import contrast_with_white

from figures.llm import (
    along_alpha,
    at_k,
    comparison,
    forecast,
    frontier,
    length_control,
    runs_in_plane,
    samplers,
    steps,
    training,
)
from figures.llm.arms import Look
from figures.study.course import SMOOTH, Batches, batches, way_in_plane
from figures.study.forecasts import grid
from figures.study.frontier import Curve, End
from figures.study.pass_at_k import AtK
from figures.study.runs import read_run
from figures.style import COLOURS, figure

LOOKS = {"a": Look("#111111", (4, 1, 0)), "b": Look("#222222", "D")}  # marks that have no letter too


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
    assert faded(ax) == [(0.4, 0.7)] and not hollow(ax)
    np.testing.assert_allclose(error_bars(ax, "a", "x"), [(0.3, 0.6)])
    np.testing.assert_allclose(error_bars(ax, "a"), [(0.43, 0.47)])


def test_each_quantity_has_its_own_panel():
    table = pd.concat(results().query("quantity == 'accuracy'").assign(quantity=q) for q in comparison.LABELS)
    table["run"] += table["quantity"].map({name: place for place, name in enumerate(comparison.LABELS)})
    panels = comparison.comparison_figure(table, LOOKS, {}).axes
    assert [marks(ax)["a"][0][1] for ax in panels[:5]] == pytest.approx([0.45, 1.45, 2.45, 3.45, 4.45])
    assert [ax.get_title(loc="left") for ax in panels[:5]] == list(comparison.LABELS.values())


def curve(*points):
    """(kl, accuracy, told) each, the interval from 0.02 below to 0.04 above."""
    kl, accuracy, told = np.array(points, float).T
    return Curve(kl, accuracy, accuracy - 0.02, accuracy + 0.04, told.astype(bool), np.arange(1.0, len(kl) + 1))


LINES = {
    "reward": curve((0.0, 0.5, 1), (0.3, 0.8, 1), (0.9, 0.9, 0)),
    "sharpening": curve((0.0, 0.5, 1), (0.4, 0.3, 1), (0.7, 0.6, 1)),
}


def panel(**changed):
    ends = [End("a", 1.5, 0.1, 0.45, 0.01, 3), End("b", 0.5, 0.05, 0.7, 0.02, 1)]
    return frontier.Panel("small", 0.5, LINES, ends, {"b": "30 steps"})._replace(**changed)


def test_the_frontier_has_kl_across_accuracy_upwards_and_two_errors_of_each(ax):
    labels = frontier.draw_panel(ax, panel(), LOOKS, (2.0, 0.2, 1.0))
    assert marks(ax) == {"a": [(1.5, 0.45)], "b": [(0.5, 0.7)], "base model": [(0.0, 0.5)]}
    np.testing.assert_allclose(error_bars(ax, "a", "x"), [(1.3, 1.7)])
    np.testing.assert_allclose(error_bars(ax, "a"), [(0.43, 0.47)])
    assert levels(ax) == [0.5] and ax.get_xlim()[1] == 2.0 and ax.get_ylim() == (0.2, 1.0)
    assert [label.text for label in labels] == ["a", "b (on its way)"]
    full = {box.get_label(): box[0].get_fillstyle() for box in ax.containers}
    assert full == {"a": "full", "b": "bottom"}  # b has not arrived


def test_the_lines_of_the_frontier_are_solid_where_they_can_be_told_and_dashed_where_not(ax):
    frontier.draw_lines(ax, LINES)
    drawn = [points(line) for line in ax.lines]
    assert drawn == [[(0.0, 0.5), (0.3, 0.8)], [(0.3, 0.8), (0.9, 0.9)], [(0.0, 0.5), (0.4, 0.3), (0.7, 0.6)]]
    assert dashed(ax) == [[(0.3, 0.8), (0.9, 0.9)]]
    reward, sharpening = bands(ax)
    assert reward[0.3] == pytest.approx((0.78, 0.84)) and sharpening[0.7] == pytest.approx((0.58, 0.64))
    assert 0.9 not in reward


@pytest.mark.parametrize(("last", "edge"), [(0.8, 0.3), (1.0, 2.0)])
def test_no_policy_is_above_the_rewards_line_as_far_as_that_is_known(ax, last, edge):
    """T5: the grey ends where the line does, unless all is correct there; the line goes on, in doubt or without."""
    frontier.draw_unreachable(ax, curve((0.0, 0.5, 1), (0.3, last, 1), (0.9, 0.1, 0)), 2.0, 1.1)
    (grey,) = bands(ax)
    assert max(grey) == edge and grey[0.0] == pytest.approx((0.5, 1.1)) and grey[edge] == pytest.approx((last, 1.1))
    assert dashed(ax) == ([] if last == 1 else [[(0.3, last), (2.0, last)]])


def test_what_cannot_be_told_sets_no_axis_of_the_frontier():
    across, low, high = frontier.extent([panel(ends=[])])
    assert across == pytest.approx(1.08 * 0.7) and 0.2 < low < 0.28 and 0.8 < high < 0.9
    far = frontier.extent([panel()])
    assert far[0] == pytest.approx(1.08 * 1.5)


def test_a_frontier_says_what_is_on_it(ax):
    written = texts(frontier.frontier_figure([panel()], LOOKS, "found").axes[0])
    assert set(written) == {"base model", "task reward", "sharpening", "a", "b (on its way)"}


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
    assert dashed(ax) == [[(1.0, 0.5), (2.0, 0.4)]] and (2.0, 0.4) in faded(ax) and levels(ax) == [0.5]
    assert marks(ax)["a"] == [(2.0, 0.39)] and error_bars(ax, "a")[0] == pytest.approx((0.37, 0.41))
    assert (4.0, 0.2) in marks(ax)[COLOURS["tempered"]]  # infinity, a step beyond the largest power
    (limit,) = error_bars(ax, ax.containers[0].get_label())
    assert limit == pytest.approx((0.1, 0.35)) and bands(ax)[0][1.0] == pytest.approx((0.48, 0.53))


@pytest.mark.parametrize(("kind", "other"), [("pass@", "maj@"), ("maj@", "pass@")])
def test_an_evaluation_shows_its_own_share_with_its_interval(ax, kind, other):
    def of(value):
        return {"value": value, "low": value - 0.1, "high": value + 0.2}

    numbers = {f"{kind}4": of(0.6), f"{kind}1": of(0.3), f"{other}1": of(0.9), "length": of(12.0)}
    label = at_k.draw_at_k(ax, at_k.at_k(numbers, kind), "runs/a", LOOKS["a"])
    assert marks(ax) == {"runs/a": [(1.0, 0.3), (4.0, 0.6)]} and (label.x, label.y) == (4, 0.6)
    assert bands(ax)[0][1.0] == pytest.approx((0.2, 0.5)) and bands(ax)[0][4.0] == pytest.approx((0.5, 0.8))


def test_tables_of_an_evaluation_have_the_look_of_their_arm_and_the_name_that_is_their_own():
    numbers = {f"{kind}1": {"value": v, "low": v, "high": v} for kind, v in (("pass@", 0.3), ("maj@", 0.2))}
    canvas = at_k.evaluation_figure(
        {"runs/x/one:last": numbers, "runs/x/two:last": numbers}, {"runs/x/two:last": LOOKS["b"]}
    )
    assert [list(marks(ax)) for ax in canvas.axes] == [["one:last", "two:last"]] * 2
    assert canvas.axes[0].lines[1].get_color() == "#222222"
    assert [marks(ax)["one:last"] for ax in canvas.axes] == [[(1.0, 0.3)], [(1.0, 0.2)]]
    assert texts(canvas.axes[1]) == ["one:last", "two:last"] and not canvas.legends


def test_colours_that_run_from_one_to_another_stand_out_on_white_at_both_ends():
    tables = {str(i): {"pass@1": {"value": 0.3, "low": 0.2, "high": 0.4}} for i in range(5)}
    seen = [line.get_color() for line in at_k.evaluation_figure(tables, {}).axes[0].lines]
    steps = pd.DataFrame({"alpha": [1.5] * 9, "b": [0.0] * 9, "accuracy": 0.9, "length": 11.0, "entropy": 2.5})
    with figure(nrows=3, ncols=2) as (_, axes):
        forecast.draw_followed(axes, steps)
    seen += list(axes[0, 0].collections[0].get_facecolors()[:, :3])
    assert len(seen) >= 5 + 9 and min(contrast_with_white(colour) for colour in seen) >= 3


def test_a_curve_of_the_forecast_has_its_band_and_is_faded_and_dashed_where_it_cannot_be_told(ax):
    records = [record(0.5, 0.45, 0.6), record(0.3, None, None, alpha=2.0, told=False)]
    forecast.draw_curve(ax, records, "alpha", "accuracy", "#123456")
    assert dashed(ax) == [[(1.0, 0.5), (2.0, 0.3)]] and faded(ax) == [(2.0, 0.3)] and not hollow(ax)
    sure = [record(0.5, 0.45, 0.6), record(0.3, 0.2, 0.4, alpha=2.0)]
    with figure() as (_, other):
        forecast.draw_curve(other, sure, "alpha", "accuracy", "#123456")
    assert not dashed(other) and bands(other)[0][1.0] == pytest.approx((0.45, 0.6))


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
    np.testing.assert_allclose(np.concatenate(curves(right)), [(0.0, 0.5), (2.0, 0.9), (2.0, 0.9), (9.0, 2.3)])
    np.testing.assert_allclose(dashed(right), [[(2.0, 0.9), (9.0, 2.3)]])
    arrows = [line for line in right.lines if line.get_marker() == "$\\uparrow$"]
    assert [points(line) for line in arrows] == [[(9.0, 1.0)]]  # what leaves the axes says so
    assert [ax.get_ylabel() for ax in canvas.axes[::2]] == ["accuracy", "length / tokens", "entropy / nats"]
    assert [levels(ax) for ax in canvas.axes] == [[0.5], [0.5], [10.0], [10.0], [3.0], [3.0]]
    followed_on = [[tuple(map(float, at)) for at in c.get_offsets()] for c in left.collections if len(c.get_offsets())]
    assert [(1.5, 0.9)] in followed_on and texts(left) == ["step 1"] and not texts(right)
    assert left.get_ylim() == pytest.approx((0.4 - 0.08 * 1.1, 1.5 + 0.08 * 1.1), abs=1e-5)  # b = 9 sets no scale


def test_the_plane_of_a_forecast_has_b_upwards_and_is_faded_and_hatched_where_it_cannot_be_told():
    records = [
        {"alpha": a, "b": b, "accuracy": 0.1 * a + 0.4 * b, "reliable": (a, b) != (3.0, 1.0)}
        for b in (0.0, 1.0)
        for a in (1.0, 2.0, 3.0)
    ]
    ax = forecast.plane_figure(records, [1.0, 2.0, 3.0], [0.0, 1.0]).axes[0]
    filled, lines, pale, hatched = [c for c in ax.collections if hasattr(c, "levels")]
    assert len(filled.levels) == 11  # from 0.1 to 0.6 in steps of 0.05: what cannot be told sets no shade
    assert list(hatched.hatches) == ["////"] and pale.get_alpha() < 1
    half = next(seg for level, segs in zip(lines.levels, lines.allsegs, strict=True) if level == 0.5 for seg in segs)
    np.testing.assert_allclose(half @ [0.1, 0.4], 0.5)
    (corner,) = (seg for segs in hatched.allsegs for seg in segs)
    assert corner[:, 0].min() == pytest.approx(2.5) and corner[:, 1].min() == pytest.approx(0.5)


def test_pass_at_k_is_what_training_adds_and_votes_stand_beside_it():
    gains = {"a": {1: AtK(0.1, 0.05, 0.2), 2: AtK(-0.05, -0.1, -0.01)}}
    majority = {"base model": {1: 0.5, 2: 0.6}, "a": {1: 0.6, 2: 0.7}}
    canvas = at_k.pass_figure(gains, majority, LOOKS)
    left, right = canvas.axes
    assert marks(left) == {"a": [(1.0, 0.1), (2.0, -0.05)]} and levels(left) == [0.0]
    assert bands(left)[0][2.0] == pytest.approx((-0.1, -0.01))
    assert marks(right) == {"base model": [(1.0, 0.5), (2.0, 0.6)], "a": [(1.0, 0.6), (2.0, 0.7)]}
    assert "Of 1 arms 1 beat the base model with one sample, 0 with 2, and 1 fall below" in canvas.get_suptitle()


def test_a_run_in_the_plane_ends_where_it_went_and_its_forecast_is_the_ring(ax, run):
    way = np.array([[1.2, 0.1], [1.6, -0.2]])
    runs_in_plane.draw_way(ax, run, way, LOOKS["a"], (6.0, 3.0))
    assert curves(ax) == [[(1.0, 0.0), (2.0, 0.0)], [(1.2, 0.1), (1.6, -0.2)]]
    assert hollow(ax) == [(2.0, 0.0)] and marks(ax)["a"] == [(1.6, -0.2)]


def test_a_run_too_short_for_a_median_is_in_the_key_all_the_same(ax, run):
    runs_in_plane.draw_way(ax, run, np.zeros((0, 2)), LOOKS["a"], (6.0, 3.0))
    assert ax.get_legend_handles_labels()[1] == ["a (too short to place)"] and hollow(ax) == [(2.0, 0.0)]


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
    ends = zip(filled.levels[:-1], filled.levels[1:], filled.allsegs, strict=True)
    edges = [(low, high, seg) for low, high, segs in ends for seg in segs if len(seg)]
    assert edges
    for low, high, seg in edges:
        inside = seg @ [0.1, 0.4]
        assert (low - 1e-9 <= inside).all() and (inside <= high + 1e-9).all()
    (corner,) = (seg for segs in ax.collections[-1].allsegs for seg in segs)
    assert corner[:, 0].min() == pytest.approx(2.5) and corner[:, 1].min() == pytest.approx(0.5)


def test_the_error_of_a_sampler_is_drawn_against_its_cost(ax):
    row = {"alpha": 2.0, "method": "power-smc", "cost": 0.5, "excess": 0.01, "excess_se": 0.002}
    rows = [row | {"cost": 0.8, "excess": 0.02}, row, row | {"alpha": 4.0, "excess": 0.3}]
    (label,) = samplers.draw_cost(ax, rows, 2.0)
    assert marks(ax) == {"power-smc": [(0.5, 0.01), (0.8, 0.02)]} and ax.get_title(loc="left") == "α = 2"
    np.testing.assert_allclose(error_bars(ax, "power-smc"), [(0.006, 0.014), (0.016, 0.024)])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log") and (label.x, label.text) == (0.8, "power-smc")


def test_what_is_within_the_noise_of_the_benchmark_stands_on_the_floor_with_an_arrow(ax):
    row = {"alpha": 2.0, "method": "power-smc", "cost": 0.5, "excess": -0.01, "excess_se": 0.002}
    samplers.draw_cost(ax, [row], 2.0)
    assert marks(ax) == {"power-smc": [(0.5, samplers.LEAST)]} and len(ax.texts) == 1
    assert samplers.finding([row]).endswith("power-smc") and "No sampler" in samplers.finding([row | {"cost": 4.0}])


def test_a_run_by_steps_has_its_batches_its_mean_its_end_and_the_band_of_its_forecast(ax, run):
    seen = Batches(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.1, 0.9]), np.array([0.45, 0.5, 0.55]), np.zeros(3))
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
    (line,) = (line for line in ax.lines if line.get_ydata()[0] == line.get_ydata()[-1] == 0.4)
    assert line.get_linestyle() == "--" and line.get_alpha() < 0.5


def test_rows_of_steps_are_families_and_columns_quantities(study, run):
    canvas = steps.steps_figure([run], LOOKS)
    assert [ax.get_title(loc="left") for ax in canvas.axes] == [
        comparison.LABELS[q] for q in ("accuracy", "length", "entropy", "kl")
    ]
    assert [marks(ax)["a"][0][1] for ax in canvas.axes] == [0.39, 12.0, 4.0, 0.32]
    assert [levels(ax) for ax in canvas.axes] == [[0.4, 0.5], [8.0, 12.0], [4.0, 4.0], [0.3, 0.0]]


def test_training_has_batches_base_forecast_and_end_in_the_panel_of_their_quantity(run):
    names = ("accuracy", "length", "log_p", "kl")
    seen = {
        name: Batches(np.array([1.0, 2.0]), np.array([k + 0.1, k + 0.2]), np.full(2, k + 0.15), np.full(2, 0.01))
        for k, name in enumerate(names)
    }
    with figure(ncols=4) as (_, axes):
        training.draw_training(axes, run, seen, "#123456")
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        lines = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert list(lines["training batches"]) == [k + 0.1, k + 0.2]
        assert list(lines["their moving mean, ±2 s.e."]) == [k + 0.15] * 2
        assert bands(ax)[0][1.0] == pytest.approx((k + 0.13, k + 0.17))
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
    length = batches(run, "length")
    assert length.mean[9] == pytest.approx(10) and length.mean[0] == pytest.approx(4.5)
    assert length.error[9] == pytest.approx(np.std(np.arange(3, 18), ddof=1) / SMOOTH**0.5)


def test_an_arm_without_a_forecast_is_left_out_and_one_without_an_interval_is_not(ax):
    table = results(low=np.nan, high=np.nan)
    table.loc[table["arm"] == "b", "forecast"] = np.nan
    comparison.draw_against_run(ax, table[table["quantity"] == "accuracy"], LOOKS)
    assert marks(ax) == {"a": [(0.4, 0.45)], "base model": [(0.5, 0.5)]} and error_bars(ax, "a", "x") == []
