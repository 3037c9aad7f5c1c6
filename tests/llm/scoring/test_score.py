"""llm.score: the log p that llm.sample stored, of a file without any; and what it says of a file's own numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from llm.forecast import main as forecast
from llm.sample import main as sample
from llm.score import main as score
from tests.llm.readers import written


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """The folder of llm.sample on 20 prompts of the bundled task."""
    folder = tmp_path_factory.mktemp("sampled") / "run"
    sample(["--model", "aligned", "--prompts", "20", "--samples", "6", "--output-dir", str(folder)])
    return folder


def scored(file, folder, *options, model="aligned"):
    score([str(file), "--model", str(model), *map(str, options), "--output-dir", str(folder)])
    return pd.read_parquet(folder / "rollouts.parquet")


def table_of(sampled):
    return pd.read_parquet(sampled / "rollouts.parquet")


def bare(table, folder, name="texts"):
    """The texts alone, as a file of lines."""
    names = ["prompt_id", "sample", "prompt", "response", "answer", "reward", "finished"]
    return written.lines(folder / f"{name}.jsonl", table[names].to_dict("records"))


def test_log_p_length_and_entropy_are_those_that_were_stored_with_the_samples(sampled, tmp_path):
    stored = table_of(sampled)
    found = scored(bare(stored, tmp_path), tmp_path / "out")
    for name in ("log_p", "entropy"):
        np.testing.assert_allclose(found[name], stored[name], atol=1e-4)
    assert (found["length"] == stored["length"]).all() and (found["response"] == stored["response"]).all()
    assert not found["other_tokens"].any()


def test_unfinished_responses_have_no_end_and_the_limit_tells_them_apart(sampled, tmp_path):
    stored = table_of(sampled)
    stored["response"] = stored["response"].str.removeprefix(r"\boxed{").str[:5]
    cut = scored(bare(stored.assign(finished=False), tmp_path), tmp_path / "cut")
    no_word = bare(stored.assign(finished=False), tmp_path)
    rows = [json.loads(line) for line in no_word.read_text().splitlines()]
    written.lines(no_word, [{k: v for k, v in row.items() if k != "finished"} for row in rows])
    # A direct answer is left with its number and bracket, three tokens; of a worked one there are five.
    limited = scored(no_word, tmp_path / "limited", "--max-new-tokens", 5)
    ended = scored(no_word, tmp_path / "ended")
    assert (limited["finished"] == (cut["length"] < 5)).all() and 0 < limited["finished"].sum() < len(limited)
    assert (ended["length"] == cut["length"] + 1).all() and (ended["log_p"] < cut["log_p"] + 1e-4).all()
    alike = ~limited["finished"]
    np.testing.assert_allclose(limited["log_p"][alike], cut["log_p"][alike], atol=1e-5)


def test_a_killed_run_goes_on_and_gives_the_same_table(sampled, tmp_path):
    file, options = bare(table_of(sampled), tmp_path), ("--batch-size", 2)
    whole = scored(file, tmp_path / "whole", *options)
    scored(file, tmp_path / "cut", *options)
    parts = sorted((tmp_path / "cut" / "parts").iterdir())
    assert len(parts) == 4
    for file_of_later in (parts[1], tmp_path / "cut" / "rollouts.parquet", tmp_path / "cut" / "summary.json"):
        file_of_later.unlink()
    kept = parts[0].stat().st_mtime_ns
    pd.testing.assert_frame_equal(scored(file, tmp_path / "cut", *options), whole)
    assert parts[0].stat().st_mtime_ns == kept


def test_other_texts_do_not_go_on_with_the_parts_of_these(sampled, tmp_path, capsys):
    stored = table_of(sampled)
    scored(bare(stored, tmp_path), tmp_path / "out")
    stored.loc[0, "response"] = "1+1=2"
    with pytest.raises(SystemExit):
        scored(bare(stored, tmp_path), tmp_path / "out")
    assert "has other prompts" in capsys.readouterr().err


def test_a_log_of_lm_eval_can_be_scored_and_forecast(sampled, tmp_path, capsys):
    """The harness logs texts and no log p: sharpening cannot be told, and then it can."""
    stored, rows = table_of(sampled), []
    for number, (_, of_prompt) in enumerate(stored.groupby("prompt_id", sort=False)):
        first = of_prompt.iloc[0]
        boxed = [text.split("{")[-1].rstrip("}") for text in of_prompt["response"]]
        rows.append(
            {
                "doc_id": number,
                "doc": {},
                "target": first["answer"],
                "arguments": {"gen_args_0": {"arg_0": first["prompt"], "arg_1": {"do_sample": True}}},
                "resps": [list(of_prompt["response"])],
                "filtered_resps": [boxed],
                "filter": "box",
            }
        )
    log = written.lines(tmp_path / "samples_sums.jsonl", rows)
    found = scored(log, tmp_path / "out")
    np.testing.assert_allclose(found["log_p"], stored["log_p"], atol=1e-4)
    assert "it does not tell log_p, length, finished" in capsys.readouterr().err
    forecast([str(tmp_path / "out"), "--alphas", "1.1", "--bs", "1", "--output-dir", str(tmp_path / "told")])
    forecast([str(sampled), "--alphas", "1.1", "--bs", "1", "--output-dir", str(tmp_path / "own")])
    told, own = (json.loads((tmp_path / name / "forecast.json").read_text())["forecasts"] for name in ("told", "own"))
    for one, other in zip(told, own, strict=True):
        assert one["accuracy"] == pytest.approx(other["accuracy"], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["log_p"] / t["length"], "log p looks like a mean over the tokens"),
        (lambda t: t["log_p"] / np.log(10), "log p looks like a logarithm to base 10"),
        (lambda t: t["log_p"] / np.log(2), "log p looks like a logarithm to base 2"),
        (lambda t: t["log_p"] - 30.0, "prompt's own tokens were counted in"),
        (
            lambda t: t["log_p"] - np.random.default_rng(0).exponential(3.0, len(t)),
            "off what the model says of the same texts",
        ),
    ],
    ids=["mean", "base 10", "base 2", "prompt", "other"],
)
def test_a_files_own_log_p_are_compared(sampled, tmp_path, capsys, change, said):
    stored = table_of(sampled)
    stored.assign(log_p=change(stored)).drop(columns="log_pi").to_parquet(tmp_path / "odd.parquet")
    found = scored(tmp_path / "odd.parquet", tmp_path / "out")
    error = capsys.readouterr().err
    assert said in error and "it is kept as log_p_given" in error
    np.testing.assert_allclose(
        found["log_p"], stored["log_p"] if not said.startswith("off") else found["log_p"], atol=1e-4
    )


def test_other_tokens_than_were_sampled_are_marked(sampled, tmp_path, capsys):
    stored = table_of(sampled)
    stored.loc[3, "length"] += 2
    stored.to_parquet(tmp_path / "rollouts.parquet")
    found = scored(tmp_path / "rollouts.parquet", tmp_path / "out")
    assert list(np.flatnonzero(found["other_tokens"])) == [3]
    assert "1 of 120 responses are read back as other tokens than were sampled (row 4: " in capsys.readouterr().err


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        score([*map(str, arguments)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1, error
    return error


def test_what_cannot_be_scored_is_one_line_before_anything_is_written(sampled, tmp_path, capsys):
    stored, out = table_of(sampled), tmp_path / "out"
    file = bare(stored, tmp_path)
    nothing = bare(stored.assign(response="", finished=False), tmp_path, "nothing")
    cases = {
        ("nowhere.jsonl",): "does not exist",
        (file, "--max-new-tokens", 0): "--max-new-tokens must be at least 1",
        (file, "--strict"): "--strict is about the answers",
        (file, "--system", "Sum."): "--system is not used by the bundled task",
        (nothing,): "row 1: the response has no tokens",
        (file, "--column", "prompt=nothing"): "there is no such column",
        (bare(stored.assign(response="sum: é"), tmp_path, "strange"),): "its tokenizer cannot read",
    }
    for arguments, said in cases.items():
        assert said in refused(capsys, *arguments, "--model", "aligned", "--output-dir", out), arguments
    stored.drop(columns="prompt").to_parquet(tmp_path / "silent.parquet")
    error = refused(capsys, tmp_path / "silent.parquet", "--model", "aligned", "--output-dir", out)
    assert "has no column prompt" in error and not out.exists()


def test_rewards_are_made_where_the_file_has_answers_alone_and_anew_where_asked(sampled, tmp_path):
    stored = table_of(sampled)
    stored.drop(columns=["reward", "log_pi"]).to_parquet(tmp_path / "answers.parquet")
    assert (scored(tmp_path / "answers.parquet", tmp_path / "out")["reward"] == stored["reward"]).all()
    assert scored(sampled, tmp_path / "exact", "--reward", "exact")["reward"].sum() == 0
