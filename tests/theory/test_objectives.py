"""T1: the regimes, the value of a policy, and where it is maximal."""

import numpy as np
import pytest
from hard_policies import betas, graded, policies, rewarded
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax

from theory import objectives, tilt
from theory.objectives import Coordinates, Objective, optimum, regime, value
from theory.reweighting import limit_score
from theory.tilt import sharpening_limit, task_limit


def plain_value(objective, log_pi, log_p, reward):
    """J term by term, one response at a time."""
    total = 0.0
    for l_pi, l_p, r in zip(log_pi, log_p, reward, strict=True):
        if l_pi > -np.inf:
            reference = objective.reference_weight * l_p if objective.reference_weight else 0.0
            total += np.exp(l_pi) * (objective.reward_weight * r + reference - objective.entropy_weight * l_pi)
    return total


def on_support(data, log_p):
    """Some policy with mass only where p has it."""
    log_pi = data.draw(policies(least=len(log_p), most=len(log_p)))
    log_pi = np.where(np.isneginf(log_p), -np.inf, log_pi)
    assume(not np.isneginf(log_pi).all())
    return log_softmax(log_pi)


@given(rewarded(), st.floats(-2, 3), st.floats(0, 5), betas, st.data())
def test_suboptimality_is_tau_times_kl_to_the_optimum(problem, w, c, tau, data):
    """T1: J(π*) - J(π) = τ KL(π‖π*) for every π, so that π* alone is optimal; KL by its definition."""
    objective, log_p = Objective(w, c, tau), problem[0]
    log_pi, log_star = on_support(data, log_p), optimum(objective, *problem)
    gap = value(objective, log_star, *problem) - value(objective, log_pi, *problem)
    on = ~np.isneginf(log_pi)
    divergence = np.sum(np.exp(log_pi[on]) * (log_pi[on] - log_star[on]))
    np.testing.assert_allclose(gap, tau * divergence, rtol=1e-8, atol=1e-9)


