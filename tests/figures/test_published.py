"""The README's picture is drawn from committed numbers alone, and its title from what they say."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from figures import published
from figures.study.frontier import Finding

DOCS = Path(__file__).parents[2] / "docs"
HELPS = Finding(False, 0.0, 0.0, 0.3, 1.0, True)
HURTS = Finding(True, -0.2, 1.0, 0.0, 0.0, True)


def test_the_picture_shows_both_models_and_its_title_is_what_the_numbers_say(tmp_path):
    models = ["aligned", "misaligned"]
    canvas = published.published_figure(DOCS, models)
    assert "Sharpening first makes both models worse." in canvas.get_suptitle()
    assert len(canvas.axes) == 2 and all(len(ax.containers) == len(published.SHOWN) for ax in canvas.axes)
    shutil.copytree(DOCS / "validation", tmp_path / "validation")
    file = tmp_path / "validation" / "frontier-aligned.json"
    content = json.loads(file.read_text())
    for own in content["frontier"]:
        if own["line"] == "sharpening":
            own |= {"accuracy": 0.72 + own["kl"] / 10, "gain": own["kl"] / 10, "gain_low": 0.0, "gain_high": 0.2}
    file.write_text(json.dumps(content))
    assert "worse" not in published.published_figure(tmp_path, models).get_suptitle()


def test_the_pretrained_model_comes_with_its_runs_of_one_task():
    canvas = published.published_figure(DOCS, published.PublishedConfig().models)
    title = canvas.axes[0].get_title(loc="left"), canvas.get_suptitle()
    assert "SmolLM2" in title[0] and title[1].startswith("Sharpening helps one model and hurts the other")
    results = pd.read_csv(DOCS / "real" / "same-results.csv")
    shown = results[(results.task == "words") & results.arm.isin(published.SHOWN)]
    assert len(canvas.axes[0].containers) == shown.arm.nunique() > 5


def test_seeds_are_averaged_and_the_error_is_that_of_the_gap_to_the_forecast():
    rows = {"arm": "tilted-1", "quantity": "accuracy", "base": 0.1, "miss_low": [-0.1, 0.0], "miss_high": [0.1, 0.392]}
    rows |= {"run": [0.3, 0.4], "run_se": 9.0, "kl_to_optimum": [0.1, 0.3], "kl_to_optimum_se": 0.05}
    own = published.one_row_an_arm(pd.DataFrame(rows)).iloc[0]
    assert own.run == pytest.approx(0.35) and own.kl_to_optimum == pytest.approx(0.2)
    assert own.run_se == pytest.approx((0.2 + 0.392) / 2 / 3.92)


@pytest.mark.parametrize(
    ("found", "said", "unsaid"),
    [
        (
            [HELPS, HURTS],
            "helps one model and hurts the other, as was forecast from base responses. By the forecast a task",
            "first",
        ),
        ([HURTS, HURTS], "first makes both models worse. A task reward never does", "helps"),
        ([HURTS, HURTS._replace(reward_ahead=False)], "first makes both models worse", "reward"),
        ([HELPS, HURTS._replace(reward_ahead=None)], "helps one model", "reward"),
        ([HELPS, HURTS._replace(best=0.1)], "helps one model and first hurts the other", "makes both"),
        ([HURTS], "The forecast of accuracy", "both"),
        ([HELPS, HELPS], "The forecast of accuracy", "reward"),
        ([HELPS._replace(dips=None), HURTS], "The forecast of accuracy", "reward"),
    ],
)
def test_the_headline(found, said, unsaid):
    assert said in published.headline(found) and unsaid not in published.headline(found)


def test_a_folder_without_the_numbers_ends_with_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        published.main(["--docs", str(tmp_path), "--output", str(tmp_path / "x.png")])
    assert stop.value.code == 2 and "has no real/words-same-forecast.json" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_an_unknown_model_is_named(capsys):
    with pytest.raises(SystemExit) as stop:
        published.main(["--models", "gpt"])
    assert stop.value.code == 2 and "--models gpt is not one of smollm2, aligned, misaligned" in capsys.readouterr().err
