"""`from theory import ...`: the names that users need, without paying for what they do not name."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import theory


@pytest.mark.parametrize("name", theory.__all__)
def test_every_name_is_there_and_is_the_one_of_its_module(name):
    found = getattr(theory, name)
    module = theory._MODULE.get(name)
    expected = getattr(importlib.import_module(f"theory.{module}"), name) if module else sys.modules[f"theory.{name}"]
    assert found is expected


def test_what_a_type_checker_reads_is_what_a_user_gets():
    """The imports that only a type checker follows name the same names of the same modules as the lazy ones."""
    tree = ast.parse(Path(theory.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "theory." in node.module]
    read = {alias.name: node.module for node in imports for alias in node.names}
    assert read == {name: f"theory.{module}" for name, module in theory._MODULE.items()}
    assert set(theory.__all__) == {*theory._MODULE, *theory._NAMES} == set(dir(theory))


def test_every_module_is_named():
    """A command, `atlas`, is no module to import from."""
    modules = {file.stem for file in Path(theory.__file__).parent.glob("*.py")} - {"__init__", "atlas"}
    assert set(theory._NAMES) == modules


def test_a_name_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(AttributeError, match=r"^theory has no 'tilted'; it has .*log_tilt"):
        theory.tilted  # noqa: B018


def test_importing_theory_loads_nothing_and_computing_loads_nothing_heavy():
    """numpy comes with the first name; scipy where a root is sought; jax, torch, pandas and matplotlib never do."""
    code = (
        "import sys, theory\n"
        "assert 'numpy' not in sys.modules\n"
        "everything = [getattr(theory, name) for name in theory.__all__]\n"
        "theory.pass_at_k(5, 2, 1); theory.regime('task')\n"
        "print([m for m in ('jax', 'torch', 'matplotlib', 'pandas', 'scipy', 'tyro') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
