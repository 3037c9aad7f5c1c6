"""Which of the library's tasks are taken; what its sources say of verifiers that evaluate the text of a model."""

import ast
import importlib.util
from pathlib import Path

import pytest

from llm.gym import tasks
from llm.gym.spec import read
from llm.gym.tasks import REFUSED, Tasks
from llm.gym.worker import EVALUATES_ITS_ROW

# What evaluates a text, or may: sympy's own functions evaluate the texts that they are given.
CALLS = {"eval", "exec", "parse_expr", "sympify", "literal_eval", "lambdify", "parse_latex", "run_path", "__import__"}
CALLS |= {"import_module", "system", "popen", "Popen", "check_output", "unpickle", "S", "N", "nsimplify", "fromstring"}
# Calls that see nothing of an answer: file of the library -> why.
HARMLESS = {
    "algorithmic/number_sorting.py": "the gold answer of its own row",
    "arithmetic/basic_arithmetic.py": "the expression that it has just drawn",
    "arithmetic/bitwise_arithmetic.py": "the expression of its own row",
    "arithmetic/gsm_symbolic/generators_00_49.py": "a fraction that it has just drawn",
    "arithmetic/gsm_symbolic/generators_50_99.py": "a fraction that it has just drawn",
    "code/codeio.py": "a program of the library's own data, when rows are made",
    "logic/propositional_logic.py": "a function of its own with the name parse_expr, which evaluates nothing",
}


@pytest.fixture(scope="module")
def sources(library):
    folder = Path(importlib.util.find_spec("reasoning_gym").origin).parent
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.py")}


def calls_in(source: str) -> set[str]:
    """Names in CALLS that are called, however they are spelt, or stand for one (from sympy import S as t)."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.Import):
            found |= {"Popen" for alias in node.names if alias.name in ("subprocess", "pickle", "marshal", "shelve")}
    return found & CALLS


def test_calls_are_found_however_they_are_spelt():
    assert calls_in("import sympy as s\ns.parse_expr(x)") == {"parse_expr"}
    assert calls_in("from sympy import sympify as f\nf(x)") == {"sympify"}
    assert calls_in("import pickle") == {"Popen"} and calls_in("re.compile(x)") == set()


def test_every_verifier_that_evaluates_what_a_model_writes_is_refused(sources):
    """Read anew from the sources: what calls an evaluating function is refused, or looks at its own row only."""
    evaluating = {file for file, source in sources.items() if calls_in(source)}
    unsafe = {task for task, reason in REFUSED.items() if "as Python" in reason}
    assert evaluating - set(HARMLESS) == {file for file in sources if Path(file).stem in unsafe}
    assert set(HARMLESS) <= evaluating
    assert len(unsafe) == 9


def test_refused_and_excepted_tasks_are_tasks(library):
    from reasoning_gym.factory import DATASETS

    for task in (*REFUSED, *EVALUATES_ITS_ROW):
        assert task in DATASETS
    for task in REFUSED:
        with pytest.raises(ValueError, match=f"the task {task} is refused: "):
            Tasks(read(f"reasoning-gym:chain_sum,{task}"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("chainsum", "has no task chainsum; the nearest names are chain_sum, "),
        ("qqq", "has no task qqq; the nearest names are "),
        ("chain_sum?min_term=2", "no option min_term; did you mean min_terms"),
        ("chain_sum?x=2", "no option x; its options are min_terms, max_terms"),
        (
            "chain_sum,gcd?min_terms=2",
            "the task gcd has no option min_terms; .*for one of several tasks write TASK",
        ),
        ("chain_sum?min_terms=two", "min_terms of the task chain_sum must be of the kind int, as 2, got 'two'"),
        ("chain_sum?min_terms=2.0", "must be of the kind int"),
        ("chain_sum?min_terms=true", "must be of the kind int"),
        ("chain_sum?allow_negation=1", "must be of the kind bool"),
        ("chain_sum?min_terms=9", "the task chain_sum refuses its options .AssertionError: "),
    ],
)
def test_what_is_not_there_is_named_in_one_line(library, text, said):
    with pytest.raises(ValueError, match=said) as raised:
        Tasks(read(f"reasoning-gym:{text}"))
    assert "\n" not in str(raised.value)


def test_options_reach_the_task_that_they_are_for(library):
    made = Tasks(read("reasoning-gym:chain_sum,gcd?chain_sum.min_terms=4&chain_sum.max_terms=4&size=3"))
    rows = made.described()
    assert [row["task"] for row in rows] == ["chain_sum"] * 3 + ["gcd"] * 3
    for row in rows[:3]:
        terms = row["problem"].partition(":")[2]
        assert sum(terms.count(sign) for sign in (" + ", " - ")) == 3


def test_another_version_is_refused_unread(monkeypatch):
    monkeypatch.setattr(tasks, "version", lambda: "0.1.26")
    with pytest.raises(ValueError, match=r"reasoning-gym 0\.1\.26 is installed, .*; pip install reasoning-gym==0"):
        Tasks(read("reasoning-gym:chain_sum"))
    monkeypatch.setattr(tasks, "version", lambda: None)
    with pytest.raises(ValueError, match=r"not installed; pip install 'sharpening\[gym\]'"):
        Tasks(read("reasoning-gym:chain_sum"))
