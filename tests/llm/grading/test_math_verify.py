"""Why math-verify does not decide here: its reader and its verdicts beside ours (docs/grading.md says more).

Runs where math-verify is installed (pip install math-verify); nothing of the project needs it.
"""

import logging

import pytest

from llm.grading.equality import equal
from tests.llm.grading.clear_pairs import DIFFERENT, SAME

math_verify = pytest.importorskip("math_verify")
latex = pytest.importorskip("latex2sympy2_extended")


@pytest.mark.parametrize(
    ("text", "what_it_reads", "what_it_says"),
    [
        ("2(3)", "5", "6"),
        (r"5\frac{3}{2}", r"\frac{13}{2}", None),
        (r"2\binom{5}{2}", "12", "20"),
        (r"\sin x \cdot y", r"\sin(x \cdot y)", r"y \cdot \sin x"),
        (r"\sin^0 x", r"\sin x", None),
        ("f'(x)", "f(x)", None),
        ("A^T", "A", None),
        ("n!!", "(n!)!", None),
        ("37_1", "37", None),
        ("2I", r"2\sqrt{-1}", "I + I"),
    ],
)
def test_the_reader_of_math_verify_guesses(text, what_it_reads, what_it_says):
    """The case of symbols kept, and nothing but the reading asked for: each is a false yes that can be learnt."""
    cased = latex.latex2sympy2.ConversionConfig(lowercase_symbols=False)
    guess, same = (latex.latex2sympy(one, conversion_config=cased) for one in (text, what_it_reads))
    assert guess.doit() == same.doit()
    assert not equal(text, what_it_reads)
    if what_it_says is not None:
        assert equal(what_it_says, text)


@pytest.fixture(scope="module")
def judged():
    """The verdict of math-verify on an answer and a gold answer, as a trainer asks for it, without its clock."""
    logging.disable(logging.ERROR)  # it logs each text that it cannot read
    latex_only = [math_verify.LatexExtractionConfig()]

    def read(text):
        return math_verify.parse(rf"\boxed{{{text}}}", extraction_config=latex_only, parsing_timeout=None)

    yield lambda answer, gold: math_verify.verify(read(gold), read(answer), timeout_seconds=None)
    logging.disable(logging.NOTSET)


def test_where_math_verify_says_yes_to_what_is_different(judged):
    assert {pair for pair in DIFFERENT if judged(*pair)} <= FALSE_YES


def test_where_math_verify_says_no_to_what_is_the_same(judged):
    assert {pair for pair in SAME if not judged(*pair)} <= FALSE_NO


FALSE_YES = {
    ("(1,2)", r"\{1,2\}"),
    (r"5\text{ cm}", r"5\text{ m}"),
    (r"5\text{ cm}", r"5\text{ cm}^2"),
    ("12_8", "12_7"),
    ("12", "12_8"),
    ("R", "r"),
    ("AB", "ab"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
    (r"(1+\sqrt2)^{300}", r"(1+\sqrt2)^{300}+(1-\sqrt2)^{300}"),
    ("x^2=25", "25"),
    ("x+y=5", "5"),
    ("2x=10", "10"),
    ("7=11a+c", "11a+c"),
    (r"\Delta", r"\delta"),
    ("x'", "x"),
    ("f'(x)", "f(x)"),
    (r"5\text{ apples and 3 pears}", "5"),
    ("0.1+0.2", "0.30000000000000004"),
    ("1/2x", r"\frac{1}{2x}"),
    ("yx", "xy"),
    (r"5\text{ or six}", "5"),
    ("2:3", r"\frac{2}{3}"),
    ("even", "neve"),
    ("LISTEN", "SILENT"),
    ("5}", "5"),
    ("x=5,y=6", "6,5"),
    ("C", "c"),
    ("e", "E"),
    (r"5 \text{ kg}", r"5 \text{ g}"),
    (r"80\%", r"80^\circ"),
    (r"\frac{2}{3}\approx 8.67", r"\frac23 \approx 0.67"),
    (r"\gamma", r"\Gamma"),
}

FALSE_NO = {
    (r"x \ge 2", r"[2,\infty)"),
    (r"10\,000", "10000"),
    ("10 000", "10000"),
    (r"\ln(x^2)", r"2\ln x"),
    (r"\sqrt{-4}", "2i"),
    (r"\text{(B)}\ 12", "B"),
    (r"\text{(B)}\ 12", "12"),
    (r"\langle 1, 2, 3\rangle", "(1,2,3)"),
    ("1 < x < 2", "(1,2)"),
    ("3e8", r"3 \times 10^{8}"),
    (r"6.02 \times 10^{23}", "6.02e23"),
    (r"\emptyset", r"\varnothing"),
    (r"\text{(E) none of these}", "E"),
    (r"n \equiv 1 \pmod{4}", r"n\equiv1\pmod 4"),
    (r"p = 5, q = 2 \text{ and } p = 7, q = 2", "p=5,q=2;p=7,q=2"),
    ("C. 1223, Rigord", "C"),
    ("**42**", "42"),
    ("-1 + exp(16)", "e^{16} - 1"),
    ("14.0 + -1.0i", "14 - i"),
    ("pi/2", r"\dfrac{\pi}{2}"),
    (r"\text{5 meters}", "5"),
    ("€5", "5"),
    ("1/2 x", r"\frac{x}{2}"),
    (r"3.5 \text{ million}", "3500000"),
    (r"\text{June 5}", "June 5"),
    (r"(-\infty,-2)\cup(2,\infty)", r"x<-2 \text{ or } x>2"),
    (r"\frac{1}{\sqrt{n}}", r"\sqrt{\frac{1}{n}}"),
    (r"\ln a + \ln b", r"\ln(ab)"),
    (r"0.\overline{3}", r"\frac13"),
    (r"4\,\text{cis}\,\frac{\pi}{3}", r"2+2\sqrt{3}i"),
    ("1,000.99€", "1000.99"),
    ("1,000.99m²", "1000.99"),
    ("90°", "90"),
    (r"4.5 \cdot 10^{33}", "4.5e33"),
    ("10^{-3}", "1e-3"),
    ("np.arcsin(10/13)", r"\arcsin\frac{10}{13}"),
    ("-1./3", r"-\frac{1}{3}"),
    ("(-1)^n", r"\cos(n\pi)"),
    ("3,14", "3.14"),
    ("5 miles per hour", "5 mph"),
    ("2in", "2"),
}
