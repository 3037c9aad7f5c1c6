"""A forecast as a record: what it holds, what it doubts, and how it is written."""

import pytest

from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.reweight import Target


def test_a_record_says_what_it_holds_and_writes_votes_last():
    doubted = Estimate(0.5, 0.4, float("inf"), ("few", "far"))
    quantities = {"accuracy": doubted, "maj@4": Estimate(0.6, 0.5, 0.7), "length": Estimate(9.0, 8.0, 10.0, ("far",))}
    record = Forecast(Target(2.0, 0.5, 1.0, "content"), Method.PSIS, 7.0, 0.3, quantities, 64.0)
    assert "maj@4" in record and "kl" not in record and record["length"].value == 9.0
    assert record.doubts == ("few", "far") and not record.reliable
    assert doubted.at_least and not quantities["length"].at_least and quantities["maj@4"].reliable
    written = record.to_json()
    assert list(written) == [
        *("method", "alpha", "b", "kappa", "length_control", "ess", "pareto_k"),
        *("accuracy", "accuracy_low", "accuracy_high", "accuracy_reliable"),
        *("length", "length_low", "length_high", "length_reliable", "reliable", "doubts", "samples_needed"),
        *("maj@4", "maj@4_low", "maj@4_high", "maj@4_reliable"),
    ]
    assert list(written.values())[:7] == ["psis", 2.0, 0.5, 1.0, "content", 7.0, 0.3]
    assert list(written.values())[11:] == [9.0, 8.0, 10.0, False, False, ["few", "far"], 64.0, 0.6, 0.5, 0.7, True]
    with pytest.raises(KeyError):
        record["kl"]
