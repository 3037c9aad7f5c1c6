import time

import pytest

from llm.grading import boxed_answer, grade, same_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"so \boxed{25}", "25"),
        (r"\boxed{1} no, \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"first \boxed{7}, then \boxed{8", "7"),
        (r"}} \boxed{3}}}", "3"),
        ("no box at all", None),
        (r"\boxed{", None),
        ("", None),
    ],
)
def test_the_last_complete_box_is_the_answer(response, answer):
    assert boxed_answer(response) == answer


@pytest.mark.parametrize(
    ("answer", "gold", "equal"),
    [
        (r"\dfrac{1}{2}", "0.5", True),
        (r"\frac12", "1/2", True),
        (r"90^\circ", "90", True),
        (r"2\text{ euros}", "2", True),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)", True),
        ("26", "25", False),
        ("-25", "25", False),
        ("", "25", False),
        ("{", "25", False),
        ("__import__('os').getcwd()", "25", False),
    ],
)
def test_math_verify_decides_equality(answer, gold, equal):
    assert same_answer(answer, gold) is equal


def test_a_truncated_response_is_not_scored_even_when_its_box_is_right():
    assert grade(r"\boxed{25}", "25") == 1.0
    assert grade(r"\boxed{25}", "25", finished=False) == 0.0


@pytest.mark.parametrize(
    "hostile", [r"\boxed{" * 30_000, "}" * 100_000, r"\boxed{" + "9" * 100_000 + "}", r"\boxed{9^{9^{9^{9}}}}"]
)
def test_hostile_text_is_wrong_within_seconds(hostile):
    started = time.perf_counter()
    assert grade(hostile, "25") == 0.0
    assert time.perf_counter() - started < 5
