"""Files of other tools and odd tables in llm.forecast and llm.evaluate: what is told, what is said, what is refused."""

import json

import numpy as np
import pytest

from llm.evaluate import main as evaluate
from llm.forecast import main as forecast
from llm.suspicions import SENTENCES, sentence
from llm.training.given_base import given_base
from tests.llm.readers import written
from tests.rollout_tables import sampled
from theory.estimation.suspicions import Kind, Suspicion

PROMPTS, SAMPLES = 30, 8


def dump(path, share=0.4):
    """A dump of verl: right answers at chances around `share`, which differ from prompt to prompt."""
    generator = np.random.default_rng(0)
    chance = generator.beta(4 * share, 4 * (1 - share), PROMPTS)
    rows = [
        {"input": f"question {i}", "output": f"\\boxed{{{right}}}", "gts": "1", "score": float(right), "step": 0}
        for i in range(PROMPTS)
        for right in generator.binomial(1, chance[i], SAMPLES)
    ]
    return written.lines(path, rows)


def run(command, capsys, *arguments):
    command([*map(str, arguments)])
    return capsys.readouterr().err


def refused(command, capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        command([*map(str, arguments)])
    error = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and error[-1].startswith("error: ")
    return error[-1]


def test_without_log_p_the_task_reward_is_forecast_and_sharpening_is_not(tmp_path, capsys):
    path = dump(tmp_path / "0.jsonl")
    said = run(forecast, capsys, path, "--output-dir", tmp_path / "out", "--bs", "0", "1")
    assert f"note: {path} is a file of verl; it does not tell log_p, length, finished" in said
    result = json.loads((tmp_path / "out" / "forecast.json").read_text())
    verdict = result["verdict"]
    assert (verdict["word"], verdict["reason"]) == ("CANNOT TELL", "no log p")
    assert verdict["sentences"] == ["No log p: verl's dumps hold texts and scores, no log-probabilities."]
    assert verdict["advice"] == [f"python -m llm.score {path} --model MODEL --output-dir runs/scored"]
    assert {point["line"] for point in result["frontier"]} == {"reward"}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    accuracy = np.array([row["score"] for row in rows]).reshape(PROMPTS, SAMPLES).mean(axis=1)
    base, tilted, limit = result["forecasts"]
    assert base["accuracy"] == pytest.approx(accuracy.mean())
    plugged = accuracy * np.e / (1 - accuracy + accuracy * np.e)
    assert tilted["accuracy"] == pytest.approx(plugged.mean(), abs=0.03)  # and its bias of order 1/n is removed
    assert tilted["kl"] > 0 and limit["line"] == "limit" and limit["accuracy"] > tilted["accuracy"]
    for quantity in ("entropy", "log_p", "length"):
        assert tilted[quantity] is None and not tilted[f"{quantity}_reliable"]
    report = (tmp_path / "out" / "report.txt").read_text()
    assert report.startswith(" CANNOT TELL ") and "reward β = 1" in report


@pytest.mark.parametrize("asked", [("--points", "2,1"), ("--model", "aligned"), ("--run", "run")])
def test_what_needs_log_p_is_refused_without_it(asked, tmp_path, capsys):
    path = dump(tmp_path / "0.jsonl")
    error = refused(forecast, capsys, path, *asked, "--output-dir", tmp_path / "out")
    assert f"{asked[0]} needs log p" in error and not (tmp_path / "out").exists()


def test_a_file_with_log_p_is_forecast_like_a_table_of_our_own(tmp_path, capsys):
    table = sampled()
    tools = [
        {
            "example_id": row.prompt_id,
            "prompt": row.prompt,
            "completion": row.response,
            "answer": row.answer,
            "reward": row.reward,
            "metrics": {},
            "is_truncated": False,
            "trajectory": [{"tokens": {"completion_logprobs": [row.log_p / row.length] * row.length}}],
        }
        for row in table.itertuples()
    ]
    table.to_parquet(tmp_path / "own.parquet")
    few = ("--alphas", "1.2", "--bs", "1")
    run(forecast, capsys, tmp_path / "own.parquet", "--output-dir", tmp_path / "own", *few)
    path = written.lines(tmp_path / "train_rollouts.jsonl", tools)
    said = run(forecast, capsys, path, "--output-dir", tmp_path / "theirs", *few)
    assert "is a file of prime-rl (verifiers)\n" in said
    own, theirs = (json.loads((tmp_path / name / "forecast.json").read_text()) for name in ("own", "theirs"))
    for one, other in zip(own["forecasts"], theirs["forecasts"], strict=True):
        assert one["accuracy"] == pytest.approx(other["accuracy"], abs=1e-9)
        assert one["kl"] == pytest.approx(other["kl"], abs=1e-9)


@pytest.mark.parametrize("command", [forecast, evaluate])
def test_suspicions_are_said_and_kept(command, tmp_path, capsys):
    path = dump(tmp_path / "0.jsonl")
    rows = [json.loads(line) | {"temperature": 0.6} for line in path.read_text().splitlines()]
    written.lines(path, rows)
    columns = ("--column", "temperature=temperature", "--column", "reward=score")
    said = run(command, capsys, path, *columns, "--output-dir", tmp_path / "out")
    assert f"note: {path}: the file says temperature 0.6; forecasts are for samples at temperature 1\n" in said
    if command is forecast:
        (kept,) = json.loads((tmp_path / "out" / "forecast.json").read_text())["suspicions"]
        assert kept["kind"] == "temperature" and kept["value"] == 0.6


def test_a_table_of_our_own_is_suspected_by_its_entropy(tmp_path, capsys):
    table = sampled()
    table["entropy"] = -2 * table["log_p"]
    table.to_parquet(tmp_path / "odd.parquet")
    said = run(evaluate, capsys, tmp_path / "odd.parquet", "--output-dir", tmp_path / "out")
    assert "sampled at a temperature below 1, with top-p or with top-k" in said
    (tmp_path / "config.json").write_text(json.dumps({"method": "low-temperature"}))
    assert run(evaluate, capsys, tmp_path / "odd.parquet", "--output-dir", tmp_path / "known") == ""


def test_every_suspicion_has_its_sentence():
    assert set(SENTENCES) == set(Kind)
    assert all("{" not in sentence(Suspicion(kind, 0.5)) for kind in Kind)


def test_a_column_that_is_not_of_the_form_is_refused_before_anything_is_read(tmp_path, capsys):
    for command in (forecast, evaluate):
        error = refused(command, capsys, tmp_path / "none.jsonl", "--column", "log_p")
        assert "--column log_p must be OURS=THEIRS" in error


def test_a_base_of_another_tool_must_tell_all_that_training_needs(tmp_path):
    with pytest.raises(ValueError, match=r"--base: .* is a file of verl and does not tell log_p \(verl's dumps hold"):
        given_base(dump(tmp_path / "0.jsonl"), "aligned", [])
