"""The README's picture is drawn from committed numbers alone, and its title from what they say."""

import json
from pathlib import Path

import pytest

from figures import published

VALIDATION = Path(__file__).parents[2] / "docs" / "validation"


def test_the_picture_shows_both_models_and_its_title_is_what_the_numbers_say(tmp_path):
    canvas = published.published_figure(VALIDATION)
    assert "Sharpening first makes both models worse." in canvas.get_suptitle()
    assert len(canvas.axes) == 2 and all(len(ax.containers) == len(published.SHOWN) for ax in canvas.axes)
    for path in VALIDATION.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    file = tmp_path / "frontier-aligned.json"
    content = json.loads(file.read_text())
    for own in content["frontier"]:
        if own["line"] == "sharpening":
            own |= {"accuracy": 0.72 + own["kl"] / 10, "gain": own["kl"] / 10, "gain_low": 0.0, "gain_high": 0.2}
    file.write_text(json.dumps(content))
    assert "worse" not in published.published_figure(tmp_path).get_suptitle()


def test_a_folder_without_the_numbers_ends_with_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        published.main(["--validation", str(tmp_path), "--output", str(tmp_path / "x.png")])
    assert stop.value.code == 2 and "has no frontier-aligned.json" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()
