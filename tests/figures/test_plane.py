"""The plane is drawn from numbers, and each regime keeps its colour."""

import numpy as np
import pytest

from figures.plane import RegimePath, draw_plane, plane_figure
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
    assert len(set(COLOURS.values())) == len(COLOURS)
