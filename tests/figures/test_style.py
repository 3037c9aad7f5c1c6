"""One sign for what cannot be told, in every figure."""

import numpy as np
import pytest
from artists import dashed, points

from figures.style import FADED, figure, outside, told_line, told_mark


@pytest.fixture
def ax():
    with figure() as (_, ax):
        yield ax


def test_a_line_is_solid_between_two_points_that_can_be_told_and_dashed_elsewhere(ax):
    x, y = np.arange(6.0), np.arange(6.0) ** 2
    told_line(ax, x, y, [True, True, False, True, True, True], "#123456", label="it")
    assert [points(line) for line in ax.lines] == [
        [(0, 0), (1, 1)],
        [(1, 1), (2, 4), (3, 9)],
        [(3, 9), (4, 16), (5, 25)],
    ]
    assert dashed(ax) == [[(1, 1), (2, 4), (3, 9)]]
    assert ax.get_legend_handles_labels()[1] == ["it"]


def test_what_cannot_be_told_is_faded_and_never_white(ax):
    ax.plot(0, 0, "o", color="#123456", **told_mark(False))
    ax.plot(0, 0, "o", color="#123456", **told_mark(True))
    faded, full = ax.lines
    assert faded.get_alpha() == FADED and full.get_alpha() is None
    assert faded.get_markerfacecolor() == full.get_markerfacecolor() == "#123456"


def test_what_leaves_the_axes_has_an_arrow_at_the_edge(ax):
    ax.set(xlim=(0, 4), ylim=(0, 1))
    outside(ax, [1.0, 2.0, 3.0], [5.0, 0.5, -2.0], "black")
    found = {line.get_marker(): points(line) for line in ax.lines}
    assert found == {"$\\uparrow$": [(1.0, 1.0)], "$\\downarrow$": [(3.0, 0.0)]}


def test_a_long_finding_is_broken_to_the_width():
    with figure(width=3.4, title="word " * 30) as (canvas, _):
        lines = canvas.get_suptitle().split("\n")
    assert len(lines) > 2 and max(map(len, lines)) <= 43
