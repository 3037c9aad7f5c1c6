"""T8 to T11: the line and its speed, stability and winners, softmax conditioning, references that move."""

import numpy as np
import pytest
from hard_policies import betas, policies, rewarded
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import log_softmax

from theory import dynamics, tilt
from theory.objectives import Coordinates, Objective, regime, value

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])
REWARD = np.array([1.0, 0.0, 1.0, -0.5])
EITHER_SIGN = [
    Objective(1.0, 0.4, 0.4),
    Objective(0.0, 2.5, 1.0),
    Objective(1.0, 0.0, 0.0),
    Objective(0.7, 1.0, 0.0),
    Objective(0.0, 0.0, -1.0),
    Objective(0.3, -0.4, -0.8),
]


def log_gradient(objective, log_pi, log_p=LOG_P, reward=REWARD):
    """Natural gradient of J in log π: w r + c log p - τ log π, less its mean under π."""
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    force = w * reward + c * log_p - tau * log_pi
    return force - np.exp(log_pi) @ force


@pytest.mark.parametrize("objective", EITHER_SIGN)
def test_natural_gradient_flow_walks_a_straight_line_of_the_plane(objective):
    """T8: an ODE solver that knows only J's gradient ends at the predicted point, for τ of every sign."""
    times = np.array([0.0, 0.3, 1.7])
    flow = solve_ivp(
        lambda t, log_pi: log_gradient(objective, log_pi), (0, 1.7), LOG_P, t_eval=times, rtol=1e-11, atol=1e-11
    )
    points = dynamics.line(objective, times)
    for log_pi, alpha, b in zip(flow.y.T, *points, strict=True):
        np.testing.assert_allclose(log_pi, tilt.log_tilt(LOG_P, REWARD, alpha, b), atol=1e-8)


@pytest.mark.parametrize("objective", EITHER_SIGN)
@pytest.mark.parametrize("step_size", [0.05, 0.7])
def test_mirror_ascent_walks_the_same_line_at_any_step_size(objective, step_size):
    """T8: s = (1-ητ)^k, step by step."""
    log_pi = LOG_P
    for k in range(6):
        alpha, b = dynamics.mirror_line(objective, step_size, k)
        np.testing.assert_allclose(log_pi, tilt.log_tilt(LOG_P, REWARD, alpha, b), atol=1e-11)
        log_pi = log_softmax(log_pi + step_size * log_gradient(objective, log_pi))


@given(st.floats(-2, 3), st.floats(-2, 5), st.floats(0.01, 3), st.integers(0, 30))
def test_one_mirror_step_is_one_step_of_each_coordinate(w, c, tau, k):
    """T8: α' = α + η(c - τα), b' = b + η(w - τb), at steps beyond ητ = 1 too."""
    objective, eta = Objective(w, c, tau), 1.3
    now, then = (dynamics.mirror_line(objective, eta, x) for x in (k, k + 1))
    scale = 1 + abs(1 - eta * tau) ** k * (1 + abs(c / tau) + abs(w / tau))
    np.testing.assert_allclose(then.alpha, now.alpha + eta * (c - tau * now.alpha), atol=1e-10 * scale)
    np.testing.assert_allclose(then.b, now.b + eta * (w - tau * now.b), atol=1e-10 * scale)


def test_mirror_ascent_approaches_the_flow_at_first_order():
    """T8: halve the step, halve the distance."""
    objective, time = Objective(1.0, 1.2, 0.6), 2.0
    exact = np.array(dynamics.line(objective, time))
    errors = [np.abs(np.array(dynamics.mirror_line(objective, time / n, n)) - exact).max() for n in (1000, 2000, 4000)]
    np.testing.assert_allclose([errors[0] / errors[1], errors[1] / errors[2]], 2.0, rtol=2e-3)


