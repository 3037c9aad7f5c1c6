"""T23, T2: a run's own point of the plane, from its log-probabilities or from its means."""

import numpy as np
import pytest
from hard_policies import rewarded
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax

from theory import coordinates
from theory.tilt import kl, log_tilt, moments

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])
CORRECT = np.array([1.0, 0.0, 1.0, 0.0])


def curved(log_p, reward, alpha, b):
    """Whether log p and r vary apart from each other there, so that two numbers name the point."""
    at = moments(log_p, reward, alpha, b)
    return at.var_log_p * at.var_reward - at.cov**2 > 1e-4 * max(1.0, at.var_log_p) * max(1.0, at.var_reward)


@given(rewarded(deepest=-8.0, most=8), st.floats(0.0, 6), st.floats(-3, 5))
def test_a_member_of_the_family_is_read_off_its_logarithms(problem, alpha, b):
    """T23: log q = α log p + b r - Φ, also where p has zeros."""
    assume(curved(*problem, 1, 0))
    found = coordinates.coordinates(log_tilt(*problem, alpha, b), *problem)
    np.testing.assert_allclose(found, (alpha, b), rtol=1e-6, atol=1e-6)


def test_where_reward_is_log_p_no_two_coordinates_exist():
    """T23: the family is then a line, and nan says so."""
    assert np.isnan(coordinates.coordinates(LOG_P, LOG_P, LOG_P)).all()


@settings(max_examples=60)
@given(rewarded(deepest=-6.0, most=6), st.floats(0.2, 4), st.floats(-2, 4))
def test_a_member_of_the_family_projects_on_itself(problem, alpha, b):
    """T2: its own means give its own point back."""
    assume(curved(*problem, alpha, b))
    found = coordinates.projection(log_tilt(*problem, alpha, b), *problem)
    np.testing.assert_allclose(found, (alpha, b), rtol=1e-4, atol=1e-4)


@settings(max_examples=30)
@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_the_projection_is_the_member_nearest_in_kl(logits):
    """T2: KL(π‖q_{α,b}) is least there, against an optimiser that knows nothing of means."""
    log_pi = log_softmax(np.array(logits))
    found = coordinates.projection(log_pi, LOG_P, CORRECT)
    assume(found.alpha < 50 and abs(found.b) < 50)

    def distance(point):
        return float(kl(log_pi, log_tilt(LOG_P, CORRECT, abs(point[0]), point[1])))

    best = minimize(
        distance, (1.0, 0.0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
    )
    assert distance(found) <= best.fun + 1e-9


def test_alpha_stays_at_zero_and_b_is_then_the_best_for_it():
    """T2: a run that is flatter than any power of p; the border's own optimum, not a corner that Newton was cut to."""
    log_pi = np.log([0.4, 0.02, 0.38, 0.2])
    found = coordinates.projection(log_pi, LOG_P, CORRECT)
    assert found.alpha == 0
    pi = np.exp(log_pi)
    np.testing.assert_allclose(moments(LOG_P, CORRECT, 0, found.b).mean_reward, pi @ CORRECT, atol=1e-9)


def test_a_policy_on_a_face_runs_off_until_nothing_is_left_to_gain():
    """T2: always correct is b = inf; accuracy is then one to rounding, or the box that the caller gives ends it."""
    log_pi = np.where(CORRECT == 1, np.log(0.5), -np.inf)
    assert moments(LOG_P, CORRECT, *coordinates.projection(log_pi, LOG_P, CORRECT)).mean_reward > 1 - 1e-9
    mean_log_p = float(np.mean(LOG_P[CORRECT == 1]))
    found = coordinates.coordinates_of_means(LOG_P, CORRECT, mean_log_p, 1.0, largest=(64.0, 20.0))
    assert found.b == 20


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3), st.floats(-1, 3))
def test_means_over_prompts_and_samples_name_the_point_that_they_were_made_with(seed, alpha, b):
    """T23: several prompts, each with weighted samples; only the averages are known."""
    generator = np.random.default_rng(seed)
    log_p, log_mass = generator.normal(-20, 2, (3, 30)), generator.normal(size=(3, 30))
    log_mass[0, 7] = -np.inf
    reward = (generator.random((3, 30)) < 0.4) * 1.0
    at = moments(log_p, reward, alpha, b, log_mass)
    found = coordinates.coordinates_of_means(
        log_p, reward, float(np.mean(at.mean_log_p)), float(np.mean(at.mean_reward)), log_mass
    )
    np.testing.assert_allclose(found, (alpha, b), rtol=1e-6, atol=1e-6)
    known_b = coordinates.alpha_of_mean_log_p(log_p, reward, float(np.mean(at.mean_log_p)), b, log_mass)
    np.testing.assert_allclose(known_b, alpha, rtol=1e-8)


@settings(max_examples=50)
@given(rewarded(deepest=-8.0, most=5), st.floats(0.0, 6), st.floats(-2, 5))
def test_the_mean_of_log_p_names_the_alpha_of_a_run(problem, alpha, b):
    """T23: whatever alpha a run has, its mean log p gives it back."""
    log_p = problem[0]
    levels = np.unique(log_p[~np.isneginf(log_p)])
    assume(len(levels) > 1 and np.diff(levels).min() > 0.05)
    measured = moments(*problem, alpha, b)
    assume(measured.var_log_p > 1e-6)
    found = coordinates.alpha_of_mean_log_p(*problem, float(measured.mean_log_p), b)
    np.testing.assert_allclose(moments(*problem, found, b).mean_log_p, measured.mean_log_p, atol=1e-10)
    np.testing.assert_allclose(found, alpha, rtol=1e-5, atol=1e-5)


