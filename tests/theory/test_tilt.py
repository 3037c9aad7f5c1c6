"""T2, T3, T4, T6, T7: the tilt family against 50-digit sums, finite differences and second formulas."""

import mpmath
import numpy as np
import pytest
from hard_policies import alphas, brute_tilt, graded, logs, policies, rewarded, tilts
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import log_softmax

from theory import tilt

LOPSIDED = np.log([0.05, 0.5, 0.15, 0.3])
CORRECT = np.array([True, False, True, False])


@given(rewarded(), alphas, tilts)
def test_log_tilt_is_its_definition(problem, alpha, b):
    """T1's family: q ∝ p^α e^{br}, zeros kept, from alpha = 0 to 50 and b to 50."""
    np.testing.assert_allclose(
        tilt.log_tilt(*problem, alpha, b), logs(brute_tilt(*problem, alpha, b)), rtol=1e-12, atol=1e-10
    )


@given(rewarded())
def test_the_base_model_is_the_point_one_zero(problem):
    np.testing.assert_allclose(tilt.log_tilt(*problem, 1, 0), problem[0], atol=1e-13)
    np.testing.assert_allclose(tilt.log_partition(*problem, 1, 0), 0.0, atol=1e-13)


def test_a_batch_of_coordinates_is_one_coordinate_at_a_time():
    alpha, b = np.array([[0.0], [2.5]]), np.array([1.0, -0.5, 3.0])
    batch = tilt.log_tilt(LOPSIDED, CORRECT * 1.0, alpha, b)
    slopes = tilt.moments(LOPSIDED, CORRECT * 1.0, alpha, b)
    assert batch.shape == (2, 3, 4) and slopes.cov.shape == (2, 3)
    for i, x in enumerate(alpha[:, 0]):
        for j, y in enumerate(b):
            np.testing.assert_allclose(batch[i, j], tilt.log_tilt(LOPSIDED, CORRECT * 1.0, x, y))
            np.testing.assert_allclose(slopes.cov[i, j], tilt.moments(LOPSIDED, CORRECT * 1.0, x, y).cov)


def test_rows_of_a_batch_do_not_share_a_scale():
    """At α = 2000 the second row lies 1,500 nats below the first."""
    rows = np.log([[0.9, 0.1], [0.4, 0.6]])
    q = tilt.log_tilt(rows, np.zeros((2, 2)), 2000, 0)
    np.testing.assert_allclose(q[1], [2000 * np.log(2 / 3), 0.0], atol=1e-9)


def test_an_array_of_alphas_that_holds_zero_keeps_zeros_of_p():
    log_p = np.array([np.log(0.25), np.log(0.75), -np.inf])
    rows = np.exp(tilt.log_tilt(log_p, np.zeros(3), np.array([0.0, 1.0]), 0.0))
    np.testing.assert_allclose(rows, [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])


@given(rewarded(most=8, deepest=-8.0), st.floats(0.1, 6), st.floats(-3, 6))
def test_moments_are_the_gradient_and_the_hessian_of_the_log_partition(problem, alpha, b):
    """T2: ∇Φ = (E log p, E r), Hessian = Cov, by 50-digit differences of the definition."""

    def phi(x, y):
        pairs = zip(*problem, strict=True)
        return mpmath.log(mpmath.fsum(mpmath.e ** (x * mpmath.mpf(l) + y * r) for l, r in pairs if l > -np.inf))

    found = tilt.moments(*problem, alpha, b)
    point = mpmath.mpf(alpha), mpmath.mpf(b)
    expected = [float(mpmath.diff(phi, point, order)) for order in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1))]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@given(rewarded(), alphas, tilts)
def test_moments_are_the_weighted_covariance_of_numpy(problem, alpha, b):
    """T2 on hard inputs, against numpy's covariance with weights q."""
    log_p, reward = problem
    q = np.exp(tilt.log_tilt(log_p, reward, alpha, b))
    on = q > 1e-300
    found = tilt.moments(log_p, reward, alpha, b)
    np.testing.assert_allclose(found.mean_log_p, np.sum(q[on] * log_p[on]), rtol=1e-12)
    np.testing.assert_allclose(found.mean_reward, np.sum(q[on] * reward[on]), rtol=1e-12, atol=1e-14)
    if on.sum() > 1:
        covariance = np.cov(np.stack([log_p[on], reward[on]]), aweights=q[on], ddof=0)
        expected = covariance[0, 0], covariance[1, 1], covariance[0, 1]
        np.testing.assert_allclose(found[2:], expected, rtol=1e-9, atol=1e-11)


