"""What is a line of notes and what of code, on one small file where each is counted by hand."""

from benchmarks.notes_to_code import tally

SOURCE = '''"""A module.

Two lines of prose, and an empty one between.
"""

# why
LIMIT = 3  # nats


class Point:
    """A place."""

    x: float
    """where"""

    def shout(self):
        # not a docstring but a value
        return """loud
        and long"""
'''


def test_notes_are_docstrings_and_comments_and_all_else_is_code():
    counted = tally(SOURCE)
    assert counted.notes == 3 + 1 + 1 + 1 + 1 + 1  # the module's with its last quotes, and five single lines
    assert counted.code == 6  # LIMIT, class, x, def, and the two lines of a string that is a value
    assert counted.code_characters == sum(
        map(len, ("LIMIT = 3", "class Point:", "x: float", "def shout(self):", 'return """loud', 'and long"""'))
    )


def test_tallies_add_up():
    one = tally(SOURCE)
    assert one + one == tuple(2 * x for x in one)
    assert (one + one).ratios() == one.ratios()
