"""A page of a small study with hostile texts in it, for tests in a browser and without one."""

import json
from pathlib import Path

import pandas as pd
from small_study import HOSTILE, write_forecast, write_study, write_toy

from figures import report

WORD, SENTENCE = "REWARD", f"Train on the task reward. {HOSTILE}"


def with_texts(study):
    """Every response has a text that says its prompt; the first of each is hostile."""
    for path in study.glob("**/*.parquet"):
        rollouts = pd.read_parquet(path)
        if "sample" in rollouts:
            texts = rollouts["reward"].map({1.0: "right ", 0.0: "wrong "}) + rollouts["prompt_id"] + HOSTILE
            rollouts.assign(prompt="sum " + rollouts["prompt_id"], response=texts).to_parquet(path)


def with_verdict(forecast):
    content = json.loads((forecast / "forecast.json").read_text())
    content["verdict"] = {"word": WORD, "sentence": SENTENCE}
    (forecast / "forecast.json").write_text(json.dumps(content))


def write_page(place: Path) -> Path:
    runs = [str(write(place)) for write in (write_study, write_forecast, write_toy)]
    with_texts(place / "study")
    with_verdict(place / "forecast")
    report.main([*runs, "--output", str(place / "report.html")])
    return place / "report.html"
