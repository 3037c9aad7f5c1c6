"""A loop in a file says a line a minute, with the time that is left; every item comes once, in order."""

from harness.progress import track


def test_a_line_a_minute_and_one_at_the_end(capsys):
    times = iter([0.0, 0.0, 50.0, 65.0, 100.0, 300.0, 310.0, 400.0])
    found = list(track(list("abcdef"), "sampling", now=lambda: next(times)))
    said = capsys.readouterr()
    assert found == list("abcdef") and said.out == ""
    assert said.err.splitlines() == [
        "sampling: 2 of 6, about 2 min left",
        "sampling: 4 of 6, about 2 min left",
        "sampling: all done in 7 min",
    ]


def test_a_short_loop_says_one_line(capsys):
    assert list(track([1, 2], "scoring")) == [1, 2]
    assert capsys.readouterr().err == "scoring: all done in 0 s\n"


def test_a_loop_that_is_left_early_does_not_say_that_it_was_done(capsys):
    for _ in track([1, 2], "scoring"):
        break
    assert capsys.readouterr().err == ""
