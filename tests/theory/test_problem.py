"""The one problem type: what stands at its door, and how zeros of p are left out."""

import numpy as np
import pytest

from theory.problem import Problem

LOG_P, REWARD = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.log([0.5, 0.3]), REWARD[:2]), "sum to 0.8, off by -0.2"),
        ((np.array([np.nan, 0.0, 0.0]), REWARD), "log_p holds nan"),
        ((np.stack([LOG_P, LOG_P]), np.stack([REWARD, REWARD])), r"log_p has shape \(2, 3\); a problem is one prompt"),
        ((LOG_P, REWARD[:2]), r"reward has shape \(2,\) but log_p has shape \(3,\)"),
        ((LOG_P, np.array([0.0, np.inf, 0.0])), "reward holds inf"),
        ((LOG_P, REWARD, np.array([1.0, 2.0])), r"length has shape \(2,\)"),
        ((LOG_P, REWARD, np.array([1.0, 0.0, 2.0])), "length holds 0.0; count tokens with EOS"),
        ((LOG_P, REWARD, np.array([1.0, np.nan, 2.0])), "length holds nan"),
    ],
)
def test_what_is_no_problem_is_refused_at_the_door(arguments, message, as_users_call_it):
    with pytest.raises(ValueError, match=message):
        Problem(*arguments)


def test_zeros_of_p_stand_beside_the_others_until_they_are_left_out():
    """T24: -inf is a response that no objective reaches."""
    problem = Problem(np.array([-np.inf, np.log(0.4), np.log(0.6)]), REWARD, np.array([3.0, 1.0, 2.0]))
    left = problem.on_support()
    assert len(problem) == 3 and len(left) == 2
    np.testing.assert_array_equal(np.exp(left.log_p), [0.4, 0.6])
    np.testing.assert_array_equal(left.reward, [1, 0])
    np.testing.assert_array_equal(left.length, [1, 2])
