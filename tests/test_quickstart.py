"""The quick-start notebook: every cell runs, and what stands below it is what it says today."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"


def texts(cell):
    """What a cell prints, and what its last line is; of a figure only that it is one."""
    found = ["".join(output.get("text") or output["data"]["text/plain"]) for output in cell["outputs"]]
    return found + ["figure" for output in cell["outputs"] if "image/png" in output.get("data", {})]


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The notebook, run anew in an empty folder by a reader who has nothing but the package."""
    place = tmp_path_factory.mktemp("quickstart")
    (place / "quickstart.ipynb").write_text(NOTEBOOK.read_text())
    command = [sys.executable, str(ROOT / "docs" / "notebook.py"), "quickstart.ipynb"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "MPLCONFIGDIR": str(place), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((place / "quickstart.ipynb").read_text())


def test_every_cell_says_what_stands_below_it(again):
    kept = json.loads(NOTEBOOK.read_text())
    assert [texts(cell) for cell in again["cells"] if cell["cell_type"] == "code"] == [
        texts(cell) for cell in kept["cells"] if cell["cell_type"] == "code"
    ]
    assert [cell["source"] for cell in again["cells"]] == ["".join(cell["source"]) for cell in kept["cells"]]


def test_it_shows_two_verdicts_and_a_picture(again):
    said = "\n".join(text for cell in again["cells"] if cell["cell_type"] == "code" for text in texts(cell))
    assert said.startswith("demo: 48 sums") and " REWARD   Train on the task reward." in said and "figure" in said
    assert "nan" not in said and str(ROOT) not in said
