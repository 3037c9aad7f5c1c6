import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from harness import run_folder


@dataclass(frozen=True)
class Config:
    alpha: float
    place: Path


def test_a_run_folder_is_plain_json_with_nan_as_null(tmp_path):
    run_folder.write_json(tmp_path / "config.json", Config(float("inf"), tmp_path))
    run_folder.write_json(
        tmp_path / "summary.json", {"mean": np.float64(0.5), "bad": float("nan"), "list": np.arange(2)}
    )
    assert json.loads((tmp_path / "config.json").read_text()) == {"alpha": None, "place": str(tmp_path)}
    assert json.loads((tmp_path / "summary.json").read_text()) == {"mean": 0.5, "bad": None, "list": [0, 1]}


def test_a_failed_write_leaves_the_old_file(tmp_path):
    run_folder.write_json(tmp_path / "summary.json", {"a": 1})

    def fail(part):
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_folder.write(tmp_path / "summary.json", fail)
    assert json.loads((tmp_path / "summary.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_metrics_grow_by_whole_lines_and_a_cut_line_is_not_read(tmp_path):
    for step in range(3):
        run_folder.append_metrics(tmp_path, {"step": step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "los')  # killed while writing
    assert [row["step"] for row in run_folder.read_metrics(tmp_path)] == [0, 1, 2]