@given(rewarded(), st.floats(-2, 3), st.floats(-5, 5), st.floats(-3, 3), st.data())
def test_value_is_the_sum_over_responses(problem, w, c, tau, data):
    """T1's J for weights of either sign."""
    objective, log_pi = Objective(w, c, tau), on_support(data, problem[0])
    np.testing.assert_allclose(
        value(objective, log_pi, *problem), plain_value(objective, log_pi, *problem), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("objective", [Objective(1.0, 0.3, 0.3), Objective(0.0, 2.5, 1.0), Objective(1.0, 1.4, 0.7)])
def test_the_optimum_is_what_a_numerical_optimiser_finds(objective):
    """T1, without using its formula: BFGS over softmax logits."""
    log_p, reward = np.log([0.05, 0.5, 0.15, 0.3]), np.array([1.0, 0.0, 1.0, -0.5])
    found = minimize(
        lambda logits: -plain_value(objective, log_softmax(logits), log_p, reward), log_p, options={"gtol": 1e-9}
    )
    np.testing.assert_allclose(log_softmax(found.x), optimum(objective, log_p, reward), atol=2e-6)


@given(rewarded(), st.floats(0, 3), st.floats(0, 3))
def test_without_entropy_the_optimum_is_the_end_of_the_straight_line(problem, w, c):
    """T1 at τ = 0, with T4 and T8: p on the face argmax (w r + c log p), as the far end of (1+ct, wt)."""
    objective, (log_p, reward) = Objective(w, c, 0.0), problem
    height = w * reward[log_p > -np.inf] + c * log_p[log_p > -np.inf]
    below = height[height < height.max()]
    assume(not len(below) or height.max() - below.max() > 1e-3)
    time = 1e5
    end = tilt.log_tilt(log_p, reward, 1 + c * time, w * time)
    np.testing.assert_allclose(np.exp(optimum(objective, *problem)), np.exp(end), atol=1e-6)


@given(graded())
def test_task_reward_alone_ends_at_the_correct_part_of_p_and_sharpening_alone_at_the_mode(problem):
    """T4 by regime: the two rays of the plane."""
    log_p, correct = problem
    task = optimum(regime("task"), log_p, correct * 1.0)
    np.testing.assert_allclose(np.exp(task[correct]), np.exp(log_p[correct]) / np.exp(log_p[correct]).sum())
    assert not np.exp(task[~correct]).any()
    mode = np.exp(optimum(regime("sharpening"), log_p, correct * 1.0))
    np.testing.assert_allclose(mode, (log_p == log_p.max()) / (log_p == log_p.max()).sum())


@pytest.mark.parametrize(
    ("name", "parameters", "weights", "target"),
    [
        ("task", {}, (1, 0, 0), None),
        ("tilted", {"beta": 0.25}, (1, 0.25, 0.25), (1, 4)),
        ("sharpening", {}, (0, 1, 0), None),
        ("tempered", {"alpha": 3}, (0, 3, 1), (3, 0)),
        ("tempered", {"alpha": 0}, (0, 0, 1), (0, 0)),
        ("tilted-tempered", {"alpha": 3.0, "beta": 0.25}, (1, 0.75, 0.25), (3, 4)),
    ],
)
def test_the_five_regimes_are_the_points_and_rays_of_the_plane(name, parameters, weights, target):
    objective = regime(name, **parameters)
    assert objective == Objective(*weights)
    if target:
        assert objective.target == objective.fixed_point == Coordinates(*target)


def test_optima_of_a_batch_are_those_of_its_rows():
    rows = np.log([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    reward = np.array([[1.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    for objective in (Objective(1.0, 0.5, 0.5), Objective(1.0, 0.2, 0.0), regime("task"), regime("sharpening")):
        batch = optimum(objective, rows, reward)
        for row, log_p, r in zip(batch, rows, reward, strict=True):
            np.testing.assert_allclose(row, optimum(objective, log_p, r))


def test_no_regime_is_left_out():
    assert objectives.REGIMES == ("task", "tilted", "sharpening", "tempered", "tilted-tempered")


def test_mass_off_the_support_costs_everything_or_nothing():
    log_p, uniform = np.array([0.0, -np.inf]), np.log([0.5, 0.5])
    assert value(Objective(0.0, 1.0, 0.0), uniform, log_p, np.zeros(2)) == -np.inf
    assert value(Objective(1.0, 0.0, 0.0), uniform, log_p, np.array([0.0, 3.0])) == 1.5


def test_a_negative_entropy_weight_has_a_fixed_point_but_no_target():
    objective = Objective(1.0, -1.0, -2.0)
    assert objective.fixed_point == Coordinates(0.5, -0.5)
    message = (
        "entropy_weight is -2.0: without a positive entropy term there is no attractor inside the simplex; "
        "see objectives.optimum (0) or dynamics.self_sharpening_winner (below 0)"
    )
    for call in (lambda: objective.target, lambda: optimum(objective, np.log([0.5, 0.5]), np.zeros(2))):
        with pytest.raises(ValueError) as error:
            call()
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: regime("greedy"),
            "regime 'greedy' is unknown; choose one of task, tilted, sharpening, tempered, tilted-tempered",
        ),
        (lambda: regime("task", beta=1.0), "the task regime does not use beta (got 1.0); leave it out"),
        (lambda: regime("sharpening", alpha=2), "the sharpening regime does not use alpha (got 2); leave it out"),
        (lambda: regime("tilted", alpha=2, beta=1), "the tilted regime does not use alpha (got 2); leave it out"),
        (lambda: regime("tempered"), "the tempered regime needs alpha; give it a value"),
        (lambda: regime("tilted-tempered", alpha=2), "the tilted-tempered regime needs beta; give it a value"),
        (lambda: regime("tempered", alpha=-0.5), "alpha must be finite and >= 0, got -0.5"),
        (lambda: regime("tempered", alpha=np.inf), "alpha must be finite and >= 0, got inf"),
        (lambda: regime("tilted", beta=0), "beta must be finite and > 0, got 0"),
        (lambda: regime("tilted", beta=np.nan), "beta must be finite and > 0, got nan"),
        (lambda: regime("tilted", beta=np.inf), "beta must be finite and > 0, got inf"),
        (lambda: Objective(np.nan, 0.0, 0.0), "reward_weight must be finite, got nan"),
        (lambda: Objective(0.0, np.inf, 0.0), "reference_weight must be finite, got inf"),
        (lambda: Objective(0.0, 0.0, -np.inf), "entropy_weight must be finite, got -inf"),
        (
            lambda: Objective(1.0, 1.0, 0.0).fixed_point,
            "entropy_weight is 0: this objective is linear in π and has "
            "no interior fixed point; see objectives.optimum for the face where it ends",
        ),
        (
            lambda: Objective(1.0, 1.0, 0.0).target,
            "entropy_weight is 0.0: without a positive entropy term there is "
            "no attractor inside the simplex; see objectives.optimum (0) or dynamics.self_sharpening_winner (below 0)",
        ),
        (
            lambda: optimum(Objective(1.0, -1.0, 0.0), np.log([0.5, 0.5]), np.zeros(2)),
            "reference_weight is -1.0: it rewards what p cannot produce; use a weight >= 0",
        ),
        (
            lambda: value(regime("task"), np.log([0.5, 0.4]), np.log([0.5, 0.5]), np.zeros(2)),
            "the probabilities of log_pi sum to 0.9, off by -0.1; normalise them (subtract their log-sum-exp) first",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_a_face_holds_what_ties_and_nothing_that_is_near():
    """T4, T8: the limits forget all but the largest; .005 nats or a reward of .995 is second for ever."""
    log_p, reward = np.log([0.3, 0.3, 0.3 * np.exp(-0.005), 0.1 - 0.3 * np.expm1(-0.005)]), np.array([1.0, 1, 1, 0.995])
    halves, none = np.log([0.5, 0.5]), [-np.inf, -np.inf]
    np.testing.assert_allclose(optimum(regime("sharpening"), log_p, reward), [*halves, *none], atol=1e-12)
    np.testing.assert_allclose(sharpening_limit(log_p, reward), [*halves, *none], atol=1e-12)
    right = log_p[:3] - np.log(np.exp(log_p[:3]).sum())
    np.testing.assert_allclose(optimum(regime("task"), log_p, reward), [*right, -np.inf], atol=1e-12)
    np.testing.assert_allclose(task_limit(log_p, reward, 1.0), [*right, -np.inf], atol=1e-12)
    assert limit_score(log_p).tolist() == [0, 0, *none] and limit_score(reward).tolist() == [0, 0, 0, -np.inf]