def test_a_run_without_tilt_is_the_default():
    uniform = float(np.mean(LOG_P))
    assert coordinates.alpha_of_mean_log_p(LOG_P, CORRECT, uniform) == 0
    np.testing.assert_allclose(coordinates.alpha_of_mean_log_p(LOG_P, CORRECT, float(np.exp(LOG_P) @ LOG_P)), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coordinates.alpha_of_mean_log_p(LOG_P, CORRECT, -0.5),
         "mean_log_p is -0.5, but at b = 0.0 it lies between -1.69749 (alpha = 0) and -0.693147 (inf)"),
        (lambda: coordinates.alpha_of_mean_log_p(LOG_P, CORRECT, float(np.log(0.5))),
         f"mean_log_p is {np.log(0.5)}, but at b = 0.0 it lies between -1.69749 (alpha = 0) and -0.693147 (inf)"),
        (lambda: coordinates.alpha_of_mean_log_p(LOG_P, CORRECT, -2.0),
         "mean_log_p is -2.0, but at b = 0.0 it lies between -1.69749 (alpha = 0) and -0.693147 (inf)"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_a_reward_that_is_nothing_has_no_coordinate():
    assert np.isnan(coordinates.coordinates(LOG_P, LOG_P, np.zeros(4))).all()


def test_at_the_largest_alpha_b_is_still_the_best_for_it():
    """T2: a run sharper than the box allows; the border's own optimum, where E r agrees."""
    at = moments(LOG_P, CORRECT, 9.0, 4.0)
    means = float(at.mean_log_p), float(at.mean_reward)
    found = coordinates.coordinates_of_means(LOG_P, CORRECT, *means, largest=(2.0, 20.0))
    assert found.alpha == 2.0
    np.testing.assert_allclose(moments(LOG_P, CORRECT, 2.0, found.b).mean_reward, at.mean_reward, atol=1e-9)
    low = moments(LOG_P, CORRECT, 2.0, -9.0)
    means = float(low.mean_log_p), float(low.mean_reward)
    found = coordinates.coordinates_of_means(LOG_P, CORRECT, *means, largest=(64.0, 3.0))
    assert found.b == -3.0
    np.testing.assert_allclose(moments(LOG_P, CORRECT, found.alpha, -3.0).mean_log_p, low.mean_log_p, atol=1e-9)


def test_another_policy_is_fitted_with_the_weights_of_p():
    """T23: least squares of log q on (log p, r, 1), by the normal equations."""
    log_q = np.log([0.1, 0.2, 0.6, 0.1])
    design, weight = np.stack([LOG_P, CORRECT, np.ones(4)], axis=1), np.exp(LOG_P)[:, None]
    alpha, b, _ = np.linalg.solve(design.T @ (weight * design), design.T @ (weight[:, 0] * log_q))
    np.testing.assert_allclose(coordinates.coordinates(log_q, LOG_P, CORRECT), (alpha, b), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-13, 1.0, 1e13])
def test_the_unit_of_a_reward_decides_on_no_rank(scale):
    """T23: a reward in millionths has a tilt of millions; one that is log p in another unit still names no point."""
    reward, rng = CORRECT * scale, np.random.default_rng(3)
    found = coordinates.coordinates(log_tilt(LOG_P, CORRECT, 2, 0.5), LOG_P, reward)
    np.testing.assert_allclose((found.alpha, found.b * scale), (2, 0.5), rtol=1e-9)
    for a, c in rng.normal(size=(20, 2)):
        assert np.isnan(coordinates.coordinates(LOG_P, LOG_P, (a * LOG_P + c) * scale)).all()
        nearly = a * (LOG_P + 1e-12 * rng.normal(size=4))  # as when log p was rounded on the way
        assert np.isnan(coordinates.coordinates(LOG_P, LOG_P, nearly * scale)).all()


@pytest.mark.parametrize(("alpha", "b"), [(0.01, 4.0), (0.01, -6.0), (0.2, 1.0), (0.05, 12.0)])
def test_steps_that_go_too_far_or_past_alpha_zero_are_taken_back(alpha, b):
    """T2: on a peaked policy Newton's steps overshoot, to the border and beyond what improves."""
    log_p = np.log([0.97, 0.02, 0.009, 0.001])
    at = moments(log_p, CORRECT, alpha, b)
    found = coordinates.coordinates_of_means(log_p, CORRECT, float(at.mean_log_p), float(at.mean_reward))
    np.testing.assert_allclose(found, (alpha, b), rtol=1e-8)


@pytest.mark.parametrize("point", [(3.0, -2.0), (0.5, 4.0)])
def test_sixty_four_equal_prompts_are_one_prompt(point):
    """T23: means over prompts, of the curvature too: else the steps are so short that the search ends on the way."""
    at = moments(LOG_P, CORRECT, *point)
    many = np.tile(LOG_P, (64, 1)), np.tile(CORRECT, (64, 1))
    found = coordinates.coordinates_of_means(*many, float(at.mean_log_p), float(at.mean_reward))
    np.testing.assert_allclose(found, point, rtol=1e-8)


def test_the_highest_mean_log_p_is_that_of_the_modes_that_were_drawn():
    """T23: -.5 and -1.5 are the likeliest of each prompt; the sample of weight nothing, -.1, is none."""
    log_p, log_mass = np.array([[-0.5, -2.0, -0.1], [-3.0, -1.5, -2.0]]), np.zeros((2, 3))
    log_mass[0, 2] = -np.inf
    with pytest.raises(ValueError, match=r"lies between -2\.14239 \(alpha = 0\) and -1 \(inf\)"):
        coordinates.alpha_of_mean_log_p(log_p, np.zeros((2, 3)), -0.9, 0.0, log_mass)
    found = coordinates.alpha_of_mean_log_p(log_p, np.zeros((2, 3)), -1.05, 0.0, log_mass)
    assert found > 1
