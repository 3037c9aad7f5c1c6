"""What is asked: which optima are limits, and which need a term that is fitted to the samples."""

import numpy as np
import pytest

from theory.estimation.target import Target


@pytest.mark.parametrize(
    ("target", "is_face", "has_length_term"),
    [
        (Target(1.0, 0.0), False, False),
        (Target(2.0, 1.0, 0.5), False, False),
        (Target(2.0, 1.0, 0.0, "ignore-eos"), False, False),
        (Target(2.0, 1.0, 0.0, "content"), False, True),
        (Target(2.0, 1.0, 0.0, "trajectory-balance"), False, True),
        (Target(np.inf, 0.0, 0.0, "content"), True, False),
        (Target(1.0, np.inf, 0.0, "trajectory-balance"), True, False),
        (Target(1.0, -np.inf), True, False),
    ],
)
def test_limits_have_no_weights_to_smooth_and_no_term_to_fit(target, is_face, has_length_term):
    """T4, T18, T20."""
    assert (target.is_face, target.has_length_term) == (is_face, has_length_term)
