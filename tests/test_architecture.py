"""The house rules that a reader relies on: which package may import which, no circles, and what an import loads."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT: dict[str, set[str]] = {
    "harness": set(),
    "theory": {"harness"},  # its commands only: see test_the_maths_knows_no_run_folders
    "figures": {"theory", "harness"},
    "toysims": {"theory", "figures", "harness"},
    "llm": {"theory", "figures", "harness"},
}
HEAVY = ("jax", "torch", "transformers", "trl", "matplotlib", "pandas")


def modules(root: Path) -> dict[str, Path]:
    """Dotted name -> file, for every module of our packages below root."""
    files = [file for package in MAY_IMPORT for file in (root / package).rglob("*.py")]
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imports(file: Path, known: dict[str, Path]) -> set[str]:
    """Our modules that a file imports anywhere in it, inside functions too, each as the module that is really meant."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{file}: imports are absolute here"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from llm.training import resume` means the module, `from theory import optimum` a name of the package.
            found |= {name if name in known else node.module for name in names}
    return {name for name in found if name.split(".")[0] in MAY_IMPORT}


def graph(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {name: imports(file, known) for name, file in known.items()}


def back_arrows(arrows: dict[str, set[str]]) -> list[str]:
    """Imports that the rule of arrows forbids."""
    return [
        f"{source} -> {target}"
        for source, targets in arrows.items()
        for target in targets
        if (package := target.split(".")[0]) != (own := source.split(".")[0]) and package not in MAY_IMPORT[own]
    ]


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """One circle of files that import each other; empty where there is none."""
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


ARROWS = graph(ROOT)


def test_no_arrow_points_back_up():
    assert back_arrows(ARROWS) == []


def test_no_circle_between_files():
    assert circle(ARROWS) == []


def test_every_import_of_ours_names_a_module_that_exists():
    known = modules(ROOT)
    assert {f"{source} -> {target}" for source, targets in ARROWS.items() for target in targets - known.keys()} == set()


def test_a_planted_arrow_and_a_planted_circle_are_found(tmp_path):
    """The two tests above can fail: an import inside a function counts, in a package and in a room."""
    planted = {
        "harness/__init__.py": "",
        "theory/__init__.py": "",
        "theory/tilt.py": "def plot():\n    from figures import style\n",
        "figures/__init__.py": "",
        "figures/style.py": "",
        "llm/__init__.py": "",
        "llm/room/__init__.py": "",
        "llm/room/config.py": "from llm import train\n",
        "llm/train.py": "def main():\n    from llm.room.config import Config\n",
        "toysims/__init__.py": "",
    }
    for name, text in planted.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    arrows = graph(tmp_path)
    assert back_arrows(arrows) == ["theory.tilt -> figures.style"]
    assert set(circle(arrows)) == {"llm.train", "llm.room.config"}


def test_the_maths_knows_no_run_folders():
    """Only the commands of theory/ read a command line; theory.estimation reads no files and knows no tables."""
    commands = {name for name, targets in ARROWS.items() if name.startswith("theory.") and "harness.command" in targets}
    assert all("def main(" in modules(ROOT)[name].read_text() for name in commands), commands
    users = {name for name, targets in ARROWS.items() if name.startswith("theory.") and "harness.run_folder" in targets}
    assert users == set()
    for name, file in modules(ROOT).items():
        if name.startswith("theory.estimation"):
            outside = {
                alias.name.split(".")[0]
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            assert not outside & {"pandas", "pyarrow", "json"}, name


def test_no_function_has_more_than_sixty_lines():
    long = [
        f"{name}.{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name, file in modules(ROOT).items()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 60
    ]
    assert long == []


def test_every_file_says_what_it_is_and_stands_in_the_picture_of_the_house():
    """Each module begins with a docstring, and docs/architecture.md has a line on it in the room that it is in."""
    picture = (ROOT / "docs" / "architecture.md").read_text()
    rooms = dict(re.findall(r"^### `([\w/]+)/`$(.*?)(?=^##|\Z)", picture, flags=re.DOTALL | re.MULTILINE))
    for file in modules(ROOT).values():
        assert ast.get_docstring(ast.parse(file.read_text())), f"{file} says nothing of itself"
        room = str(file.parent.relative_to(ROOT))
        if file.name != "__init__.py":
            assert f"| `{file.name}` |" in rooms[room], f"docs/architecture.md has no line on {room}/{file.name}"
    named = {
        f"{room}/{name}"
        for room, text in rooms.items()
        for name in re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE)
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_importing_a_package_loads_no_heavy_library(package):
    code = f"import sys, {package}; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
