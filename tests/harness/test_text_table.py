"""Tables that nothing cuts, whatever the width."""

from hypothesis import given
from hypothesis import strategies as st

from harness.text_table import display_width, table, width, without_shared_beginning

CELL = st.text(st.characters(categories=("L", "N"), max_codepoint=0x9FFF), min_size=1, max_size=12)


@given(st.integers(2, 6).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=2, max_size=5)))
def test_every_cell_is_there_whole_and_in_its_row(cells):
    for columns in (20, 60, 1000):
        text = table(cells[0], cells[1:], columns)
        blocks = [block.splitlines() for block in text.split("\n\n")]
        assert all(len(block) == len(cells) for block in blocks)
        for number, row in enumerate(cells):
            lines = [block[number] for block in blocks]
            assert all(line.startswith(row[0]) for line in lines), "each block names its rows"
            assert [word for line in lines for word in line.split()[1:]] == row[1:]


def test_blocks_are_no_wider_than_the_terminal_where_two_columns_fit():
    cells = [["name", *(f"column {i}" for i in range(9))]]
    for columns in (40, 80, 100):
        lines = table(cells[0], cells, columns).splitlines()
        assert max(map(display_width, lines)) <= columns
    assert len(table(cells[0], cells, 1000).splitlines()) == 2


def test_columns_are_aligned_by_what_a_terminal_shows():
    text = table(["", "答案"], [["日本", "1"], ["x", "22"]], 80)
    assert [display_width(line) for line in text.splitlines()] == [10, 10, 10]


def test_without_a_terminal_there_are_a_hundred_columns(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width() == 100  # pytest keeps what is printed: there is no terminal
    monkeypatch.setenv("COLUMNS", "72")
    assert width() == 72


def test_what_all_paths_begin_with_is_said_once():
    assert without_shared_beginning(["runs/a/x:last", "runs/a/y:last"]) == ("runs/a", ["x:last", "y:last"])
    assert without_shared_beginning(["runs/a/base.parquet"]) == ("runs/a", ["base.parquet"])
    assert without_shared_beginning(["a", "b/c"]) == ("", ["a", "b/c"])
    assert without_shared_beginning(["r/a", "r/a/b"]) == ("r", ["a", "a/b"])
