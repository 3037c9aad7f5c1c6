"""Where the answer stands. docs/grading.md says what other graders do with the same responses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.grading import boxes
from llm.grading.boxes import boxed_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"so \boxed{25}", "25"),
        (r"\boxed{1} no, \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"}} \boxed{3}}}", "3"),
        ("no box at all", None),
        (r"\boxed{", None),
        (r"\boxed{}", None),
        ("", None),
    ],
)
def test_the_last_box_is_the_answer(response, answer):
    assert boxed_answer(response) == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed {5}", "5"),
        (r"\fbox{5}", "5"),
        (r"\framebox{5}", "5"),
        (r"\framebox[2cm][c]{5}", "5"),
        (r"$\boxed 5$", "5"),
        (r"$\boxed 25.$", "25"),
        (r"$\boxed\pi$", r"\pi"),
        (r"$\boxed \frac{1}{2}$", r"\frac{1}{2}"),
        (r"\\boxed{5}", "5"),
        (r"\boxedwidth{5}", None),
    ],
)
def test_every_spelling_of_a_box_is_one(response, answer):
    assert boxed_answer(response) == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"\boxed{3}, \boxed{5}", "3, 5"),
        (r"$\boxed{3}$ and $\boxed{5}$", "3, 5"),
        (r"\(\boxed{-2}\) \text{ or } \(\boxed{1}\).", "-2, 1"),
        (r"\boxed{1},\quad\boxed{2},\,\boxed{3}", "1, 2, 3"),
        (r"\boxed{5} \boxed{5}", "5"),
        (r"\boxed{3}. Wait, that is wrong: \boxed{5}", "5"),
        (r"\boxed{1} papers and \boxed{2} bins", "2"),
    ],
)
def test_boxes_with_nothing_but_punctuation_between_them_are_one_list(response, answer):
    """It keeps "3, or 5" from being right for both."""
    assert boxed_answer(response) == answer


def test_a_last_box_that_is_never_closed_is_no_answer_whatever_stands_before_it():
    assert boxed_answer(r"first \boxed{7}, then \boxed{8") is None
    assert boxed_answer(r"first \boxed{7}, then \frac{8") == "7", "an open brace elsewhere is no box"
    assert boxed_answer(r"\boxed{ \boxed{7} and") == "7", "the outer box is open, the last one is closed"


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"<think>maybe \boxed{3}</think> It is \boxed{5}.", "5"),
        (r"maybe \boxed{3}</think> It is \boxed{5}.", "5"),
        (r"<think>it is \boxed{5}</think> It is 5.", None),
        (r"<think>it is \boxed{5}", None),
    ],
)
def test_a_box_within_thinking_does_not_count(response, answer):
    assert boxed_answer(response) == answer


PIECES = (
    r"\boxed{",
    r"\fbox{",
    r"\boxed 7",
    "}",
    "{",
    "\\",
    " 5 ",
    "x",
    " ",
    "box",
    "<think>",
    "</think>",
    ", ",
    r"\)",
    "\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_the_short_way_to_a_lone_box_says_what_the_scan_of_all_braces_says(response):
    short, whole = boxes._LONE, re.compile(r"(?!)")
    quick = boxed_answer(response)
    boxes._LONE = whole
    try:
        assert quick == boxed_answer(response)
    finally:
        boxes._LONE = short
