"""Misuses of a file on a few tables: found by the column entropy; clean tables are not accused by anything."""

import pytest

from benchmarks.misuses import MISUSES, measured

TABLES = 2
ALWAYS_FOUND = set(MISUSES) - {"none", "T = 0.97"}  # at 5 nats and 800 responses T = .97 is seen now and then


@pytest.fixture(scope="module")
def found():
    return measured(TABLES, 1, 5)


def test_misuses_are_found_and_clean_tables_are_not_accused(found):
    assert set(found) == set(MISUSES)
    for how in ("with entropy", "without", "with the model"):
        assert found["none"][how] == {"nothing": TABLES}
    assert {name for name in ALWAYS_FOUND if "nothing" in found[name]["with entropy"]} == set()


def test_units_are_named_for_what_they_are(found):
    for name, kind in (("mean per token", "mean_per_token"), ("base 10", "base_10"), ("base 2", "base_2")):
        assert found[name]["with entropy"] == found[name]["with the model"] == {kind: TABLES}
