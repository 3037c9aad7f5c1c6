"""The table at the end of a run has no inf and no nan."""

import math

from llm.training.summary import _row


def test_an_interval_without_an_end_is_a_dash():
    part = {"kl": 0.1, "kl_se": 0.01}
    told = {"kl": 0.2, "kl_low": 0.1, "kl_high": math.inf, "kl_reliable": False}
    assert _row({"base": part, "final": part, "forecast": told}, "kl", 1.0, 2) == (
        "kl",
        "0.10 ± 0.01",
        "0.10 ± 0.01",
        "0.20 [–]",
        "no",
    )
