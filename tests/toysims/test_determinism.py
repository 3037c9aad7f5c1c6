"""The same seed gives the same files, twice, for every simulation; smallest settings, so that it stays cheap."""

import pytest
from smallest import SMALLEST, run_smallest

OF_THE_PLACE = {"config.json", "environment.json"}  # the folder's own name; the commit and the machine


@pytest.mark.parametrize("name", SMALLEST)
def test_the_same_seed_writes_the_same_bytes(name, smallest_run, tmp_path):
    # All else, figures and tables included, is a function of the config.
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name not in OF_THE_PLACE}
        for folder in (smallest_run(name), run_smallest(name, tmp_path / "again"))
    )
    assert first == second and any(path.suffix in (".parquet", ".jsonl") for path in first)
