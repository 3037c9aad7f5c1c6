"""--reward through the commands: sampled, trained, forecast and evaluated with it."""

import json
import sys

import pandas as pd
import pytest

from llm.evaluation.config import EvaluateConfig
from llm.evaluation.tables import evaluate
from llm.problems import MathProblem
from llm.sample import main
from llm.sampling.config import SampleConfig
from llm.sampling.parts import sample
from llm.training.given_base import given_base

FUNCTION = """
def share(prompts, completions, answer, **columns):
    return [0.5 if a in c else 0.25 for c, a in zip(completions, answer)]

def worse_and_worse(prompts, completions, **columns):
    calls.append(prompts)
    return [1.0 if len(calls) < 4 else 2.0] * len(completions)

calls = []

def too_much(prompts, completions, **columns):
    return [1.5] * len(completions)
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "own_rewards.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("own_rewards", None)


def config_of(folder, reward, **options):
    return SampleConfig(model="aligned", prompts=2, samples=4, reward=reward, output_dir=folder, **options)


def test_sampled_and_evaluated_with_a_reward_of_real_values(functions, capsys):
    table = pd.read_parquet(sample(config_of(functions / "run", "own_rewards:share")))
    finished = table[table["finished"]]
    expected = [0.5 if a in r else 0.25 for r, a in zip(finished["response"], finished["answer"], strict=True)]
    assert list(finished["reward"]) == expected
    evaluate(EvaluateConfig((functions / "run",), output_dir=functions / "evaluation"))
    numbers = json.loads((functions / "evaluation" / "evaluation.json").read_text())["tables"]
    (values,) = numbers.values()
    assert values["reward"]["value"] == pytest.approx(table["reward"].mean())
    assert values["pass@1"]["value"] is None or values["pass@1"]["value"] != values["pass@1"]["value"]
    assert "pass@k and maj@k, which count correct answers, cannot be told" in capsys.readouterr().out


def test_answers_that_stand_in_no_box_are_voted_on(functions):
    table = pd.read_parquet(sample(config_of(functions / "run", "final-number")))
    right = table["given"] == table["answer"]
    assert right.any() and list(table["reward"]) == list(right.astype(float))
    voted = sample(config_of(functions / "vote", r"regex:(\d)", method="majority-vote", candidates=4))
    assert set(pd.read_parquet(voted)["votes"]) - {0}


def test_base_rollouts_of_another_reward_are_refused(functions):
    path = sample(config_of(functions / "run", "final-number"))
    rows = pd.read_parquet(path).drop_duplicates("prompt_id")
    problems = [MathProblem(i, p, a) for i, p, a in rows[["prompt_id", "prompt", "answer"]].itertuples(index=False)]
    assert len(given_base(path, "aligned", problems, "final-number")) == 8
    with pytest.raises(ValueError, match="was rewarded by --reward final-number, and this run by boxed"):
        given_base(path, "aligned", problems)


@pytest.mark.parametrize("reward", ["own_rewards:too_much", "own_rewards:absent", "choice", "regex:(", "boxes"])
def test_a_reward_that_cannot_work_is_refused_before_anything_is_written(functions, reward, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--prompts", "2", "--samples", "2", "--output-dir", "run", "--reward", reward])
    said = capsys.readouterr().err.strip().splitlines()
    assert stopped.value.code == 2 and said[-1].startswith("error: ") and "--reward" in said[-1]
    assert not (functions / "run").exists()


def test_a_function_that_goes_wrong_later_keeps_what_was_done_and_says_so(functions, capsys):
    """Tried on two problems it works; the third part of a prompt each is where it fails."""
    options = {"model": "aligned", "prompts": 3, "samples": 4, "batch_size": 4, "output_dir": functions / "run"}
    config = SampleConfig(reward="own_rewards:worse_and_worse", **options)
    with pytest.raises(ValueError, match=r"returned 2.0 for row 1 .*; 2 of 3 parts are kept in .*; the same") as raised:
        sample(config)
    assert "\n" not in str(raised.value)
    parts = sorted(file.name for file in (functions / "run" / "parts").glob("*.parquet"))
    assert parts == ["000000.parquet", "000001.parquet"] and not (functions / "run" / "rollouts.parquet").exists()
    sys.modules["own_rewards"].worse_and_worse = lambda completions, **_: [1.0] * len(completions)
    table = pd.read_parquet(sample(config))
    assert len(table) == 12 and (table["reward"] == table["finished"]).all()
    evaluate(EvaluateConfig((functions / "run",), output_dir=functions / "evaluation"))
    (values,) = json.loads((functions / "evaluation" / "evaluation.json").read_text())["tables"].values()
    assert values["pass@1"]["value"] == pytest.approx(table["reward"].mean()) and values["maj@1"]["value"] is None
    assert "no row of the column given holds an answer; maj@k is not known" in capsys.readouterr().err
