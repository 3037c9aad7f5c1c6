"""T29 in a run: the slope of accuracy along alpha from the groups of a step, and where it turns."""

import itertools

import numpy as np
from scipy.special import log_softmax

from llm.training.stopping import WINDOW, log_p_right_minus_wrong, turning_step, within_prompts
from theory.turning_points import accuracy_slope

LOG_P = log_softmax([[0.0, -0.4, -1.5], [-1.0, -0.2, -0.5]], axis=1)
RIGHT = np.array([[False, True, False], [True, False, True]])


def test_the_mean_over_all_groups_is_the_slope_of_accuracy_along_alpha():
    """T29: groups of 2 of each of two prompts under q_{α,0}, all of them listed."""
    alpha, total = 1.7, 0.0
    q = np.exp(log_softmax(alpha * LOG_P, axis=1))
    for a in itertools.product(range(3), repeat=2):
        for b in itertools.product(range(3), repeat=2):
            chance = np.prod(q[0, list(a)]) * np.prod(q[1, list(b)])
            log_p = np.concatenate([LOG_P[0, list(a)], LOG_P[1, list(b)]])
            right = np.concatenate([RIGHT[0, list(a)], RIGHT[1, list(b)]]).astype(float)
            total += chance * within_prompts(["x", "x", "y", "y"], right, log_p)["accuracy_slope"]
    np.testing.assert_allclose(total, np.mean(accuracy_slope(LOG_P, RIGHT, alpha)), atol=1e-12)


def test_right_minus_wrong_is_the_difference_of_means_weighted_by_how_mixed_a_prompt_is():
    """T29: by hand, with a prompt that is always right and one with a single sample, which say nothing."""
    prompts = ["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d"]
    reward = np.array([1.0, 1, 0, 0, 1, 0, 0, 1, 1, 0])
    log_p = np.array([-1.0, -3, -4, -4, -9, -2, -4, -1, -8, -50])
    found = within_prompts(prompts, reward, log_p)
    variances = np.array([1 / 3, 1 / 3])
    differences = np.array([-2.0 + 4.0, -9.0 + 3.0])
    np.testing.assert_allclose(found["accuracy_slope"], variances @ differences / 3)
    shown = log_p_right_minus_wrong(found)["log_p_right_minus_wrong"]
    np.testing.assert_allclose(shown, variances @ differences / variances.sum())


def test_groups_without_both_kinds_have_no_difference():
    same = within_prompts(["a", "a"], np.ones(2), np.array([-1.0, -2.0]))
    assert same["accuracy_slope"] == 0 and log_p_right_minus_wrong(same) == {} == log_p_right_minus_wrong({})
    assert within_prompts(["a", "b"], np.ones(2), np.ones(2)) == {}


def rows(slopes):
    return [{"step": step, "accuracy_slope": float(slope)} for step, slope in enumerate(slopes, 1)]


def test_a_run_turns_where_the_mean_of_ten_steps_is_first_negative_beyond_its_noise():
    """T29: rising for 30 steps, falling afterwards; noise alone, or a fall from the start, is no turn."""
    wobble = np.tile([0.1, -0.1], 40)
    found = turning_step(rows(np.where(np.arange(80) < 30, 0.2, -0.2) + wobble))
    assert 30 + WINDOW / 2 < found["turned_at"] <= 30 + WINDOW
    assert found["first"] > 0.1 and found["last"] < -0.1
    assert turning_step(rows(wobble))["turned_at"] is None
    falls = turning_step(rows(-0.2 + wobble))
    assert falls["turned_at"] is None and falls["first"] < 0
    assert turning_step(rows(0.2 + wobble))["turned_at"] is None
    assert turning_step(rows(wobble[: WINDOW - 1])) == {} and turning_step([{"step": 1}] * 30) == {}
