"""The plane is drawn from numbers, and each regime keeps its colour."""

import numpy as np
import pytest
from artists import curves, hollow, marks

from figures.plane import RegimePath, draw_plane, finding, plane_figure
from figures.style import COLOURS, MARKERS, figure
from theory.objectives import REGIMES


@pytest.fixture
def plane():
    alphas, bs = np.linspace(0, 4, 5), np.linspace(-1, 2, 4)
    accuracy = np.linspace(0, 1, 20).reshape(4, 5)
    line = np.array([[1.0, 0.0], [3.0, 1.5]])
    paths = {name: RegimePath(line, line[:1] + 0.1, line[1:], "point") for name in REGIMES[:2]}
    paths["self-sharpening"] = RegimePath(
        np.array([[0.0, -0.5]]), np.array([[0.0, -0.5]]), np.empty((0, 2)), "repeller"
    )
    return alphas, bs, accuracy, paths


def test_predictions_are_lines_and_measurements_marks_where_they_are(plane):
    with figure() as (_, ax):
        draw_plane(ax, *plane)
    lines = [line for line in ax.lines if line.get_color() == COLOURS["task"]]
    drawn = [np.stack(line.get_data(), axis=1) for line in lines]
    np.testing.assert_array_equal(drawn[0], plane[-1]["task"].predicted)
    np.testing.assert_array_equal(drawn[1], plane[-1]["task"].measured)
    assert ax.get_xlim() == (0, 4) and ax.get_ylim() == (-1, 2)


def test_the_key_names_every_path_and_the_base_model(plane):
    names = [text.get_text() for text in plane_figure(*plane).legends[0].get_texts()]
    assert names == ["task", "tilted", "self-sharpening: repeller", "base model"]


def test_every_regime_has_a_colour_and_a_mark_of_its_own():
    assert set(REGIMES) < set(COLOURS) and set(COLOURS) == set(MARKERS)
    assert len({(COLOURS[name], MARKERS[name]) for name in COLOURS}) == len(COLOURS)


def test_a_path_has_its_prediction_as_a_line_the_flow_as_marks_and_other_ends_hollow():
    path = RegimePath(
        np.array([[1.0, 0.0], [3.0, 1.5]]), np.array([[1.2, 0.1], [2.0, 0.9]]), np.array([[2.9, 1.4]]), "point"
    )
    away = RegimePath(np.array([[0.5, -0.5]]), np.array([[0.6, -0.4], [0.8, -0.7]]), np.empty((0, 2)), "repeller")
    grid = np.linspace(0, 4, 5), np.linspace(-1, 2, 4), np.linspace(0.1, 0.9, 20).reshape(4, 5)
    with figure() as (_, ax):
        filled = draw_plane(ax, *grid, {"task": path, "self-sharpening": away})
    assert curves(ax) == [[(1.0, 0.0), (3.0, 1.5)]] * 2  # a white one beneath
    assert marks(ax)["task"] == [(1.2, 0.1), (2.0, 0.9)]
    assert marks(ax)["self-sharpening: repeller"] == [(0.6, -0.4), (0.8, -0.7)]
    assert set(hollow(ax)) == {(0.5, -0.5), (2.9, 1.4)}
    assert (filled.zmin, filled.zmax) == pytest.approx((0.1, 0.9))
    lines = next(c for c in ax.collections if c is not filled and hasattr(c, "levels"))
    np.testing.assert_allclose(lines.levels, np.arange(0.2, 0.85, 0.1))
    half = np.concatenate(lines.allsegs[3])
    step = 0.8 / 19  # accuracy rises by it along alpha, and by five of it from one b to the next
    np.testing.assert_allclose(0.1 + step * (half[:, 0] + 5 * (half[:, 1] + 1)), 0.5)


def test_an_accuracy_that_crosses_no_level_has_no_contour_line():
    with figure() as (_, ax):
        draw_plane(ax, np.linspace(0, 4, 5), np.linspace(-1, 2, 4), np.full((4, 5), 0.3), {})
    assert len([c for c in ax.collections if hasattr(c, "levels")]) == 1


def test_the_title_says_how_near_the_ends_are_to_their_points():
    predicted = np.array([[1.0, 0.0], [3.0, 1.5]])
    near = RegimePath(predicted, predicted + 0.01, np.empty((0, 2)), "point")
    far = RegimePath(predicted, predicted + np.array([[0, 0], [0, 0.2]]), np.empty((0, 2)), "point")
    assert finding({"tilted": near, "tempered": far}) == (
        "The flow of each of 2 objectives ends on its own point of the plane, within 2e-01"
    )
    assert finding({"task": near._replace(kind="ray")}) == ""
