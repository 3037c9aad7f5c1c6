"""One word whatever else is asked, one interval for one number, and the sentences that go with them."""

import json
from pathlib import Path

import numpy as np
import pytest

from llm import evaluate, forecast
from llm.forecasting.settled import settle
from llm.forecasting.verdict import advice, sentence, told
from tests.rollout_tables import sampled
from theory.estimation.samples import Rollouts
from theory.estimation.verdict import Word

GRIDS = (
    (1.1,), (1.5,), (2.0, 4.0), (8.0,), (0.5, 0.8), (1.01, 1.02, 1.05), (3.0, 16.0, 64.0), (1.25, 1.5), (100.0,), (1.0,)
)  # fmt: skip


def population(prompts, samples, spread, correlation, seed=0):
    """Rewards whose log-odds move with log p by `correlation` of its standard deviation; every response another."""
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(prompts, samples))
    odds = generator.normal(size=(prompts, 1)) + correlation * z
    reward = (generator.random(z.shape) < 1 / (1 + np.exp(-odds))).astype(float)
    length = np.full(z.shape, 20)
    return Rollouts.of_arrays(spread * (z - 6), reward, length, np.arange(z.size).reshape(z.shape))


@pytest.mark.parametrize(
    ("rollouts", "word"),
    [
        (population(40, 32, 5, -1.5), Word.REWARD),
        (population(60, 32, 5, 0.0), Word.REWARD),
        (population(60, 32, 5, 1.5), Word.EITHER),
        (population(60, 32, 5, 30.0), Word.SHARPEN),
        (population(60, 2, 40, 0.0), Word.CANNOT_TELL),
    ],
)
def test_each_kind_of_population_has_its_word(rollouts, word):
    settled = settle(rollouts)
    assert settled.verdict.word == word, (settled.verdict, sentence(settled))
    assert "nan" not in sentence(settled) + told(settled)
    assert bool(advice(settled, Path("nowhere"))) == (word == Word.CANNOT_TELL)


def test_the_word_and_its_numbers_do_not_depend_on_the_powers_that_are_asked_for(tmp_path, capsys):
    sampled(samples=16, prompts=24).to_parquet(tmp_path / "t.parquet")
    said = set()
    for number, grid in enumerate(GRIDS[:3]):
        forecast.main(
            [
                str(tmp_path / "t.parquet"),
                "--bs",
                "1",
                "--alphas",
                *map(str, grid),
                "--output-dir",
                str(tmp_path / str(number)),
            ]
        )
        told_here = json.loads((tmp_path / str(number) / "forecast.json").read_text())
        said.add(
            json.dumps({name: told_here[name] for name in ("verdict", "direction", "frontier", "at_distance", "reach")})
        )
        assert capsys.readouterr().out.startswith(f" {told_here['verdict']['word']}   ")
    assert len(said) == 1


def test_the_accuracy_of_the_base_model_has_one_interval_wherever_it_stands(tmp_path, capsys):
    sampled(samples=16, prompts=24).to_parquet(tmp_path / "t.parquet")
    forecast.main([str(tmp_path / "t.parquet"), "--alphas", "2", "--bs", "1", "--output-dir", str(tmp_path / "f")])
    evaluate.main([str(tmp_path / "t.parquet"), "--output-dir", str(tmp_path / "e")])
    content = json.loads((tmp_path / "f" / "forecast.json").read_text())
    at_base = [r for r in [*content["forecasts"], *content["plane"]] if (r["alpha"], r["b"]) == (1, 0)]
    found = {(r["accuracy"], r["accuracy_low"], r["accuracy_high"]) for r in at_base if r.get("method") != "cumulant"}
    judged = next(iter(json.loads((tmp_path / "e" / "evaluation.json").read_text())["tables"].values()))["pass@1"]
    found.add(tuple(judged[name] for name in ("value", "low", "high")))
    assert len(at_base) >= 3 and np.ptp(np.array(sorted(found)), axis=0) == pytest.approx(0, abs=1e-9)


def test_what_is_asked_for_is_printed_beside_the_page(tmp_path, capsys):
    table = sampled(samples=16, prompts=24)
    table.to_parquet(tmp_path / "t.parquet")
    asked = [
        "--why",
        "--table",
        "--prompt",
        "p3",
        "--alphas",
        "1.5",
        "--bs",
        "1",
        "--output-dir",
        str(tmp_path / "out"),
    ]
    forecast.main([str(tmp_path / "t.parquet"), *asked])
    printed = capsys.readouterr().out
    assert "Cov(r, log p)" in printed and "effective" not in printed.splitlines()[0]
    assert "Every power" in printed and "Prompt p3: 3+1=" in printed and "\\boxed{1}" in printed
    own = table[table["prompt_id"] == "p3"]["response"].value_counts()
    rows = [line for line in printed.splitlines() if line.startswith("way ")]
    assert len(rows) == len(own)
    for text, times in own.items():
        row = next(line for line in rows if line.startswith(text))
        assert f" {times}/16 " in row and ("✓ right" in row) == ("boxed{1}" in text)
    lines = (tmp_path / "out" / "report.txt").read_text().split("\n- ")[0].splitlines()
    assert max(len(line) for line in lines if "python -m" not in line) <= 80  # what is copied is not wrapped
    assert "nan" not in printed


def test_a_prompt_that_is_not_there_is_one_line(tmp_path, capsys):
    sampled(samples=4, prompts=12).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(SystemExit) as stop:
        forecast.main([str(tmp_path / "t.parquet"), "--prompt", "x", "--output-dir", str(tmp_path / "out")])
    assert stop.value.code == 2 and "--prompt x: there is no such prompt_id" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_demo_needs_no_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    forecast.main(["demo", "--alphas", "2", "--bs", "1", "--output-dir", str(tmp_path / "out")])
    assert " REWARD   Train on the task reward." in capsys.readouterr().out
