"""The house rules that a reader relies on: which package may import which, and what an import loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "theory": set(),
    "toysims": {"theory", "figures"},  # a command draws its own figure
    "llm": {"theory", "figures"},
    "figures": {"theory"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_towards_theory(package):
    nodes = [n for file in (ROOT / package).rglob("*.py") for n in ast.walk(ast.parse(file.read_text()))]
    modules = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    modules += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
    assert modules, f"nothing to check in {package}/"
    ours = {m.split(".")[0] for m in modules} & MAY_IMPORT.keys()
    assert ours <= MAY_IMPORT[package] | {package}


@pytest.mark.parametrize("package", ["theory", "figures"])
def test_importing_loads_no_heavy_library(package):
    code = (
        f"import sys, {package}; print([m for m in ('jax', 'torch', 'matplotlib', 'transformers') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