@given(st.floats(-2, 3), st.floats(-2, 5), st.floats(0, 20))
def test_the_line_is_continuous_where_the_entropy_term_vanishes(w, c, time):
    """T8: τ → 0 gives (1 + ct, wt), with no digit lost on the way."""
    limit = dynamics.line(Objective(w, c, 0.0), time)
    np.testing.assert_allclose(limit, (1 + c * time, w * time), rtol=1e-12, atol=1e-12)
    for tau in (1e-14, -1e-14):
        np.testing.assert_allclose(dynamics.line(Objective(w, c, tau), time), limit, rtol=1e-10, atol=1e-10)
        steps = dynamics.mirror_line(Objective(w, c, tau), time / 10, 10)
        np.testing.assert_allclose(steps, limit, rtol=1e-10, atol=1e-10)
    straight = dynamics.mirror_line(Objective(w, c, 0.0), time / 10, np.array([0, 10]))
    np.testing.assert_allclose(straight, [[1, limit[0]], [0, limit[1]]], rtol=1e-12, atol=1e-12)


@given(rewarded(zeros=False), betas, st.floats(0, 3))
def test_log_ratios_close_in_at_exactly_the_rate_tau(problem, tau, c):
    """T8: log π_t - log π* shrinks by e^{-τt}, and J never falls."""
    objective = Objective(1.0, c, tau)
    star = tilt.log_tilt(*problem, *objective.target)

    def distance(time):
        log_pi = tilt.log_tilt(*problem, *dynamics.line(objective, time))
        return log_pi - log_pi[0] - (star - star[0])

    time = 0.5 / tau
    shrunk = np.exp(-dynamics.rate(objective) * time)
    np.testing.assert_allclose(distance(time), shrunk * distance(0.0), rtol=1e-9, atol=1e-8)
    values = [
        value(objective, tilt.log_tilt(*problem, *dynamics.line(objective, t)), *problem) for t in (0.0, time, 9 * time)
    ]
    assert values[0] <= values[1] + 1e-9 and values[1] <= values[2] + 1e-9


@pytest.mark.parametrize(
    ("step_size", "stable", "oscillates"),
    [(0.5, True, False), (1.9, True, True), (2.1, False, True), (2.0, False, True), (0.0, False, False)],
)
def test_the_discrete_step_is_stable_below_two_over_tau_and_oscillates_above_one(step_size, stable, oscillates):
    """T8, seen in the distance to the target over 40 steps; τ = 0.5 so that ητ and η differ."""
    objective = Objective(1.0, 0.9, 0.5)
    eta = step_size / 0.5
    assert dynamics.step_is_stable(objective, eta) is stable
    alphas = dynamics.mirror_line(objective, eta, np.arange(41)).alpha - 1.8
    assert (abs(alphas[-1]) < 0.05 * abs(alphas[0])) == stable
    assert (alphas[1] * alphas[0] < 0) == oscillates


def test_a_step_of_one_over_tau_arrives_at_once():
    """T8 at ητ = 1: s = 0^k."""
    points = dynamics.mirror_line(Objective(1.0, 1.0, 0.5), 2.0, np.array([0, 1, 2]))
    assert points.alpha.tolist() == [1.0, 2.0, 2.0] and points.b.tolist() == [0.0, 2.0, 2.0]


def test_without_an_attractor_no_step_is_stable():
    assert not dynamics.step_is_stable(regime("task"), 0.1)
    assert not dynamics.step_is_stable(Objective(0.0, 0.0, -1.0), 0.1)
    assert dynamics.rate(regime("tilted", beta=0.3)) == 0.3


@given(rewarded(zeros=True, most=12), st.floats(-1, 2), st.floats(0.3, 2), st.data())
def test_below_zero_entropy_the_start_decides_the_winner(problem, c, tau, data):
    """T8: the flow of log π is linear, log π_t = e^{|τ|t}(log π₀ + f/|τ|) - f/|τ|; stepped, not evaluated."""
    log_p, reward = problem
    objective = Objective(1.0, c, -tau)
    log_pi0 = data.draw(policies(least=len(log_p), most=len(log_p), deepest=-10))
    on = ~np.isneginf(log_p) & ~np.isneginf(log_pi0)
    assume(on.any())
    log_pi0 = log_softmax(np.where(on, log_pi0, -np.inf))
    scores = dynamics.self_sharpening_score(log_pi0, *problem, objective)
    ranked = np.sort(scores[on])
    assume(len(ranked) < 2 or ranked[-1] - ranked[-2] > 1e-6)
    log_pi = log_pi0[on]
    for _ in range(400):
        force = reward[on] + c * log_p[on] + tau * log_pi
        log_pi = log_softmax(log_pi + 0.1 * (force - force.max()))
    winner = dynamics.self_sharpening_winner(log_pi0, *problem, objective)
    assert np.flatnonzero(on)[np.argmax(log_pi)] == winner
    assert np.isneginf(scores[~on]).all()


