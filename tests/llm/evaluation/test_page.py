"""The printed page of an evaluation: the numbers of evaluation.json, with the digits and words that they allow."""

import math

import pytest

from llm.evaluation.page import WIDTH, page

UNKNOWN = {"value": math.nan, "low": math.nan, "high": math.nan}


def numbers(value, low=math.nan, high=math.nan):
    return {"value": value, "low": low, "high": high}


def quantities(**known):
    """A table with pass@k, maj@k and best-of-k for k = 1, 2, 4, all different."""
    found = {
        f"{kind}{k}": numbers(0.1 * k, 0.05 * k, 0.2 * k) for kind in ("pass@", "maj@", "best-of-") for k in (1, 2, 4)
    }
    found["maj@4"], found["best-of-4"] = numbers(0.75, 0.7, 0.8), UNKNOWN
    found |= {"length": numbers(7.26), "truncated": numbers(0.0325), "kl": numbers(0.1234)}
    return found | known


def result(tables, differences=None, level=0.9):
    return {
        "tables": tables,
        "prompts": {name: 12 for name in tables},
        "differences_to": next(iter(tables)),
        "differences": differences or {},
        "level": level,
    }


def blocks(result, columns=300):
    """The parts between empty lines; a table as its rows of cells."""
    text = page(result, columns)
    assert text.endswith(".\n") and not text.endswith("\n\n")
    said, *tables, note = text.rstrip("\n").split("\n\n")
    return " ".join(said.split("\n")), [[cells(line) for line in table.split("\n")] for table in tables], note


def cells(line):
    """Columns stand two spaces apart or more; the first of a header is empty."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_one_table_is_one_row_without_differences():
    said, (folder, first, largest), note = blocks(result({"runs/a": quantities()}))
    assert said == "a: accuracy 10.0 % [5.0, 20.0] on 12 prompts."
    assert folder == [["in runs/"]]
    assert first == [["accuracy %", "length", "cut off %", "KL"], ["a", "10.0 [5.0, 20.0]", "7.3", "3.2", "0.12"]]
    assert largest[1] == ["a", "40.0 [20.0, 80.0]", "75.0 [70.0, 80.0]", "–"]
    assert note == "90% intervals over prompts; differences are paired by prompt, to a."


def test_the_cells_are_the_numbers_of_the_tables():
    """In per cent but for lengths and the KL; what is not known is a dash; the differences stand beside their table."""
    other = quantities(**{"pass@1": numbers(0.25, 0.125, 0.5), "kl": UNKNOWN})
    _, (folder, first, largest), _ = blocks(
        result({"runs/a": quantities(), "runs/b": other}, {"runs/b": {"pass@1": numbers(0.15, 0.05, 0.3)}})
    )
    assert folder == [["in runs/"]]
    assert first == [
        ["accuracy %", "difference", "length", "cut off %", "KL"],
        ["a", "10.0 [5.0, 20.0]", "7.3", "3.2", "0.12"],
        ["b", "25.0 [12.5, 50.0]", "+15.0 [+5.0, +30.0] ▲", "7.3", "3.2", "–"],
    ]
    assert largest == [
        ["%", "pass@4", "maj@4", "best-of-4"],
        ["a", "40.0 [20.0, 80.0]", "75.0 [70.0, 80.0]", "–"],
        ["b", "40.0 [20.0, 80.0]", "75.0 [70.0, 80.0]", "–"],
    ]


@pytest.mark.parametrize(
    "difference, mark, word",
    [
        (numbers(0.1, 0.05, 0.2), "+10.0 [+5.0, +20.0] ▲", "above it"),
        (numbers(0.1, 0.0, 0.2), "+10.0 [+0.0, +20.0] ·", "not told apart from it"),
        (numbers(0.1, -0.05, 0.2), "+10.0 [-5.0, +20.0] ·", "not told apart from it"),
        (numbers(-0.1, -0.2, 0.0), "-10.0 [-20.0, +0.0] ·", "not told apart from it"),
        (numbers(-0.1, -0.2, -0.05), "-10.0 [-20.0, -5.0] ▼", "below it"),
        (numbers(0.1), "+10.0 [–] ·", "not told apart from it"),  # a single prompt has no interval
    ],
)
def test_a_difference_is_told_where_its_interval_lies_on_one_side_of_0(difference, mark, word):
    tables = {"a": quantities(), "b": quantities()}
    said, (first, _), _ = blocks(result(tables, {"b": {"pass@1": difference}}))
    assert first[2][2] == mark
    assert said == f"In accuracy, against a: b is {word}."


def test_tables_are_said_to_be_above_below_or_neither_in_one_sentence():
    ends = {"b": (0.1, 0.2), "c": (-0.2, -0.1), "d": (-0.1, 0.1), "e": (0.05, 0.3)}
    differences = {name: {"pass@1": numbers(sum(own) / 2, *own)} for name, own in ends.items()}
    said, _, _ = blocks(result({name: quantities() for name in "abcde"}, differences))
    assert said == "In accuracy, against a: b, e are above it; c is below it; d is not told apart from it."


@pytest.mark.parametrize(
    "own, word, shown",
    [
        (
            {"reward": numbers(0.625, 0.5, 0.75), "pass@1": UNKNOWN, "pass@4": UNKNOWN},
            "mean reward",
            ["pass@4", "maj@4"],
        ),
        ({"pass@1": numbers(0.625, 0.5, 0.75)}, "accuracy", []),
        ({"pass@4": numbers(0.625, 0.5, 0.75)}, "pass@4", ["pass@4", "maj@4"]),
        ({"pass@2": numbers(0.625, 0.5, 0.75), "pass@11": UNKNOWN}, "pass@2", ["pass@11", "maj@11"]),
    ],
)
def test_the_first_number_has_the_name_of_what_it_is(own, word, shown):
    """pass@4 of `--ks 4` was called the accuracy."""
    ks = [name.removeprefix("pass@") for name in own if name.startswith("pass@")]
    votes = {f"{kind}{k}": UNKNOWN for kind in ("maj@", "best-of-") for k in ks}
    table = own | votes | {name: numbers(1.0) for name in ("length", "truncated", "kl")}
    said, tables, _ = blocks(result({"a": table}))
    assert said == f"a: {word} 62.5 % [50.0, 75.0] on 12 prompts."
    assert tables[0][0] == [f"{word} %", "length", "cut off %", "KL"]
    assert tables[0][1] == ["a", "62.5 [50.0, 75.0]", "1.0", "100.0", "1.00"]
    assert [table[0][1:3] for table in tables[1:]] == ([shown] if shown else [])


def test_sentences_are_as_wide_as_a_narrow_terminal():
    """Over names of every length the fullest line is full: 80 columns."""
    widest = 0
    for length in range(1, 40):
        lines = page(result({"a" * length: quantities()}), 80).split("\n")
        widest = max(widest, len(lines[0]), len(lines[-2]))
    assert widest == WIDTH == 80
