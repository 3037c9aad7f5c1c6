"""Every method through the command: the same table, and one line for what cannot be done."""

import importlib
import inspect
import json
import logging

import pandas as pd
import pytest
import torch
from every_response import HORIZON
from table_model import ask

from llm.sample import main
from llm.samplers.methods import check_horizon, rows_per_sample, sampler
from llm.sampling.config import METHODS, SampleConfig


def run(tiny_model, folder, *arguments):
    problems = ["--dataset", "addition", "--prompts", "3", "--samples", "4", "--seed", "1", "--max-new-tokens", "24"]
    main(["--model", str(tiny_model), *problems, "--output-dir", str(folder), *arguments])
    return pd.read_parquet(folder / "rollouts.parquet"), json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize("method", [method for method in METHODS if method != "base"])
def test_each_method_writes_the_table_that_the_forecast_reads(tiny_model, tmp_path, method):
    from llm.rollout_table import from_table

    # A power near one: the random model would not stop under a sharper one.
    power = ["--alpha", "1.2"] if "alpha" in METHODS[method] else []
    power += ["--chains", "2", "--burn-in", "4"] if method == "power-mh" else []
    table, summary = run(tiny_model, tmp_path / "run", "--method", method, *power)
    assert len(table) == 12 and from_table(table).count.tolist() == [4, 4, 4]
    assert (table["log_p"] < 0).all() and summary["tokens"] > 0
    known = method in ("low-temperature", "power-smc")
    assert table["log_pi"].notna().all() if known else table["log_pi"].isna().all()


REFUSED = [
    (["--method", "power"], "--method must be one of"),
    (["--method", "power-mh", "--particles", "9"], "--particles 9 is not used by --method power-mh"),
    (["--alpha", "2"], "--alpha 2.0 is not used by --method base"),
    (["--method", "power-smc", "--alpha", "nan"], "--alpha must be finite"),
    (["--method", "power-smc", "--alpha=-1"], "--alpha must be finite"),
    (["--method", "power-smc", "--particles", "3"], "--particles 3 is below --samples"),
    (["--method", "power-rollout", "--block", "0"], "--block must be finite and at least 1"),
    (["--method", "power-mh", "--temperature", "0.5"], "--temperature 0.5 would make the rows draws of another"),
    (["--method", "power-mh", "--engine", "vllm"], "--engine vllm serves --method base only"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(a) for a, _ in REFUSED])
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--output-dir", str(tmp_path / "run")])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_horizon_below_every_response_is_one_line_and_exit_code_2(tiny_model, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(tiny_model, tmp_path / "run", "--method", "power-smc", "--max-new-tokens", "1")
    assert stop.value.code == 2
    assert "--max-new-tokens 1 is shorter than every response" in capsys.readouterr().err


def test_below_its_existence_threshold_a_power_warns_and_names_the_horizon(caplog):
    """T17: at alpha < 1 running to the limit is the target's doing, at alpha >= 1 the limit's."""
    cut, done = [[2] * 7], [[2, 1]]
    with caplog.at_level(logging.WARNING):
        check_horizon(cut * 2 + done * 8, 7, {1}, 0.5)
    assert "horizon of 7 tokens" in caplog.text and "20 %" in caplog.text
    caplog.clear()
    check_horizon(cut + done * 9, 7, {1}, 0.5)
    check_horizon(cut * 9 + done, 7, {1}, 1.5)
    assert not caplog.records
    check_horizon(cut, 7, {1}, 0.99)
    assert "horizon of 7 tokens" in caplog.text and " 100 %" in caplog.text
    with pytest.raises(ValueError, match="shorter than every response"):
        check_horizon(cut, 7, {1}, 1.0)


def test_the_horizon_of_a_method_is_checked_at_its_own_alpha(table, caplog):
    """Of a model that has not stopped by then: below alpha = 1 a warning, at and above it a refusal."""
    never = ask(2, stops={9})
    with caplog.at_level(logging.WARNING):
        drawn = sampler("low-temperature", {"alpha": 0.5})(never)
    assert {len(ids) for ids in drawn.responses} == {HORIZON} and "alpha 0.5: 100 %" in caplog.text
    for method, options in (("low-temperature", {"alpha": 1.0}), ("best-of-n", {"candidates": 2})):
        with pytest.raises(ValueError, match=f"--max-new-tokens {HORIZON} is shorter than every response"):
            sampler(method, options)(never)


def test_a_part_holds_no_more_rows_than_the_batch():
    def rows(config):
        return rows_per_sample(config.method, config.samples, config.method_options)

    assert rows(SampleConfig()) == 1
    assert rows(SampleConfig(method="best-of-n", candidates=5)) == 5
    assert rows(SampleConfig(method="majority-vote", candidates=3)) == 3
    assert rows(SampleConfig(method="power-mh", samples=64, chains=8)) == pytest.approx(1 / 8)
    assert rows(SampleConfig(method="power-smc", samples=10, particles=40)) == 4
    assert rows(SampleConfig(method="power-rollout", candidates=3, rollouts=2)) == 6
    assert rows(SampleConfig(method="power-mh", samples=8, chains=12)) == 1, "a chain gives several rows"


@pytest.mark.parametrize("method", METHODS)
def test_options_that_are_not_given_take_as_many_rows_as_their_defaults(method):
    module = importlib.import_module("llm.samplers." + method.replace("-", "_"))
    parameters = inspect.signature(module.sample).parameters
    defaults = {name: parameters[name].default for name in METHODS[method]}
    defaults |= {"particles": 3 * 50} if "particles" in defaults else {}  # three a sample, as its help says
    assert rows_per_sample(method, 50, {}) == rows_per_sample(method, 50, defaults)


def test_a_run_that_is_started_again_goes_on_with_the_same_draws(tiny_model, tmp_path):
    """Parts have seeds of their own: a part that is lost is drawn again as it was."""
    arguments = ("--method", "power-smc", "--alpha", "1.2", "--batch-size", "12")
    table, _ = run(tiny_model, tmp_path / "run", *arguments)
    (tmp_path / "run" / "parts" / "000001.parquet").unlink()
    torch.manual_seed(99)
    again, _ = run(tiny_model, tmp_path / "run", *arguments)
    assert again.equals(table)