def test_the_winner_depends_on_the_start_and_on_every_weight():
    """T8 by hand: score = log π₀ + (w r + c log p)/|τ|."""
    log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 0.0, 1.0])
    even = np.log(np.full(3, 1 / 3))
    assert dynamics.self_sharpening_winner(log_p, log_p, reward, Objective(0.0, 0.0, -1.0)) == 0
    assert dynamics.self_sharpening_winner(log_p, log_p, reward, Objective(1.0, 0.0, -1.0)) == 2
    assert dynamics.self_sharpening_winner(log_p, log_p, reward, Objective(1.0, 0.0, -2.0)) == 0
    assert dynamics.self_sharpening_winner(even, log_p, reward, Objective(0.0, -1.0, -1.0)) == 2
    assert dynamics.self_sharpening_winner(np.log([0.2, 0.7, 0.1]), log_p, reward, Objective(0.5, 0.0, -1.0)) == 1
    rows = dynamics.self_sharpening_winner(np.stack([log_p, even]), log_p, -reward, Objective(0.0, -1.0, -1.0))
    assert rows.tolist() == [0, 2]
    np.testing.assert_allclose(
        dynamics.self_sharpening_score(even, log_p, reward, Objective(3.0, 0.5, -2.0)),
        even + 1.5 * reward + 0.25 * log_p,
    )
    np.testing.assert_allclose(
        dynamics.self_sharpening_score(even, log_p, reward, Objective(3.0, 0.0, -2.0)), even + 1.5 * reward
    )


def test_a_start_without_support_never_wins_even_where_the_reference_has_none_either():
    log_p = np.array([0.0, -np.inf, -np.inf])
    start = np.array([np.log(0.5), np.log(0.5), -np.inf])
    for c in (0.0, 1.0, -1.0):
        assert dynamics.self_sharpening_score(start, log_p, np.zeros(3), Objective(0.0, c, -1.0))[2] == -np.inf
    with pytest.raises(ValueError) as error:
        dynamics.self_sharpening_winner(log_p, log_p, np.zeros(3), regime("task"))
    assert str(error.value) == (
        "entropy_weight is 0.0: only a negative one lets the start decide the end; see objectives.optimum"
    )


def softmax_force(objective, logits):
    """∇_θ J by differences of J itself."""
    eye = np.eye(len(logits)) * 1e-5
    plain = [value(objective, log_softmax(logits + e), LOG_P, REWARD) for e in (*eye, *-eye)]
    return (np.array(plain[:4]) - plain[4:]) / 2e-5


@pytest.mark.parametrize("objective", [Objective(1.0, 0.4, 0.4), Objective(0.0, 2.0, 0.8)])
def test_softmax_policy_gradient_has_the_same_fixed_point_and_jacobian_minus_tau_fisher(objective):
    """T9: ∇J vanishes at π*, and its derivative there is -τ F(π*), by differences."""
    star = tilt.log_tilt(LOG_P, REWARD, *objective.target)
    np.testing.assert_allclose(softmax_force(objective, star), 0.0, atol=1e-9)
    columns = [
        (softmax_force(objective, star + e) - softmax_force(objective, star - e)) / 2e-3 for e in np.eye(4) * 1e-3
    ]
    np.testing.assert_allclose(np.array(columns).T, dynamics.softmax_jacobian(star, objective), atol=1e-6)


@given(policies(least=2, most=12, zeros=False, deepest=-8.0), betas)
def test_softmax_rates_interlace_with_the_probabilities(log_pi, tau):
    """T9: between consecutive τ π, so the improbable responses are the slow ones; their sum is τ(1 - Σπ²)."""
    rates, pi = dynamics.softmax_rates(log_pi, Objective(0.0, 1.0, tau)), np.sort(np.exp(log_pi))
    assert (rates >= tau * pi[:-1] * (1 - 1e-9) - 1e-14).all()
    assert (rates <= tau * pi[1:] * (1 + 1e-9) + 1e-14).all()
    np.testing.assert_allclose(rates.sum(), tau * (1 - (pi**2).sum()), rtol=1e-9, atol=1e-12)


