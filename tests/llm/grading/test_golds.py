import pytest

from llm.grading.golds import check_golds, rewritten
from llm.grading.grade import same_answer


@pytest.mark.parametrize(
    "gold",
    [
        "4.5e33",
        "1e-3",
        "1,234",
        r"\frac{1}{2}",
        "x^2+1",
        r"\text{even}",
        "(1,2]",
        "1,-2",
        "x=5",
        r"52_8",
        r"50\%",
        r"\pi",
        r"(-\infty,2)\cup[3,\infty)",
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
        r"x \le 3",
        r"1 \pm \sqrt{5}",
        r"5\text{ cm}",
    ],
)
def test_a_gold_is_met_by_itself_written_anew(gold):
    assert rewritten(gold) != gold and same_answer(rewritten(gold), gold)


def test_golds_that_no_box_or_no_other_spelling_meets_are_counted():
    good = ["5", "x+1", "odd"]
    report = check_golds([*good, r"\frac{1", "9" * 301, r"x \oplus y", *good])
    assert (report.distinct, report.checked) == (6, 6)
    assert report.never == (r"\frac{1",) and report.verbatim == ("9" * 301, r"x \oplus y")
    assert "1 (16.7%) can never be met" in report.line() and "2 (33.3%) are met word for word only" in report.line()
    assert check_golds(good).line() is None


def test_of_many_golds_a_sample_is_checked_and_the_line_says_so():
    report = check_golds([rf"{n} \oplus y" for n in range(30)], checked=10)
    assert report.checked == 10 and "a sample of 10 of 30" in report.line()
