"""docs/theorems.md tells the truth: every statement has a row, and every row resolves."""

import ast
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "theorems.md").read_text().splitlines()
    if re.match(r"\| T\d+ \|", line)
]
# How a statement is known, by the strongest word that holds; the head of docs/theorems.md says what each means.
KNOWN_FROM = re.compile(r"machine-checked by `T\d+_.+|derived|property-tested|reproduced from \d{4}\.\d{5}|conjecture")


def test_every_statement_has_a_row():
    # T19 does not exist: numbered as in the project's own theory.
    assert {row[0] for row in ROWS} == {f"T{n}" for n in range(1, 36) if n != 19}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[2].strip('`')}")
def test_a_row_names_a_function_a_test_of_the_statement_and_real_modules(row):
    assert len(row) == 7
    statement, _, function, test, simulation, figure, known_from = (cell.strip("`") for cell in row)
    assert KNOWN_FROM.fullmatch(known_from), f"{known_from} is none of the words at the head of the page"
    module, name = function.rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))
    file, test_name = test.split("::")
    found = [
        node for node in ast.parse((ROOT / file).read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == test_name
    ]  # fmt: skip
    assert found, f"{test} does not exist"
    assert re.search(rf"\b{statement}\b", ast.get_docstring(found[0]) or ""), f"{test} does not name {statement}"
    for module in (simulation, figure):
        assert module == "-" or importlib.util.find_spec(module), f"{module} does not exist"


def test_what_is_called_derived_has_a_derivation():
    derived = {row[0] for row in ROWS if row[6] == "derived"}
    headings = set(re.findall(r"^## (T\d+)\.", (ROOT / "docs" / "derivations.md").read_text(), re.MULTILINE))
    assert derived and derived <= headings, f"no derivation of {sorted(derived - headings)}"