def test_a_policy_that_is_no_distribution_is_named():
    with pytest.raises(ValueError, match="the probabilities of log_pi sum to 4"):
        dynamics.softmax_jacobian(np.zeros(4), regime("task"))
    with pytest.raises(ValueError, match="the probabilities of log_pi0 sum to 4"):
        dynamics.self_sharpening_score(np.zeros(4), LOG_P, REWARD, Objective(0.0, 0.0, -1.0))


def test_softmax_rates_of_a_batch_are_those_of_its_rows_and_sharper_is_worse_conditioned():
    """T9: the condition number grows along alpha."""
    rows = np.stack([tilt.log_tilt(LOG_P, REWARD, alpha, 0) for alpha in (1, 2, 4)])
    rates = dynamics.softmax_rates(rows, regime("tempered", alpha=2))
    np.testing.assert_allclose(rates[1], dynamics.softmax_rates(rows[1], regime("tempered", alpha=2)))
    condition = rates[:, -1] / rates[:, 0]
    assert (np.diff(condition) > 0).all()


@pytest.mark.parametrize(("c1", "c2"), [(0.7, -0.4), (0.0, 0.5), (1.0, 0.0), (-0.3, 0.8), (0.9, -1.5)])
def test_self_reference_moves_the_exponent_of_p_alone(c1, c2):
    """T10: policies stepped under the reward c₁ log p + c₂ log π are powers of p with the predicted exponent."""
    log_pi, eta = LOG_P, 0.3
    for k in range(8):
        exponent = dynamics.self_reference_steps(c1, c2, eta, k)
        np.testing.assert_allclose(log_pi, log_softmax(exponent * LOG_P), atol=1e-11)
        log_pi = log_softmax(log_pi + eta * (c1 * LOG_P + c2 * log_pi))
    flow = solve_ivp(lambda t, a: c1 + c2 * a, (0, 2), [1.0], rtol=1e-11, atol=1e-11).y[0, -1]
    np.testing.assert_allclose(dynamics.self_reference(c1, c2, 2.0), flow, rtol=1e-9)


@pytest.mark.parametrize(
    ("c1", "c2", "exponent", "stable"),
    [
        (0.8, -0.4, 2.0, True),
        (-0.8, 0.4, 2.0, False),
        (0.0, 1.0, 0.0, False),
        (1.0, 0.0, np.inf, False),
        (-2.0, 0.0, -np.inf, False),
        (0.0, 0.0, 1.0, False),
    ],
)
def test_self_reference_rests_only_where_log_pi_is_penalised(c1, c2, exponent, stable):
    """T10: stable iff c₂ < 0, at -c₁/c₂; checked on the flow from either side of it."""
    assert dynamics.self_reference_limit(c1, c2) == (exponent, stable)
    if stable:
        np.testing.assert_allclose(dynamics.self_reference(c1, c2, 60.0), exponent, rtol=1e-9)
    elif c2 > 0:
        assert abs(dynamics.self_reference(c1, c2, 9.0) - exponent) > 2 * abs(1 - exponent)


def test_pure_log_pi_compounds_and_pure_log_p_adds():
    """T10: (1+η)^k against 1 + ηk; the second is why early stopping chooses alpha."""
    np.testing.assert_allclose(dynamics.self_reference_steps(0.0, 1.0, 0.1, 7), 1.1**7)
    np.testing.assert_allclose(dynamics.self_reference_steps(1.0, 0.0, 0.1, 7), 1.7)


@given(st.floats(0, 4), st.floats(0, 1), st.integers(0, 25))
def test_iterated_sharpening_is_its_own_recursion(alpha, mixing, rounds):
    """T11: e_{k+1} = α(1-ρ) e_k + ρ from e_0 = 1."""
    e = 1.0
    for _ in range(rounds):
        e = alpha * (1 - mixing) * e + mixing
    gain = alpha * (1 - mixing)
    assume(gain == 1 or abs(gain - 1) > 1e-6)
    np.testing.assert_allclose(dynamics.iterated_sharpening(alpha, mixing, rounds), e, rtol=1e-8)


