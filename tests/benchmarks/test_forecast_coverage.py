"""The coverage benchmark on a few tables: intervals hold what they are said to hold, and would not hold anything."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecast_coverage import (
    QUANTITIES,
    at_kl,
    cells,
    directions,
    judged,
    measured,
    summary,
    tabular,
    token_level,
)
from benchmarks.populations import Shape


def rows_of(cases, shift=0.0):
    rows = []
    for case in cases:
        true = case.truth
        moved = case._replace(truth=lambda target, true=true: {name: x + shift for name, x in true(target).items()})
        rows += measured(moved, np.random.default_rng(0), ("psis",))
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def cases():
    return [*tabular(3, 0), *token_level(2, 0, [Shape(5, "helps")], (8,))]


def test_most_reliable_values_are_covered_and_none_of_others_would_be(cases):
    rows, moved = rows_of(cases), rows_of(cases, shift=2.0)
    told = rows[rows["reliable"]]
    assert 0.9 < told["covered"].mean() <= 1.0 and len(told) > 200
    assert moved[moved["reliable"]]["covered"].mean() < 0.2
    assert set(rows["quantity"]) == set(QUANTITIES) and set(rows["world"]) == {"tabular", "sd 5"}


def test_a_cell_counts_what_is_reliable_covered_and_false():
    rows = pd.DataFrame({"k": "a", "reliable": [True, True, True, False], "covered": [True, True, False, False]})
    assert cells(rows, ["k"]) == [{"k": "a", "values": 3, "reliable": 0.75, "coverage": 0.6667, "false": 0.25}]


def test_the_summary_names_the_cells_that_miss(cases):
    rows = pd.concat([rows_of(cases, shift=2.0)] * 200, ignore_index=True)
    for part in ("full_cells", "coarse_cells"):
        found = summary(rows, pd.DataFrame())[part]
        assert found["cells"] > 20 and found["outside_by_chance"] < 0.1 * found["cells"]
        assert len(found["outside_92_to_98"]) > 0.8 * found["cells"] < 2 * len(found["false_above_3_percent"])


def test_cells_outside_by_chance_are_counted_as_they_are_drawn():
    values = np.array([200, 204, 500])
    drawn = np.random.default_rng(0).binomial(values, 0.95, size=(20_000, 3)) / values
    outside = np.mean(np.sum((drawn < 0.92) | (drawn > 0.98), axis=1))
    cells = [{"values": n, "coverage": 0.95, "false": 0.0} for n in values]
    assert judged(cells)["outside_by_chance"] == pytest.approx(outside, abs=0.06)


def test_the_direction_of_a_little_sharpening_is_judged(cases):
    (row,) = directions(cases[-1], 5.0, np.random.default_rng(0))
    assert row["told"] and not row["wrong"] and row["gain"] > 0
    wrong = cases[-1]._replace(truth=lambda target: {"gain": -0.01, "kl": cases[-1].truth(target)["kl"]})
    assert next(directions(wrong, 5.0, np.random.default_rng(0)))["wrong"]


def test_the_target_at_a_distance_lies_there(cases):
    case = cases[-1]
    assert case.truth(at_kl(case, 0.2, 5.0))["kl"] == pytest.approx(0.2, rel=0.01)