@given(graded(), alphas, st.floats(0, 8), st.floats(0.01, 2))
def test_more_task_reward_never_lowers_accuracy(problem, alpha, b, more):
    """T2: ∂A/∂b = Var(r) >= 0."""
    accuracy = [np.exp(tilt.log_tilt(*problem, alpha, x))[problem[1]].sum() for x in (b, b + more)]
    assert accuracy[1] >= accuracy[0] - 1e-12


@given(graded(), alphas, tilts)
def test_the_diversity_gap_decomposition_is_exact(problem, alpha, b):
    """T3: logit A(α,b) = α logit A₀ - (α-1)[H_α(p_C) - H_α(p_W)] + b, against 50-digit brute force."""
    q = brute_tilt(*problem, alpha, b)
    right = mpmath.fsum(x for x, c in zip(q, problem[1], strict=True) if c)
    wrong = mpmath.fsum(x for x, c in zip(q, problem[1], strict=True) if not c)
    terms = tilt.log_odds_terms(*problem, alpha, b)
    np.testing.assert_allclose(terms.total, float(mpmath.log(right / wrong)), rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(
        terms.total, alpha * terms.base - (alpha - 1) * terms.diversity_gap + terms.task, atol=1e-9, rtol=1e-12
    )
    assert terms.task == b


def test_the_terms_of_a_worked_example():
    """T3 by hand at α = 2: A₀ = 0.2 in shares ¼, ¾; wrong in shares 5/8, 3/8. H₂ = -log Σ share²."""
    terms = tilt.log_odds_terms(LOPSIDED, CORRECT, 2, 0.7)
    np.testing.assert_allclose(terms.base, np.log(0.25))
    np.testing.assert_allclose(terms.diversity_gap, -np.log(10 / 16) + np.log(34 / 64))
    np.testing.assert_allclose(terms.total, np.log((0.05**2 + 0.15**2) / (0.5**2 + 0.3**2)) + 0.7)


@given(graded(), st.floats(1.01, 50))
def test_sharpening_helps_exactly_when_base_log_odds_exceed_the_diversity_gap(problem, alpha):
    """T3: for α > 1, A(α) > A₀ iff logit A₀ > H_α(p_C) - H_α(p_W)."""
    terms = tilt.log_odds_terms(*problem, alpha, 0)
    assume(abs(terms.base - terms.diversity_gap) > 1e-6)
    before, after = (np.exp(tilt.log_tilt(*problem, x, 0)) for x in (1, alpha))
    right, wrong = problem[1], ~problem[1]
    helped = np.log(after[right].sum() + 1e-300) - np.log(after[wrong].sum() + 1e-300) > np.log(
        before[right].sum()
    ) - np.log(before[wrong].sum())
    assert helped == (terms.base > terms.diversity_gap)


@given(graded(deepest=-12.0), st.floats(0.1, 8))
def test_the_slope_of_the_log_odds_is_the_gap_of_conditional_means(problem, alpha):
    """T3: ∂_α logit A = E[log p|C] - E[log p|W], by central differences of the total, at order 2."""
    exact = tilt.log_odds_slope(*problem, alpha)

    def error(step):
        high, low = (tilt.log_odds_terms(*problem, alpha + s, 0).total for s in (step, -step))
        return abs((high - low) / (2 * step) - exact)

    assert error(1e-4) < 1e-6
    assert error(0.005) < 0.27 * error(0.01) + 1e-9  # halve the step: a quarter of the error


@pytest.mark.parametrize(("grade", "infinity"), [(False, -np.inf), (True, np.inf)])
@pytest.mark.parametrize("alpha", [0, 0.5, 1, 3])
def test_with_one_class_empty_the_log_odds_are_infinite_everywhere(grade, infinity, alpha):
    """T3's documented limit: nothing correct (or wrong) on the support, so no point of the plane has any."""
    log_p = np.array([np.log(0.25), np.log(0.75), -np.inf])
    correct = np.array([grade, grade, not grade])
    assert tilt.log_odds_terms(log_p, correct, alpha, 2.0) == (infinity, 0.0, 2.0, infinity)
    assert np.isnan(tilt.log_odds_slope(log_p, correct, alpha))


def test_terms_of_a_batch_may_mix_empty_and_mixed_classes():
    terms = tilt.log_odds_terms(np.stack([LOPSIDED] * 2), np.stack([CORRECT, CORRECT & False]), 2, 0)
    alone = tilt.log_odds_terms(LOPSIDED, CORRECT, 2, 0)
    assert terms.total.tolist() == [alone.total, -np.inf]
    assert terms.diversity_gap.tolist() == [alone.diversity_gap, 0.0]


@given(rewarded(zeros=True), st.floats(-3, 3))
def test_endless_sharpening_spreads_over_the_modes_by_their_tilt(problem, b):
    """T4: α → ∞ leaves argmax log p, in proportion to e^{br}; α = 10⁶ stands in where the runner-up is apart."""
    log_p, reward = problem
    others = log_p[log_p < log_p.max()]
    assume(not len(others) or log_p.max() - others.max() > 1e-4)
    limit = np.exp(tilt.sharpening_limit(log_p, reward, b))
    np.testing.assert_allclose(limit, np.exp(tilt.log_tilt(log_p, reward, 1e6, b)), atol=1e-8)
    modes = log_p == log_p.max()
    np.testing.assert_allclose(limit[modes], np.exp(b * reward[modes]) / np.exp(b * reward[modes]).sum())
    assert not limit[~modes].any()
    np.testing.assert_allclose(np.exp(tilt.sharpening_limit(log_p, reward)), modes / modes.sum())


@given(rewarded(), st.floats(0, 5))
def test_endless_task_reward_restricts_the_power_to_the_best_responses(problem, alpha):
    """T4: b → ∞ leaves p^α on argmax r over the support."""
    log_p, reward = problem
    on = ~np.isneginf(log_p)
    best = on & (reward == reward[on].max())
    expected = np.full(len(log_p), -np.inf)
    expected[best] = log_softmax(alpha * log_p[best])
    np.testing.assert_allclose(tilt.task_limit(log_p, reward, alpha), expected, atol=1e-11)


def test_limits_of_a_batch_are_those_of_its_rows():
    """T4, row by row: each has a mode and a best reward of its own."""
    rows, reward = np.log([[0.1, 0.2, 0.7], [0.45, 0.45, 0.1]]), np.array([[1.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    np.testing.assert_allclose(np.exp(tilt.task_limit(rows, reward)), [[0.125, 0, 0.875], [0, 1, 0]])
    np.testing.assert_allclose(np.exp(tilt.sharpening_limit(rows, reward)), [[0, 0, 1], [0.5, 0.5, 0]])


def test_accuracy_rises_then_falls_when_the_likeliest_response_is_wrong():
    """T4, the empty mode: slope > 0 at α = 1, yet the mode is wrong, so accuracy ends at 0; graded the other way
    round it falls, then rises to 1."""
    # One likely wrong response, many correct ones below it, and a long tail of wrong ones that goes first.
    p = np.array([0.2] + [0.15] * 4 + [0.002] * 100)
    correct = (np.arange(len(p)) >= 1) & (np.arange(len(p)) <= 4)
    log_p = np.log(p / p.sum())
    assert tilt.log_odds_slope(log_p, correct, 1) > 0
    for grade, sign in ((correct, 1), (~correct, -1)):
        path = [tilt.log_odds_terms(log_p, grade, alpha, 0).total for alpha in np.linspace(1, 30, 300)]
        turn = int(np.argmax(sign * np.array(path)))
        assert 0 < turn < 299
        assert (np.diff(sign * np.array(path))[:turn] > 0).all()
        assert (np.diff(sign * np.array(path))[turn:] < 0).all()
    assert np.exp(tilt.sharpening_limit(log_p, correct * 1.0))[correct].sum() == 0


@given(policies(deepest=-12.0), st.floats(0.05, 8))
def test_entropy_falls_at_alpha_times_varentropy_and_kl_moves_at_alpha_minus_one(log_p, alpha):
    """T6: ∂_α H = -α Var(log p) and ∂_α KL = (α-1) Var(log p), by central differences."""
    step = 1e-4
    high, low = (tilt.log_tilt(log_p, np.zeros(len(log_p)), alpha + s, 0) for s in (step, -step))
    np.testing.assert_allclose(
        (tilt.entropy(high) - tilt.entropy(low)) / (2 * step), tilt.entropy_slope(log_p, alpha), atol=2e-6
    )
    np.testing.assert_allclose(
        (tilt.kl(high, log_p) - tilt.kl(low, log_p)) / (2 * step), tilt.kl_slope(log_p, alpha), atol=2e-6
    )


@given(policies(), st.floats(1, 20), st.floats(0.01, 10))
def test_sharpening_never_gains_entropy_and_always_leaves_the_reference(log_p, alpha, more):
    """T6, as monotony."""
    near, far = (tilt.log_tilt(log_p, np.zeros(len(log_p)), a, 0) for a in (alpha, alpha + more))
    assert tilt.entropy(far) <= tilt.entropy(near) + 1e-12
    assert tilt.kl(far, log_p) >= tilt.kl(near, log_p) - 1e-12


@given(policies(), st.floats(1, 50))
def test_mass_off_the_mode_is_within_the_delta_sharpening_bound(log_p, alpha):
    """T7: 1 - q(y*) <= ((1-p*)/p*)(1+γ)^{-(α-1)} for a unique mode."""
    ranked = np.sort(log_p)
    assume(len(log_p) < 2 or ranked[-1] > ranked[-2])
    missed = 1 - np.exp(tilt.log_tilt(log_p, np.zeros(len(log_p)), alpha, 0)).max()
    assert missed <= tilt.delta_sharpening_bound(log_p, alpha) + 1e-12


def test_the_delta_sharpening_bound_is_tight_on_equal_runners_up():
    """T7: with all runners-up equal the bound is the odds against the mode, not more."""
    log_p = np.log([0.4, 0.3, 0.3])
    q = np.exp(tilt.log_tilt(log_p, np.zeros(3), 4, 0))
    np.testing.assert_allclose(tilt.delta_sharpening_bound(log_p, 4), (1 - q[0]) / q[0], rtol=1e-12)
    np.testing.assert_allclose(tilt.delta_sharpening_bound(np.log([0.6, 0.4]), 3), (2 / 3) ** 3)
    np.testing.assert_allclose(tilt.delta_sharpening_bound(log_p, 1), 1.5)
    rows = tilt.delta_sharpening_bound(np.log([[0.4, 0.3, 0.3], [0.1, 0.3, 0.6]]), 4)
    np.testing.assert_allclose(rows, [(0.3 / 0.4) ** 3 * 1.5, (0.3 / 0.6) ** 3 * 0.4 / 0.6])
    assert tilt.delta_sharpening_bound(np.array([0.0, -np.inf]), 3) == 0
    assert tilt.delta_sharpening_bound(np.array([0.0]), 3) == 0


def test_the_delta_sharpening_bound_of_one_response_is_zero_at_any_alpha():
    """T7: it was nan at alpha = 1, where 0 · inf stood for a second response that does not exist."""
    for alpha in (1, 1.0, 2.5):
        assert tilt.delta_sharpening_bound(np.array([0.0]), alpha) == 0
        assert tilt.delta_sharpening_bound(np.array([0.0, -np.inf]), alpha) == 0


@pytest.mark.parametrize("mask", [[1, -1, -1, 1], [0.5, 0.0, 1.0, 1.0], [2, 0, 0, 1]])
def test_a_mask_that_is_not_yes_or_no_is_refused(mask, as_users_call_it):
    """T3: every number but 0 was taken for correct."""
    for call in (tilt.log_odds_terms, tilt.log_odds_slope):
        with pytest.raises(ValueError, match=r"^correct holds"):
            call(LOPSIDED, np.array(mask), 2, *([0] if call is tilt.log_odds_terms else []))
    zeros_and_ones = tilt.log_odds_terms(LOPSIDED, CORRECT.astype(int), 2, 0)
    assert zeros_and_ones == tilt.log_odds_terms(LOPSIDED, CORRECT, 2, 0)
    assert tilt.log_odds_slope(LOPSIDED, CORRECT.astype(int), 2) == tilt.log_odds_slope(LOPSIDED, CORRECT, 2)


@given(rewarded(), alphas, tilts)
def test_a_sum_over_the_support_is_a_sum_over_samples_weighted_by_p(problem, alpha, b):
    """T2, T23: w = p gives back every formula."""
    log_p, reward = problem
    np.testing.assert_allclose(
        np.exp(tilt.log_tilt(log_p, reward, alpha, b, log_p)), np.exp(tilt.log_tilt(log_p, reward, alpha, b)), atol=1e-9
    )
    np.testing.assert_allclose(
        tilt.log_partition(log_p, reward, alpha, b, log_p),
        tilt.log_partition(log_p, reward, alpha, b),
        rtol=1e-9,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        tilt.kl_to_base(log_p, reward, alpha, b, log_p), tilt.kl_to_base(log_p, reward, alpha, b), rtol=1e-7, atol=1e-12
    )


@given(rewarded(zeros=False, deepest=-8.0, most=6), st.floats(0, 4), st.floats(-3, 3), st.floats(-5, 5), st.data())
def test_a_row_that_stands_for_several_samples_is_the_samples(problem, alpha, b, scale, data):
    """T2, T3, T23: counts as weights, at any common scale, and a row of weight zero is no row."""
    log_p, reward = problem
    count = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(log_p), max_size=len(log_p))))
    assume(count.sum() > 0)
    each = np.repeat(np.arange(len(log_p)), count)
    with np.errstate(divide="ignore"):
        log_mass = np.log(count) + scale
    one_by_one = log_p[each], reward[each], alpha, b, np.zeros(len(each))
    at_once = log_p, reward, alpha, b, log_mass
    np.testing.assert_allclose(tilt.moments(*at_once), tilt.moments(*one_by_one), atol=1e-9)
    q = np.bincount(each, np.exp(tilt.log_tilt(*one_by_one)), len(log_p))
    np.testing.assert_allclose(np.exp(tilt.log_tilt(*at_once)), q, atol=1e-12)
    np.testing.assert_allclose(tilt.log_partition(*at_once), tilt.log_partition(*one_by_one) + scale, atol=1e-9)
    np.testing.assert_allclose(tilt.kl_to_base(*at_once), tilt.kl_to_base(*one_by_one), atol=1e-9)
    correct = reward > 0.5
    slopes = (
        tilt.log_odds_slope(log_p, correct, alpha, log_mass),
        tilt.log_odds_slope(log_p[each], correct[each], alpha, np.zeros(len(each))),
    )
    np.testing.assert_allclose(*slopes, atol=1e-9)


@given(rewarded(deepest=-20.0, most=8), st.one_of(st.just(1.0), st.floats(0, 8)), tilts)
def test_the_distance_to_the_base_is_its_definition_to_fifty_digits(problem, alpha, b):
    """T5, T6: Σ q log(q/p)."""
    log_p, reward = problem
    q, p = brute_tilt(log_p, reward, alpha, b), brute_tilt(log_p, reward, 1, 0)
    expected = mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(q, p, strict=True) if x)
    np.testing.assert_allclose(tilt.kl_to_base(log_p, reward, alpha, b), float(expected), rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("size", [1e-4, 1e-7, 1e-8])
def test_the_distance_next_to_the_base_keeps_its_digits(size):
    """T5: KL = Var(t)/2 + O(t³) down to 1e-16, where the difference of its two terms is rounding alone."""
    at = tilt.moments(LOPSIDED, CORRECT * 1.0, 1, 0)
    along = 1 + size, 2 * size  # (alpha, b)
    variance = (at.var_log_p + 4 * at.cov + 4 * at.var_reward) * size**2
    np.testing.assert_allclose(
        tilt.kl_to_base(LOPSIDED, CORRECT * 1.0, *along), variance / 2, rtol=max(10 * size, 1e-6)
    )
    assert tilt.kl_to_base(LOPSIDED, CORRECT * 1.0, 1, 0) == 0
    rows = tilt.kl_to_base(np.stack([LOPSIDED, LOPSIDED]), CORRECT * 1.0, 1, np.array([0.0, 30.0]))
    np.testing.assert_allclose(rows, [0.0, tilt.kl_to_base(LOPSIDED, CORRECT * 1.0, 1, 30.0)])


def test_extremes_have_the_right_limit_without_a_warning():
    """log p to -10⁴, α to 10⁴, 10⁶ responses, exact zeros."""
    log_p = np.full(10**6, -1e4)
    log_p[:3] = np.log([0.5, 0.3, 0.2])
    log_p[3:10] = -np.inf
    reward = (np.arange(10**6) == 1) * 1.0
    for alpha in (0.0, 1.0, 1e4):
        for b in (0.0, 1e4):
            q = tilt.log_tilt(log_p, reward, alpha, b)
            slopes = tilt.moments(log_p, reward, alpha, b)
            terms = tilt.log_odds_terms(log_p, reward == 1, alpha, b)
            assert not np.isnan(q).any() and not np.isnan(slopes).any() and not np.isnan(terms).any()
            assert np.isneginf(q[3:10]).all()
            np.testing.assert_allclose(np.exp(q).sum(), 1.0, rtol=1e-9)
    np.testing.assert_allclose(tilt.log_tilt(log_p, reward, 1e4, 0.0)[1], 1e4 * np.log(0.6), rtol=1e-12)
    np.testing.assert_allclose(np.exp(tilt.log_tilt(log_p, reward, 0.0, 0.0)[-1]), 1 / (10**6 - 7))
    np.testing.assert_allclose(np.exp(tilt.log_tilt(log_p, reward, 1e4, 1e4)[1]), 1.0)
    np.testing.assert_allclose(tilt.log_odds_terms(log_p, reward == 1, 1e4, 0.0).total, 1e4 * np.log(0.6))


BAD = [
    (lambda: tilt.log_tilt(LOPSIDED, CORRECT * 1.0, -1, 0), "alpha must be finite and >= 0, got -1"),
    (lambda: tilt.moments(LOPSIDED - 1, CORRECT * 1.0, 1, 0), "sum to 0.367879, off by -0.632"),
    (lambda: tilt.log_odds_terms(LOPSIDED, CORRECT, -1, 0), "alpha must be finite and >= 0, got -1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_by_name_and_value(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)


def test_messages_of_the_plane_say_what_to_do():
    with pytest.raises(ValueError) as error:
        tilt.log_tilt(LOPSIDED, CORRECT * 1.0, 1, np.inf)
    assert str(error.value) == "b must be finite, got inf; its limit b -> inf is tilt.task_limit"
    with pytest.raises(ValueError) as error:
        tilt.log_odds_terms(LOPSIDED, CORRECT, 1, np.nan)
    assert str(error.value) == "b must be finite, got nan; its limit is tilt.task_limit"
    with pytest.raises(ValueError) as error:
        tilt.delta_sharpening_bound(LOPSIDED, 0.5)
    assert str(error.value) == ("alpha must be >= 1 for the sharpening bound, got 0.5; below 1 p^alpha flattens p")
    with pytest.raises(ValueError) as error:
        tilt.delta_sharpening_bound(np.log(np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])), 2)
    assert str(error.value) == (
        f"log_p has two modes at {np.log(0.4)}; the bound needs a unique likeliest response, see sharpening_limit"
    )


@pytest.mark.parametrize("call", [tilt.log_tilt, tilt.log_partition, tilt.moments, tilt.log_odds_terms])
def test_shapes_that_do_not_match_are_both_named(call, as_users_call_it):
    name = "correct" if call is tilt.log_odds_terms else "reward"
    with pytest.raises(ValueError) as error:
        call(LOPSIDED, CORRECT[:3], 1.0, 0.0)
    assert str(error.value).startswith(f"{name} has shape (3,) but log_p has shape (4,)")


def test_bounds_and_limits_of_a_batch_are_those_of_its_rows():
    rows = np.log([[0.5, 0.3, 0.2], [0.2, 0.1, 0.7]])
    bounds = tilt.delta_sharpening_bound(rows, 3)
    np.testing.assert_allclose(bounds, [tilt.delta_sharpening_bound(row, 3) for row in rows])
    assert tilt.delta_sharpening_bound(np.zeros(1), 2) == 0  # one response: nothing is off the mode
    np.testing.assert_allclose(tilt.delta_sharpening_bound(np.array([0.0, -np.inf]), 2), 0)


def test_an_infinite_weight_of_the_reward_is_a_limit_and_is_refused_with_its_name():
    for call in (tilt.log_tilt, tilt.kl_to_base):
        for b in (np.inf, np.nan):
            with pytest.raises(ValueError, match=f"b must be finite, got {b}; its limit b -> inf is tilt.task_limit"):
                call(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.5]), 1.0, b)
        with pytest.raises(ValueError, match=r"b must be finite, got \[ 1. inf\]"):
            call(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.5]), 1.0, np.array([1.0, np.inf]))


def test_weighted_samples_are_tilted_by_one_power_less():
    """T2: log q = log m + (alpha - 1) log p + b r up to a constant, since p is in how often a response was drawn."""
    log_p, log_mass, reward = np.array([-9.0, -7.0, -8.0]), np.log([1.0, 2.0, 5.0]), np.array([0.0, 1.0, 1.0])
    for alpha, b in ((2.5, 0.3), (0.0, -1.0), (1.0, 2.0)):
        expected = log_softmax(log_mass + (alpha - 1) * log_p + b * reward)
        np.testing.assert_allclose(tilt.log_tilt(log_p, reward, alpha, b, log_mass), expected)
