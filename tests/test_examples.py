"""Every `>>>` example of a docstring is run as it stands, and gives what it says.

Docstrings are taken from the source and not from the objects: under the annotation checks of the tests a function is a
wrapper, in which doctest's own finder does not recognise the module's function.
"""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "theory", "figures", "toysims", "llm")


def examples():
    """(module, name of the documented thing, its docstring, its line) of every docstring that has an example."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            source = file.read_text()
            if ">>>" in source:
                for node in ast.walk(ast.parse(source)):
                    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                    if documented and ">>>" in (text := ast.get_docstring(node) or ""):
                        yield module, getattr(node, "name", "module"), text, getattr(node, "lineno", 0)


EXAMPLES = list(examples())


@pytest.mark.parametrize(("module", "name", "text", "line"), EXAMPLES, ids=[f"{e[0]}.{e[1]}" for e in EXAMPLES])
def test_an_example_gives_what_it_says(module, name, text, line, capsys):
    known = dict(vars(importlib.import_module(module)))
    example = doctest.DocTestParser().get_doctest(text, known, f"{module}.{name}", module, line)
    assert example.examples
    doctest.DocTestRunner().run(example)
    assert not (printed := capsys.readouterr().out), printed


@pytest.mark.parametrize(
    "name",
    [
        "theory.module",
        "theory.objectives.regime",
        "theory.objectives.optimum",
        "theory.tilt.log_tilt",
        "theory.tilt.log_odds_terms",
        "theory.budget.tilting_at_budget",
        "theory.passk.pass_at_k",
        "theory.saddle_node.critical_beta",
    ],
)
def test_what_users_need_first_has_an_example(name):
    assert name in [f"{module}.{documented}" for module, documented, _, _ in EXAMPLES]
