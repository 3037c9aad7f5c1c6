"""Tables of rollouts judged side by side: which tables, their numbers, intervals and differences."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from llm.evaluation.config import EvaluateConfig
from llm.evaluation.tables import evaluate
from tests.theory.estimation.test_statistics import table


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """evaluation.json of the files and folders named; tables given as NAME=table are written as NAME.parquet."""
    monkeypatch.chdir(tmp_path)

    def judge(*names, **tables):
        options = {name: tables.pop(name) for name in ("ks", "level", "column") if name in tables}
        for name, rows in tables.items():
            rows.to_parquet(f"{name}.parquet")
        paths = tuple(Path(name) for name in (*names, *(f"{name}.parquet" for name in tables)))
        config = EvaluateConfig(paths, output_dir=tmp_path / "out", overwrite=True, **options)
        return json.loads((evaluate(config) / "evaluation.json").read_text())

    return judge


def constant(rewards, samples=4, prompts=20, **columns):
    """Every prompt with these rewards, in samples of one length."""
    return table(prompts, samples).assign(
        **{"reward": np.resize(rewards, prompts * samples), "finished": True, "length": 5} | columns
    )


def test_tables_are_compared_prompt_by_prompt(judged, capsys):
    one, other = table(prompts=30, samples=4), table(prompts=30, samples=4)
    # Right where the other is, and at every fifth sample besides; lengths are two more; KL is not known.
    other["reward"] = np.where(np.arange(len(other)) % 5 == 0, 1.0, other["reward"]) * other["finished"]
    other["length"] += 2
    other["log_pi"] = np.nan
    result = judged(one=one, other=other)
    (difference,) = result["differences"].values()
    np.testing.assert_allclose(list(difference["length"].values()), 2.0, err_msg="paired: no noise of prompts is left")
    np.testing.assert_allclose(difference["pass@1"]["value"], (other["reward"] - one["reward"]).mean())
    assert difference["pass@1"]["low"] < difference["pass@1"]["value"] < difference["pass@1"]["high"]
    values = result["tables"]["one.parquet"]
    every_k = [f"{kind}{k}" for kind in ("pass@", "maj@", "best-of-") for k in (1, 2, 4)]
    assert list(values) == [*every_k, "length", "truncated", "log_p", "kl"]
    assert values["pass@1"]["value"] == pytest.approx(one["reward"].mean())
    assert result["tables"]["other.parquet"]["kl"] == {"value": None, "low": None, "high": None}
    assert result["prompts"] == {"one.parquet": 30, "other.parquet": 30}
    assert "k1" in result["kl_estimator"] and "bootstrap over prompts" in result["intervals"]
    assert "In accuracy, against one.parquet: other.parquet is" in capsys.readouterr().out


def test_the_table_for_a_spreadsheet_has_every_number(judged, tmp_path):
    result = judged(one=table(), other=table(seed=1))
    rows = pd.read_csv(tmp_path / "out" / "evaluation.csv")
    assert list(rows) == ["kind", "rollouts", "quantity", "value", "low", "high"]
    expected = [
        (kind, name, quantity, *numbers.values())
        for kind in ("tables", "differences")
        for name, quantities in result[kind].items()
        for quantity, numbers in quantities.items()
    ]
    assert len(rows) == 3 * len(result["tables"]["one.parquet"]) == len(expected)
    for found, wanted in zip(rows.itertuples(index=False), expected, strict=True):
        assert found[:3] == wanted[:3] and found[3:] == pytest.approx(wanted[3:], rel=1e-12)


def test_only_prompts_that_both_have_are_compared(judged):
    """Numbers and texts are the same prompt_id; the order of a file does not matter."""
    one = constant([1.0, 0, 0, 0], prompts=6).assign(prompt_id=np.repeat([str(i) for i in range(6)], 4))
    other = constant([1.0, 1, 0, 0], prompts=6).assign(prompt_id=np.repeat([9, 8, 5, 4, 3, 2], 4))
    other.loc[other["prompt_id"] > 5, "reward"] = 0.0
    result = judged(one=one, other=other, ks=(1,))
    assert result["differences"]["other.parquet"]["pass@1"]["value"] == pytest.approx(0.25)
    assert result["tables"]["other.parquet"]["pass@1"]["value"] == pytest.approx(2 / 6)


def test_k_doubles_as_far_as_the_fewest_samples_go_or_rises_as_asked(judged):
    few = table(samples=8).query("prompt_id != 'p0' or sample < 5")
    assert [name for name in judged(few=few, many=table(samples=9))["tables"]["few.parquet"] if "pass@" in name] == [
        *("pass@1", "pass@2", "pass@4")
    ]
    result = judged(few=few, ks=(5, 1, 3, 3))
    assert list(result["tables"]["few.parquet"])[:3] == ["pass@1", "pass@3", "pass@5"]
    assert result["samples"] == {"few.parquet": pytest.approx((4 * 8 + 5) / 5)}


def test_what_is_always_so_is_not_certain(judged):
    """Of 20 prompts that are all solved one in six may yet not be; two such tables may differ by as much."""
    result = judged(one=constant(1.0), other=constant(1.0), part=constant(0.0))
    for name in ("one.parquet", "other.parquet"):
        for share in ("pass@4", "maj@4", "best-of-4"):
            numbers = result["tables"][name][share]
            assert numbers["high"] == 1.0 and numbers["low"] == pytest.approx(0.025 ** (1 / 20)), share
        assert result["tables"][name]["truncated"]["low"] == 0.0
        assert result["tables"][name]["truncated"]["high"] == pytest.approx(1 - 0.025 ** (1 / 20))
        assert result["tables"][name]["length"] == {"value": 5.0, "low": 5.0, "high": 5.0}, "not a share"
    difference = result["differences"]["other.parquet"]
    assert difference["pass@4"]["low"] < -0.1 and difference["pass@4"]["high"] > 0.1


def test_where_one_table_has_parts_of_a_reward_all_are_compared_by_their_mean(judged, capsys):
    """pass@k cannot be told of halves; the other table's rewards of 1 are a mean reward too, and as uncertain."""
    result = judged(whole=constant(1.0), half=constant([0.5, 1.0, 0.5, 0.0]), zero=constant(0.0))
    tables, differences = result["tables"], result["differences"]
    assert [next(iter(own)) for own in tables.values()] == ["reward"] * 3
    assert [own["reward"]["value"] for own in tables.values()] == [1.0, 0.5, 0.0]
    assert tables["whole.parquet"]["reward"]["low"] == pytest.approx(0.025 ** (1 / 20))
    assert tables["half.parquet"]["pass@1"]["value"] is None and tables["whole.parquet"]["pass@1"]["value"] == 1.0
    assert [own["reward"]["value"] for own in differences.values()] == [-0.5, -1.0]
    said = capsys.readouterr().out
    assert "In mean reward, against whole.parquet: half.parquet, zero.parquet are below it." in said
    graded = [line for line in said.splitlines() if "its rewards are not 0 and 1" in line]
    assert len(graded) == 1 and graded[0].startswith("half.parquet: ")


