"""What says the same as a gold answer and what does not; every pair both ways round."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.grading.equality import at_once, equal
from tests.llm.grading.clear_pairs import DIFFERENT, SAME


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_these_say_the_same(answer, gold):
    assert equal(answer, gold) and equal(gold, answer)


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_these_do_not(answer, gold):
    assert not equal(answer, gold) and not equal(gold, answer)


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("1, 2, 1", "1, 2", True),
        ("1, 2", "1, 1, 2", False),
        ("5, 5", "5", True),
        ("6, 5", "x = 5, y = 6", False),
        ("5, 6", "x = 5, y = 6", True),
        ("x=6, x=5", "5, 6", True),
    ],
)
def test_repeats_count_where_the_gold_answer_has_them_and_names_give_the_order(answer, gold, same):
    assert equal(answer, gold) is same


@pytest.mark.parametrize(
    ("question", "gold"),
    [
        ("2x + 3 = 13", "x = 5"),
        ("2x = 10", "x=5"),
        ("2x + 3 < 5", "x < 1"),
        ("2x < 2", "x < 1"),
        ("x^2 = 25", "x = 5"),
        ("x^2 = 25", r"x = \pm 5"),
        ("x - 5 = 0", "5"),
        ("3x + 1 > 7", r"(2, \infty)"),
        ("|x| < 1", "(-1, 1)"),
    ],
)
def test_the_question_said_again_is_no_answer(question, gold):
    """math-verify calls 2x + 3 = 13 and x = 5 the same: a model that learns to copy the question is paid for it."""
    assert not equal(question, gold)


@pytest.mark.parametrize(
    ("unfinished", "gold"),
    [
        ("2^{10}", "1024"),
        (r"\sqrt{4}", "2"),
        (r"\sin^2 x + \cos^2 x", "1"),
        (r"\log_2 8", "3"),
        (r"\ln e^2", "2"),
        ("i^2", "-1"),
        ("(1+i)(1-i)", "2"),
        (r"\binom{10}{3}", "120"),
        (r"\frac{10!}{3!7!}", "120"),
        (r"\lfloor 3.7 \rfloor", "3"),
        ("|-5|", "5"),
        ("5!", "120"),
        (r"\sqrt[3]{8}", "2"),
        (r"2\cdot 3", "6"),
        (r"5 \pm 2", "3, 7"),
        (r"\max(2,3)", "3"),
        (r"\tan\frac{\pi}{4}", "1"),
        (r"\sin 30^\circ", r"\frac12"),
        ("9+1", "10"),
        ("(9+1)", "10"),
        (r"(9+1)\text{ cm}", "10"),
        ("x = 9+1", "10"),
        ("x = 9+1", "x = 10"),
        ("x < 9+1", "x < 10"),
        ("[0, 1+1]", "[0, 2]"),
        ("(1+1, 3)", "(2, 3)"),
        (r"\{1+1, 3\}", r"\{2, 3\}"),
        ("1+1, 3", "2, 3"),
        (r"\begin{pmatrix}1+1\\3\end{pmatrix}", r"\begin{pmatrix}2\\3\end{pmatrix}"),
        (r"\frac{1}{4}+\frac{1}{4}", r"\frac{1}{2}"),
        ("2^{-1}", "0.5"),
        (r"\frac{1/2}{3}", r"\frac{1}{6}"),
        (r"2\cdot10^3+1", "2001"),
        ("10^{2}+1", "101"),
        (r"\sum_{k=1}^{9} k^2", "285"),
        (r"\gcd(12,18)", "6"),
        (r"\sqrt{2}\cdot\sqrt{2}", "2"),
        ("x-x+5", "5"),
        ("9-1", "8"),
        (r"2\times3", "6"),
        ("4+1", "5, 5"),
        ("4+1, 4+1", "5"),
    ],
)
def test_a_number_is_to_be_worked_out(unfinished, gold):
    """A model that learns to leave the last step to the grader, or to copy the question, would be paid for it."""
    assert not equal(unfinished, gold)
    assert equal(gold, unfinished)  # a gold answer may stand as it likes


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"\frac{1}{2}", "0.5"),
        (r"\frac{0.5}{2}", "0.25"),
        (r"\frac{2}{4}", r"\frac{1}{2}"),
        ("(5)", "5"),
        (r"\frac{-3}{-4}", "0.75"),
        ("-(-5)", "5"),
        ("2^{10}", "2^{10}"),
        ("4^5", "2^{10}"),
        (r"3\sqrt2", r"\sqrt{18}"),
        ("10^{-3}", "0.001"),
        (r"\frac{1}{10^{3}}", "0.001"),
        (r"4.5\times10^{33}", "4.5e33"),
        (r"\frac{9}{2}\times10^{33}", "4.5e33"),
        (r"-4.5\cdot10^{-3}", "-0.0045"),
        (r"2\cdot 3^5", r"2\cdot 3^5"),
        (r"3^5\cdot 2", r"2\cdot 3^5"),
        ("9+1", "1+9"),
        (r"2\frac{1}{2}", "2.5"),
        (r"\sqrt{17}", "4.12310563"),
        (r"\frac{\pi}{2}", "1.5707963"),
        ("x = 9+1 = 10", "10"),
        ("9+1 = 10", "10"),
        ("(x-1)^2+(y+2)^2=3^2", "(x-1)^2+(y+2)^2=9"),
        (r"\begin{pmatrix}-\frac{1}{2}\\3\end{pmatrix}", r"\begin{pmatrix}-0.5\\3\end{pmatrix}"),
        (r"50\%", "0.5"),
    ],
)
def test_a_number_in_digits_is_worked_out_however_it_is_written(answer, gold):
    assert equal(answer, gold)


def test_no_number_is_so_small_or_so_large_that_its_neighbour_equals_it():
    for power in (15, 17, 20, 40, 100, 300):
        assert not equal(rf"10^{{{power}}}+1", rf"10^{{{power}}}")
        assert not equal(rf"\frac{{1}}{{10^{{{power}}}}}", rf"\frac{{2}}{{10^{{{power}}}}}")
        assert not equal(rf"\sqrt{{10^{{{power // 4}}}+1}}", rf"\sqrt{{10^{{{power // 4}}}}}")
        assert not equal(f"1e-{power}", "0") and not equal(f"1e-{power}", f"2e-{power}")


@given(st.text(alphabet=r"\{}()[]^_frac0123456789+-=,.xyz |%", max_size=40))
@settings(deadline=None, max_examples=300)
def test_an_answer_is_itself_and_comparing_any_text_raises_nothing(text):
    assert at_once(text, text) in (True, False)
    assert isinstance(equal(text, r"\frac{x}{2}"), bool)
