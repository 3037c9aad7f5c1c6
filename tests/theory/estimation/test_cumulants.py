"""The expansion around the base model against the finite sum that it expands."""

import numpy as np

from llm.rollout_table import from_table
from tests.rollout_tables import responses, table_of
from theory.estimation.cumulants import expand
from theory.estimation.reweight import Target, exact


def test_the_error_of_the_expansion_falls_with_a_power_of_the_distance():
    """T23: halving alpha - 1 divides the error by eight (second order), that of the KL by sixteen (third)."""
    generator = np.random.default_rng(5)
    counts = [np.repeat(np.arange(5), np.round(4000 * np.exp(responses(i)[0])).astype(int)) for i in range(8)]
    many = from_table(table_of([generator.permutation(y) for y in counts]))
    complete = from_table(table_of([np.arange(5)] * 8))
    for name, expected in (("accuracy", 8), ("length", 8), ("kl", 16)):
        error = [
            abs(
                expand(many, Target(1 + x, 0.0)).value[name].mean()
                - exact(complete, Target(1 + x, 0.0)).value[name].mean()
            )
            for x in (0.4, 0.2)
        ]
        assert expected / 1.4 < error[0] / error[1] < 1.4 * expected, (name, error)