def test_rewards_that_are_not_those_of_the_answers_are_named(judged, capsys):
    """A response that boxes the answer of the file and has no reward: accuracy and maj@k then speak of two things."""
    fine = constant(0.0, response=r"\boxed{7}", answer="3")
    judged(fine=fine, odd=fine.assign(answer="7"))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "Reward and answer disagree" in line]
    assert line.startswith("odd.parquet: ") and "80 of 80 responses" in line


@pytest.mark.parametrize(
    "lacking, untold",
    [
        ("log_p", {"best-of-1", "best-of-2", "log_p", "kl"}),
        ("length", {"length"}),
        ("finished", {"truncated"}),
        ("given", {"maj@1", "maj@2"}),
    ],
)
def test_what_a_file_lacks_makes_unknown_what_needs_it_and_nothing_else(lacking, untold, judged, tmp_path, capsys):
    """In the rows of another tool, which may lack any of these."""
    rows = {"prompt": ["a?", "a?", "b?", "b?"], "response": list("7817"), "reward": [1.0, 0, 0, 1], "answer": ["7"] * 4}
    rows |= {"log_p": [-1.0, -2, -3, -1], "length": [3, 4, 5, 6], "finished": [True] * 4, "given": list("7817")}
    pd.DataFrame(rows).drop(columns=lacking).to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    (values,) = judged("rows.jsonl")["tables"].values()
    assert {quantity for quantity, numbers in values.items() if numbers["value"] is None} == untold | {"kl"}
    assert f"it does not tell {lacking}" in capsys.readouterr().err


