"""A run folder beside the curve that base rollouts predict for it."""

import json

import numpy as np
import pytest

from llm.forecasting.following import follow_run, on_the_curve
from llm.rollout_table import from_table
from tests.rollout_tables import COMPLETE, PROMPTS, sampled, table_of
from theory.estimation.following import targets_along
from theory.estimation.reweight import Target, exact
from theory.objectives import regime

DEFAULTS = (("kappa", 0.0), ("length_control", "none"))


@pytest.mark.parametrize(("name", "parameters"), [("tempered", {"alpha": 4.0}), ("tilted", {"beta": 0.5})])
def test_a_run_on_its_line_is_followed_without_a_gap(tmp_path, name, parameters):
    """T8, T23: the mean of l (or the KL) names the point, and everything else is then predicted."""
    objective = regime(name, **parameters)
    metrics = []
    for step, target in enumerate(targets_along(objective)[:40:2], start=1):
        value = {name: x.mean() for name, x in exact(COMPLETE, target).value.items()}
        row = {"sequence_entropy": value["entropy"], "sequence_kl": value["kl"], **value}
        metrics += [json.dumps({"step": step, **row})] * 1
    (tmp_path / "metrics.jsonl").write_text("\n".join(metrics) + "\n")
    config = {"regime": name, "alpha": parameters.get("alpha"), "beta": parameters.get("beta")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    followed = follow_run(from_table(sampled(samples=400)), tmp_path)
    middle = followed.iloc[3:-3]  # the ends of a moving average are not in the middle of their window
    for quantity, tolerance in (("accuracy", 0.02), ("length", 0.4), ("entropy", 0.06)):
        assert np.abs(middle[quantity] - middle[f"{quantity}_predicted"]).max() < tolerance
    assert on_the_curve(followed)["share_within_5_points"] == 1.0
    assert middle["alpha" if name == "tempered" else "b"].is_monotonic_increasing


def run_folder(folder, rows, **config):
    (folder / "metrics.jsonl").write_text(
        "\n".join(json.dumps({"step": i, **row}) for i, row in enumerate(rows, 1)) + "\n"
    )
    (folder / "config.json").write_text(json.dumps({"regime": "tempered", "alpha": 3.0, "beta": None, **config}))
    return folder


def two_lengths(table):
    """The five responses, of which three are equally long and the other two too."""
    return table.assign(length=table["length"].map({12: 5, 4: 5, 5: 5, 20: 20, 7: 20}))


def measured_at(target):
    complete = from_table(two_lengths(table_of([np.arange(5)] * PROMPTS)))
    value = {name: x.mean() for name, x in exact(complete, target).value.items()}
    return {"sequence_entropy": value["entropy"], "sequence_kl": value["kl"], **value}


@pytest.mark.parametrize("options", [{"kappa": 1.0}, {"length_control": "content"}])
def test_a_run_is_followed_with_its_own_length_exponent_and_control(tmp_path, options):
    """T18, T20: on the plain line of its alpha the same run would be off by up to 20 points and 4 tokens."""
    shares = np.linspace(0, 1, 25)
    rows = [measured_at(Target(1 + 2 * share, 0.0, *(options.get(k, d) for k, d in DEFAULTS))) for share in shares]
    base = from_table(two_lengths(sampled(samples=100)))
    followed = follow_run(base, run_folder(tmp_path, rows, **options)).iloc[3:-3]
    assert followed["told"].all()
    for quantity, tolerance in (("accuracy", 0.02), ("length", 0.4), ("entropy", 0.06)):
        assert np.abs(followed[quantity] - followed[f"{quantity}_predicted"]).max() < tolerance


@pytest.mark.parametrize("control", ["trajectory-balance", "ignore-eos"])
def test_a_run_whose_way_is_not_told_is_not_followed(tmp_path, control):
    rows = [measured_at(Target(1.0, 0.0))] * 3
    with pytest.raises(ValueError, match=f"--run .*length control {control} moves along no line"):
        follow_run(from_table(sampled()), run_folder(tmp_path, rows, length_control=control))


def test_a_run_is_not_blamed_where_one_effective_sample_speaks(tmp_path):
    """With log p 40 nats apart the weights are down to one sample; the run was said to be 25 points off."""
    table = sampled(samples=8)
    table["log_p"] = -300 + 40 * np.random.default_rng(0).normal(size=len(table))
    table["response"] = np.arange(len(table)).astype(str)
    row = {"accuracy": 0.9, "log_p": -240, "sequence_kl": 3.0, "length": 6.0, "sequence_entropy": 100.0}
    followed = follow_run(from_table(table), run_folder(tmp_path, [row] * 10, alpha=2.0))
    facts = on_the_curve(followed)
    assert not followed["told"].any() and facts["share_told"] == 0 and facts["largest_gap"] is None
    assert "cannot be compared" in facts["sentence"] and "nan" not in facts["sentence"]


def test_a_run_off_its_line_is_reported_with_the_step(tmp_path):
    rows = [{"step": s, "accuracy": 0.5 if s < 20 else 1.0, "log_p": -2, "sequence_kl": 0.1} for s in range(1, 31)]
    rows = [json.dumps(row | {"length": 6, "sequence_entropy": 1}) for row in rows]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "config.json").write_text(json.dumps({"regime": "tempered", "alpha": 2.0, "beta": None}))
    told = on_the_curve(follow_run(from_table(sampled()), tmp_path))
    assert told["share_within_5_points"] < 1 and told["largest_gap_step"] >= 18 and told["last_step_outside"] == 30
