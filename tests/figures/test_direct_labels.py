"""Names beside what they name: apart from each other, near to their places, and off what is drawn."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from figures.direct_labels import Label, Name, at_right, lay, spread, tip
from figures.style import figure


@given(wanted=st.lists(st.floats(0, 1), min_size=1, max_size=8), gap=st.floats(0.01, 0.1))
def test_places_keep_their_order_and_their_distance_and_stay_inside(wanted, gap):
    laid = spread(wanted, gap, 0.0, 1.0)
    order = np.argsort(wanted, kind="stable")
    steps = np.diff(np.array(laid)[order])
    assert (steps >= gap - 1e-9).all() and min(laid) >= -1e-9 and max(laid) <= 1 + 1e-9


def test_places_that_are_free_are_not_moved_and_neighbours_share_the_way():
    assert spread([0.2, 0.8], 0.1, 0, 1) == [0.2, 0.8]
    assert spread([0.5, 0.52, 0.9], 0.1, 0, 1) == pytest.approx([0.46, 0.56, 0.9])
    assert spread([0.0, 0.0, 1.0], 0.6, 0, 1) == [0.0, 0.5, 1.0]  # they do not fit: evenly


def test_names_cover_neither_each_other_nor_the_marks_where_there_is_room():
    names = [Name((100 + 8 * i, 100 + 5 * i), 40, 9, "mark") for i in range(4)]
    boxes = lay(names, (0, 0, 400, 300), np.zeros((0, 2)))
    for (a, b, c, d), (e, f, g, h) in itertools.combinations(boxes, 2):
        assert a >= g or e >= c or b >= h or f >= d
    for (a, b, c, d), name in itertools.product(boxes, names):
        assert not (a < name.at[0] < c and b < name.at[1] < d)
    assert all(0 <= a and 0 <= b and c <= 400 and d <= 300 for a, b, c, d in boxes)


def test_a_name_keeps_off_words_that_stand_there_already():
    name = Name((100, 100), 40, 9, "mark")
    (free,) = lay([name], (0, 0, 400, 300), np.zeros((0, 2)))
    (moved,) = lay([name], (0, 0, 400, 300), np.zeros((0, 2)), written=[free])
    assert moved[0] >= free[2] or moved[2] <= free[0] or moved[1] >= free[3] or moved[3] <= free[1]


def test_a_name_that_stands_off_has_a_line_to_its_point():
    name = Name((0.0, 0.0), 10, 5, "mark")
    assert tip(name, (8, -2, 18, 3)) is None and tip(name, (20, -2, 30, 3)) == (20, 0)
    assert tip(name._replace(kind="line"), (20, -2, 30, 3)) is None


def test_names_at_the_right_do_not_overlap():
    with figure(height=2.0) as (canvas, ax):
        ax.plot([0, 1], [0, 1])
        at_right(ax, [Label(1, 0.5 + 0.001 * i, f"name {i}", "black") for i in range(4)])
        canvas.canvas.draw()
        boxes = sorted(Text.get_window_extent(own).extents[[1, 3]].tolist() for own in ax.texts)  # without its line
    assert all(above[0] >= below[1] - 1 for below, above in itertools.pairwise(boxes))