@pytest.mark.parametrize("method, odd", [(None, True), ("base", True), ("low-temperature", False)])
def test_only_what_is_said_to_be_the_model_itself_is_looked_at_as_such(method, odd, judged, tmp_path, capsys):
    """The samples of a sampler are odd on purpose."""
    (tmp_path / "run").mkdir()
    table().assign(temperature=0.5).to_parquet(tmp_path / "run" / "rollouts.parquet")
    if method:
        (tmp_path / "run" / "config.json").write_text(json.dumps({"method": method}))
    judged("run")
    assert ("note: run: the file says temperature 0.5" in capsys.readouterr().err) == odd


def run_folder(path, base, final, best=None):
    path.mkdir()
    for name, seed in (("base", base), ("final", final), ("best", best)):
        if seed is not None:
            table(prompts=6, seed=seed).to_parquet(path / f"{name}.parquet")


def test_a_run_folder_stands_for_base_last_and_best(judged, tmp_path):
    """A base that was seen in any run before is not judged again; a run may lack it, and tables may stand between."""
    for name, *seeds in (("a", 0, 1), ("b", 0, 1, 2), ("c", 5, 1), ("d", 0, 1), ("e", None, 1)):
        run_folder(tmp_path / name, *seeds)
    table(prompts=6, seed=7).to_parquet(tmp_path / "own.parquet")
    result = judged("a", "own.parquet", "b", "c", "d", "e")
    names = ["a:base", "a:last", "own.parquet", "b:last", "b:best", "c:base", "c:last", "d:last", "e:last"]
    assert list(result["tables"]) == names
    assert list(result["differences"]) == names[1:] and result["differences_to"] == "a:base"
    rewards = table(prompts=6, seed=2)["reward"]
    assert result["tables"]["b:best"]["pass@1"]["value"] == pytest.approx(rewards.mean())


def test_a_table_has_the_same_intervals_wherever_it_stands(judged):
    """The draws of the first table once decided those of the second, so that one accuracy had several intervals."""
    one, other = (table(prompts=12, samples=4, seed=seed) for seed in (0, 1))
    assert judged(one=one, other=other)["tables"] == judged(other=other, one=one)["tables"]


def test_the_level_of_the_intervals_is_the_one_asked_for(judged):
    """Half of a normal distribution lies within .674 standard deviations, 95 % of it within 1.96."""
    width = {}
    for level in (0.5, 0.95):
        result = judged(one=table(prompts=60, samples=4), level=level)
        (values,) = result["tables"].values()
        width[level] = {name: values[name]["high"] - values[name]["low"] for name in ("length", "log_p", "pass@1")}
        assert result["level"] == level
    for name in width[0.5]:
        assert width[0.5][name] / width[0.95][name] == pytest.approx(0.674 / 1.96, rel=0.15), name


def test_an_evaluation_has_a_folder_of_its_own_that_says_which_command_made_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_parquet("one.parquet")
    folder = evaluate(EvaluateConfig((tmp_path / "one.parquet",)))
    assert folder.parent.name == "runs" and folder.name.startswith("evaluation")
    assert json.loads((folder / "environment.json").read_text())["command"] == "llm.evaluate"


def test_tables_without_a_common_prompt_are_not_compared(judged):
    strangers = table().assign(prompt_id="q")
    strangers["sample"] = range(len(strangers))
    with pytest.raises(ValueError, match=r"ROLLOUTS other[.]parquet and one[.]parquet have no prompt_id in common"):
        judged(one=table(), other=strangers)
