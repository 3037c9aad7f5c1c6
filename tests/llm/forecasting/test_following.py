"""A run folder beside the curve that base rollouts predict for it."""

import json

import numpy as np
import pytest

from llm.forecasting.following import follow_run, on_the_curve
from llm.rollout_table import from_table
from tests.rollout_tables import COMPLETE, sampled
from theory.estimation.following import targets_along
from theory.estimation.reweight import exact
from theory.objectives import regime


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


def test_a_run_off_its_line_is_reported_with_the_step(tmp_path):
    rows = [{"step": s, "accuracy": 0.5 if s < 20 else 1.0, "log_p": -2, "sequence_kl": 0.1} for s in range(1, 31)]
    rows = [json.dumps(row | {"length": 6, "sequence_entropy": 1}) for row in rows]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "config.json").write_text(json.dumps({"regime": "tempered", "alpha": 2.0, "beta": None}))
    told = on_the_curve(follow_run(from_table(sampled()), tmp_path))
    assert told["share_within_5_points"] < 1 and told["largest_gap_step"] >= 18 and told["last_step_outside"] == 30
