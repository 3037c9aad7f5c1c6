"""A toy simulation's figure is drawn again from the numbers in its folder, and shows the same."""

import json

import numpy as np
import pytest

from figures.plane import RegimePath, plane_figure
from figures.toysims import redraw
from harness.run_folder import write_json
from harness.run_kind import TOYS, folders


@pytest.fixture
def folder(tmp_path):
    write_json(tmp_path / "summary.json", {"predictions": []})
    return tmp_path


def test_every_simulation_that_leaves_numbers_has_a_caption_and_a_text_for_who_cannot_see_it():
    assert set(TOYS.values()) == set(redraw.CAPTIONS) == set(redraw.ALTS) - {"right and wrong"}


def test_the_plane_drawn_again_has_the_same_lines(folder):
    line = np.array([[1.0, 0.0], [3.0, 1.5]])
    paths = {
        "task": RegimePath(line, line[:1] + 0.1, np.empty((0, 2)), "ray"),
        "self-sharpening": RegimePath(np.array([[0.0, -0.5]]), np.array([[0.1, -0.6]]), np.empty((0, 2)), "repeller"),
    }
    grid = np.linspace(0, 4, 5), np.linspace(-1, 2, 4), np.linspace(0, 1, 20).reshape(4, 5)
    written = {"alphas": grid[0], "bs": grid[1], "accuracy": grid[2]}
    write_json(folder / "plane.json", written | {"paths": {name: path._asdict() for name, path in paths.items()}})
    assert folders([folder])[0].kind == "toysims.sharpening"
    again = redraw.redraw("sharpening", folder).axes[0]
    ax = plane_figure(*grid, paths).axes[0]
    assert len(again.lines) == len(ax.lines) > 3
    for ours, theirs in zip(again.lines, ax.lines, strict=True):
        np.testing.assert_array_equal(np.stack(ours.get_data()), np.stack(theirs.get_data()))


def test_phase_portraits_drawn_again_start_where_the_policies_did(folder):
    paths = np.array([[[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.9, 0.05, 0.05]]])
    portraits = [("stays", paths, np.array([0]), np.array([0.9, 0.05, 0.05]), True), ("leaves", paths, np.array([0]))]
    parts = {
        "portraits": [*portraits, portraits[0]],
        "step size": {"gains": np.array([0.5]), "predicted": np.array([0.5]), "measured": np.array([0.4])},
        "self-reward": {name: ([1, 2], [1, 2.1]) for name in "abc"},
        "iterated sharpening": {name: ([1, 3], [1, 2.9]) for name in "abc"},
    }
    write_json(folder / "stability.json", parts)
    assert json.loads((folder / "stability.json").read_text())["portraits"][1][0] == "leaves"
    canvas = redraw.redraw(folders([folder])[0].kind.removeprefix("toysims."), folder)
    start = canvas.axes[0].lines[2].get_xydata()[0]
    np.testing.assert_allclose(start, [0.3 + 0.05, 0.1 * 3**0.5 / 2])  # 0.6 (0, 0) + 0.3 (1, 0) + 0.1 (1/2, √3/2)
    assert [list(line.get_ydata()) for line in canvas.axes[3].lines[1:]] == [[0.5], [0.4]]  # predicted, measured


def test_the_sweep_is_averaged_over_policies_in_the_right_cells(toy):
    """Accuracy 0.1 alpha + 0.2 beta + 0.05 policy: its mean over two policies, alphas across, betas upwards."""
    maps = [ax.images[0].get_array() for ax in redraw.redraw("sweep", toy).axes]
    np.testing.assert_allclose(maps[0], [[0.225, 0.425], [0.525, 0.725]])
    np.testing.assert_allclose(maps[1], [[0.0, 1.0], [1.0, 1.0]])  # above 0.3: neither, or both policies
