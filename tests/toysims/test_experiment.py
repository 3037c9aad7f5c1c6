"""What every command does around its simulation: parts collected and logged, the exit code, nothing judged."""

import json
import subprocess
import sys
from dataclasses import dataclass

import matplotlib.figure
import pandas as pd
import pytest

from toysims.config import SimulationConfig, within
from toysims.experiment import Outcome, command
from toysims.verdict import Check

HOLDS, FAILS = Check("holds", "T1", 1.0, 1.0, 0.1), Check("fails", "T1", 1.0, 2.0, 0.1)


@dataclass(frozen=True)
class SmallConfig(SimulationConfig):
    """A simulation of nothing."""

    k: int = within(3, least=2)  # responses


def run(folder, *checks, unjudged=()):
    main = command("small", SmallConfig, lambda config: config.k, lambda *_: Outcome(checks, {}, {}, unjudged=unjudged))
    main(["--output-dir", str(folder)])


def test_all_that_was_judged_holds(tmp_path, capsys):
    run(tmp_path / "run", HOLDS, HOLDS, unjudged=("too few draws",))
    out, error = capsys.readouterr()
    assert "2 of 2 predictions hold, 1 not judged" in out and not error.strip()
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["agreement"] is True
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["not_judged"] == ["too few draws"]


def test_one_failed_prediction_is_exit_code_one_and_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(tmp_path / "run", HOLDS, FAILS)
    out, error = capsys.readouterr()
    assert stop.value.code == 1 and "1 of 2 predictions hold\n" in out
    assert error.strip() == "prediction failed: fails [T1]: predicted 1, simulated 2, tolerance 0.1"


def test_a_simulation_that_judged_nothing_has_not_agreed(tmp_path, capsys):
    """Every check "not judged" must not pass for agreement."""
    with pytest.raises(SystemExit) as stop:
        run(tmp_path / "run", unjudged=("all of it",))
    assert stop.value.code == 1
    assert "no prediction was judged" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["agreement"] is False


def test_parts_are_collected_in_order_logged_and_tabulated(tmp_path):
    parts = {"one": lambda: ([HOLDS], [{"x": 1}]), "two": lambda: ([], [{"x": 2, "y": 3}])}
    drawn = []

    def draw(table):
        drawn.append(table)
        return matplotlib.figure.Figure()

    main = command(
        "small", SmallConfig, lambda config: config.k, lambda _, k, run: run.tabulate("small", parts, draw, {"k": k})
    )
    main(["--output-dir", str(tmp_path / "run")])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run" / "small.parquet"), drawn[0])
    assert drawn[0]["x"].tolist() == [1, 2] and (tmp_path / "run" / "small.png").exists()
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["one", "two"]
    assert [len(line["predictions"]) for line in lines] == [1, 0]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["k"] == 3


def test_commands_are_imported_without_what_takes_seconds_to_load():
    """--help is instant, and a core installation can say which extra is missing."""
    names = ["sharpening", "instability", "heterogeneity", "length", "trainers", "tokens", "voting", "noise", "sweep"]
    code = "import sys, toysims\n" + "\n".join(f"import toysims.{name}" for name in names)
    code += "\nprint([m for m in ('jax', 'diffrax', 'optax', 'pandas', 'pyarrow', 'matplotlib') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
