import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.grading.answers import normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac{1}{2}", r"\frac12"),
        ("0.5", "1/2"),
        (".50", r"-\frac{-1}{2}"),
        ("1,234", "1234"),
        (r"12{,}345.0", "12345"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"5\text{ cents}", "5"),
        (r"5.4 \text { cents }", "5.4"),
        (r"90^{\circ}", "90"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"),
        ("25.", " 25 "),
        (r"\$25", "25"),
        (r"2\!\,5", "25"),
    ],
)
def test_the_same_answer_written_twice_has_one_form(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5", "5"),
        ("1,2", "12"),
        ("(1,2)", "(2,1)"),
        ("12,34", "1234"),
        (r"\frac{1}{2}", r"\frac{2}{1}"),
        (r"-\frac{1}{2}", r"\frac{1}{2}"),
        ("[1,2]", "(1,2)"),
        ("x", "y"),
        (r"\text{odd}", r"\text{even}"),
        ("1/0", "0"),
        (r"\leftarrow", r"arrow"),
        ("٢", "2"),
    ],
)
def test_different_answers_keep_different_forms(one, other):
    assert normal_form(one) != normal_form(other)


@given(st.text(max_size=60) | st.text(alphabet=r"\{}frac0123456789/.,-$ text", max_size=40))
def test_any_text_has_a_form_that_is_its_own_form(text):
    """A form that changed when taken again would let two votes for one answer drift apart."""
    form = normal_form(text)
    assert normal_form(form) == normal_form(normal_form(form))


@given(st.fractions(max_denominator=10**6))
def test_a_rational_number_has_one_form_however_it_is_written(value):
    numerator, denominator = value.numerator, value.denominator
    assert normal_form(rf"\frac{{{numerator}}}{{{denominator}}}") == str(value)
    assert normal_form(f"{3 * numerator}/{3 * denominator}") == str(value)