def test_iterated_sharpening_of_policies_has_that_exponent():
    """T11 on policies: π ← π^{α(1-ρ)} p^ρ normalised; ρ = 0 is α^k."""
    log_pi = LOG_P
    for k in range(5):
        np.testing.assert_allclose(log_pi, log_softmax(dynamics.iterated_sharpening(1.4, 0.2, k) * LOG_P), atol=1e-11)
        log_pi = log_softmax(1.4 * 0.8 * log_pi + 0.2 * LOG_P)
    np.testing.assert_allclose(dynamics.iterated_sharpening(3.0, 0.0, np.array([0, 1, 4])), [1, 3, 81])
    np.testing.assert_allclose(dynamics.iterated_sharpening(2.0, 0.5, np.array([0, 6])), [1, 4])


@pytest.mark.parametrize(
    ("alpha", "mixing", "exponent", "stable"),
    [
        *[(1.5, 0.5, 2.0, True), (2.0, 0.5, np.inf, False), (3.0, 0.5, -1.0, False), (1.0, 0.0, 1.0, False)],
        *[(1.9375, 0.5, 16.0, True), (2.0625, 0.5, -16.0, False)],  # a gain of 1 - 1/32 and of 1 + 1/32
    ],
)
def test_iterated_sharpening_rests_exactly_when_its_gain_is_below_one(alpha, mixing, exponent, stable):
    """T11: ρ/(1-α(1-ρ)), stable iff α(1-ρ) < 1, checked by iterating."""
    assert dynamics.iterated_sharpening_limit(alpha, mixing) == (exponent, stable)
    far = dynamics.iterated_sharpening(alpha, mixing, 2000)
    assert (abs(far - exponent) < 1e-9) == (stable or (alpha, mixing) == (1.0, 0.0))


def test_powers_of_whole_numbers_do_not_overflow():
    """T8, T11: integers have no room for 3^40 (they gave -9e18, and 2^64 gave 0); floats have, and end at inf."""
    np.testing.assert_allclose(dynamics.iterated_sharpening(3, 0, 40), float(3**40))
    np.testing.assert_allclose(dynamics.iterated_sharpening(2, 0, np.array([63, 64, 70])), [2.0**63, 2.0**64, 2.0**70])
    # s = (1 - 3)^64 from (1, 0), with the fixed point at (1/3, 2/3).
    point = dynamics.mirror_line(Objective(2, 1, 3), 1, 64)
    np.testing.assert_allclose(point, (1 / 3 + 2.0**64 * 2 / 3, 2 / 3 * (1 - 2.0**64)))
    assert dynamics.iterated_sharpening(4, 0, 2000) == np.inf
    assert dynamics.mirror_line(Objective(0, 0, 3), 1, 2000).alpha == np.inf
    # Where a coordinate does not move it stays, however far the other has gone.
    assert dynamics.mirror_line(Objective(0, 3, 3), 1, 2001) == (1.0, 0.0)
    assert dynamics.line(Objective(0, -1, -1), 1e4) == (1.0, 0.0)
    assert dynamics.self_reference_steps(0, 3, 1, 40) == float(4**40)


@pytest.mark.parametrize("steps", [2.5, np.array([1.0, 1.5])])
def test_steps_and_rounds_are_whole(steps, as_users_call_it):
    """Half a step from a negative 1 - ητ was nan with a warning."""
    with pytest.raises(ValueError, match=r"^steps must be a whole number, got"):
        dynamics.mirror_line(Objective(1.0, 1.0, 2.0), 1.0, steps)
    with pytest.raises(ValueError, match=r"^rounds must be a whole number, got"):
        dynamics.iterated_sharpening(2.0, 0.5, steps)


@pytest.mark.parametrize(
    ("alpha", "mixing", "name"), [(-1.0, 0.5, "alpha"), (2.0, 1.5, "mixing"), (2.0, -0.1, "mixing")]
)
def test_a_moving_reference_keeps_a_share(alpha, mixing, name):
    for call in (
        lambda: dynamics.iterated_sharpening(alpha, mixing, 3),
        lambda: dynamics.iterated_sharpening_limit(alpha, mixing),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            call()


def test_leaving_a_repeller_all_rates_change_their_sign_and_none_is_lost():
    """T9, τ < 0: the fastest escape, of the likeliest pair, was dropped and a zero kept in its place."""
    forth, back = (dynamics.softmax_rates(LOG_P, Objective(0.0, 1.0, tau)) for tau in (0.7, -0.7))
    np.testing.assert_allclose(back, -forth[::-1])
    pi = np.exp(LOG_P)
    np.testing.assert_allclose(back.sum(), -0.7 * (1 - pi @ pi))
    assert (back < 0).all()


@given(st.floats(-2, 2), st.floats(-2, 2), st.sampled_from([0.0, 0.3, 2.0, -0.5]), st.floats(0, 3))
def test_points_by_their_share_of_the_way_are_those_of_the_flow(w, c, tau, time):
    """T8: share 1 - e^{-τt} (negative when leaving a repeller); on a ray, τ = 0, the time itself."""
    objective = Objective(w, c, tau)
    share = time if tau == 0 else 1 - np.exp(-tau * time)
    points = dynamics.line_points(objective, np.array([0.0, share]))
    assert (points.alpha[0], points.b[0]) == (1.0, 0.0)
    expected = dynamics.line(objective, time)
    np.testing.assert_allclose((points.alpha[1], points.b[1]), expected, rtol=1e-9, atol=1e-12)
    if tau > 0:
        end = dynamics.line_points(objective, np.array([1.0]))
        np.testing.assert_allclose((end.alpha[0], end.b[0]), objective.target, atol=1e-12)


def test_numbers_come_back_as_numbers_and_times_as_arrays():
    objective = regime("task")
    assert isinstance(dynamics.line(objective, 1.0), Coordinates)
    assert np.ndim(dynamics.line(objective, 1.0).alpha) == 0
    assert dynamics.line(objective, np.array([0.0, 2.0])).alpha.shape == (2,)
    assert dynamics.line(objective, np.array([0.0, 2.0])).b.tolist() == [0.0, 2.0]
    assert dynamics.mirror_line(objective, 0.5, np.array([0, 4])).alpha.shape == (2,)


@pytest.mark.parametrize("step_size", [0.3, 1.7, 2.5, 4.0])
def test_a_step_multiplies_a_deviation_whatever_its_size(step_size):
    """T8: log π - log π* of two responses, by the step itself, below and above the limit of stability."""
    objective = Objective(0.8, 1.1, 0.6)
    log_pi = log_softmax(np.array([0.4, -1.2, 0.3, 2.0]))
    after = log_softmax(log_pi + step_size * log_gradient(objective, log_pi))
    target = tilt.log_tilt(LOG_P, REWARD, *objective.target)
    ratios = [np.diff(x - target) for x in (log_pi, after)]
    np.testing.assert_allclose(ratios[1], dynamics.step_multiplier(objective, step_size) * ratios[0], atol=1e-12)


def test_near_a_gain_of_one_the_exponent_keeps_its_digits_and_all_of_p_may_be_kept():
    """T11: e = gain e + mixing, 1,000 times over; mixing = 1 is p at every round."""
    for off in (1e-12, -1e-12, 1e-9):
        alpha, exponent = 2 * (1 + off), 1.0
        for _ in range(1000):
            exponent = alpha * 0.5 * exponent + 0.5
        np.testing.assert_allclose(dynamics.iterated_sharpening(alpha, 0.5, 1000), exponent, rtol=1e-11)
    assert [dynamics.iterated_sharpening(3.0, 1.0, rounds) for rounds in (0, 1, 5)] == [1.0, 1.0, 1.0]
    assert dynamics.iterated_sharpening_limit(3.0, 1.0) == (1.0, True)


def test_the_score_without_a_reference_is_the_start_and_the_reward():
    """T8: log π₀ + w r/|τ|, by hand; the reference has no weight and is not looked at."""
    log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 3.0])
    found = dynamics.self_sharpening_score(log_p, log_p[::-1].copy(), reward, Objective(0.5, 0.0, -2.0))
    np.testing.assert_allclose(found, log_p + reward / 4)
