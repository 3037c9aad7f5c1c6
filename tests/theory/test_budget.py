"""T5: sharpening and tilting at an equal KL budget."""

import numpy as np
import pytest
from hard_policies import graded
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from theory import budget
from theory.tilt import kl, log_tilt, moments, sharpening_limit, task_limit

LOG_P = np.log([0.05, 0.5, 0.15, 0.3])
CORRECT = np.array([1.0, 0.0, 1.0, 0.0])


def divergence(log_q, log_p):
    on = ~np.isneginf(log_q)
    return np.exp(log_q[on]) @ (log_q[on] - log_p[on])


@given(graded(deepest=-12.0, most=12), st.floats(0.01, 0.95), st.data())
def test_at_any_budget_no_policy_is_more_accurate_than_the_tilt(problem, share, data):
    """T5: random rivals, moved along the segment from p until they spend the same budget, and sharpening itself."""
    log_p, correct = problem
    reward, p = correct * 1.0, np.exp(log_p)
    spend = -share * np.log(p[correct].sum())
    assume(spend > 1e-4)
    b = budget.tilting_at_budget(log_p, reward, spend)
    best = log_tilt(log_p, reward, 1, b)
    np.testing.assert_allclose(divergence(best, log_p), spend, atol=1e-10)
    rival = np.array(data.draw(st.lists(st.floats(-4, 4), min_size=len(p), max_size=len(p)))) + 2 * correct
    end = np.exp(log_softmax(log_p + rival))
    low, high = 0.0, 1.0
    for _ in range(60):  # the share of the rival whose KL is the budget (or all of it)
        middle = (low + high) / 2
        with np.errstate(divide="ignore"):
            inside = divergence(np.log((1 - middle) * p + middle * end), log_p) < spend
        low, high = (middle, high) if inside else (low, middle)
    accuracy = ((1 - low) * p + low * end)[correct].sum()
    assert accuracy <= np.exp(best)[correct].sum() + 1e-9


@given(graded(deepest=-12.0, most=12), st.floats(0.01, 0.9))
def test_sharpening_at_a_budget_spends_it_and_gains_no_more_than_tilting(problem, share):
    """T5 for the rival of the paper."""
    log_p, correct = problem
    modes = log_p == log_p.max()
    spend = -share * np.log(np.exp(log_p[modes]).sum())
    levels = np.unique(log_p[~np.isneginf(log_p)])
    assume(spend > 1e-4 and len(levels) > 1 and np.diff(levels).min() > 1e-3)
    alpha = budget.sharpening_at_budget(log_p, spend)
    sharp = log_tilt(log_p, correct * 1.0, alpha, 0)
    assert alpha >= 1
    np.testing.assert_allclose(divergence(sharp, log_p), spend, atol=1e-9)
    b = budget.tilting_at_budget(log_p, correct * 1.0, spend)
    best = 1.0 if b == np.inf else np.exp(log_tilt(log_p, correct * 1.0, 1, b))[correct].sum()
    assert np.exp(sharp)[correct].sum() <= best + 1e-9


def test_the_ratio_of_gains_tends_to_the_correlation_at_first_order_in_the_root_of_the_budget():
    """T5: (gain of sharpening)/(gain of tilting) → Corr(r, log p); a quarter of the budget, half the error."""
    p = np.exp(LOG_P)
    expected = np.corrcoef(np.repeat([LOG_P, CORRECT], [1, 10, 3, 6], axis=1))[0, 1]
    np.testing.assert_allclose(budget.small_budget_ratio(LOG_P, CORRECT), expected)
    errors = []
    for spend in (4e-4, 1e-4, 2.5e-5):
        sharp = log_tilt(LOG_P, CORRECT, budget.sharpening_at_budget(LOG_P, spend), 0)
        tilted = log_tilt(LOG_P, CORRECT, 1, budget.tilting_at_budget(LOG_P, CORRECT, spend))
        errors.append((np.exp(sharp) @ CORRECT - p @ CORRECT) / (np.exp(tilted) @ CORRECT - p @ CORRECT) - expected)
    assert abs(errors[-1]) < 0.01
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2.0, rtol=0.05)


def test_the_correlation_has_a_sign_and_is_undefined_without_variance():
    assert budget.small_budget_ratio(LOG_P, CORRECT) < 0 < budget.small_budget_ratio(LOG_P, 1 - CORRECT)
    np.testing.assert_allclose(budget.small_budget_ratio(np.log([0.3, 0.7]), np.array([0.0, 5.0])), 1.0)
    assert np.isnan(budget.small_budget_ratio(LOG_P, np.ones(4)))
    rows = budget.small_budget_ratio(np.stack([LOG_P, LOG_P]), np.stack([CORRECT, 1 - CORRECT]))
    np.testing.assert_allclose(rows[0], -rows[1])


@pytest.mark.parametrize("spend", [1e-8, 1e-12, 1e-16, 1e-20])
def test_the_smallest_budgets_buy_the_root_of_twice_the_budget_over_the_variance(spend):
    """T5: b = √(2 budget/Var r) and alpha - 1 = √(2 budget/Var log p), relative, also where 1 - 1e-16 is 1."""
    at, precision = moments(LOG_P, CORRECT, 1, 0), max(1e-6, 10 * np.sqrt(spend))  # the next order is the root of it
    np.testing.assert_allclose(
        budget.tilting_at_budget(LOG_P, CORRECT, spend), np.sqrt(2 * spend / at.var_reward), rtol=precision
    )
    alpha = budget.sharpening_at_budget(LOG_P, spend)
    np.testing.assert_allclose(alpha - 1, np.sqrt(2 * spend / at.var_log_p), rtol=precision, atol=3e-16)


@pytest.mark.parametrize("scale", [-3.0, 0.0, 4.0])
def test_weighted_samples_have_the_budgets_of_the_policy_that_they_are(scale):
    """T5: rows of p counted 1, 10, 3 and 6 times are p = (.05, .5, .15, .3); log p of the samples is free."""
    counts = np.log([1.0, 10.0, 3.0, 6.0]) + scale
    b = budget.tilting_at_budget(LOG_P - 7, CORRECT, 0.3, counts)
    np.testing.assert_allclose(b, budget.tilting_at_budget(LOG_P, CORRECT, 0.3))
    alpha = budget.sharpening_at_budget(LOG_P - 7, 0.3, counts)
    np.testing.assert_allclose(alpha, budget.sharpening_at_budget(LOG_P, 0.3))
    ratio = budget.small_budget_ratio(LOG_P - 7, CORRECT, counts)
    np.testing.assert_allclose(ratio, budget.small_budget_ratio(LOG_P, CORRECT))


def test_the_frontier_is_what_each_tilt_spends_and_earns():
    """T5: one row a prompt, one column a b; the KL and accuracy of q_{1,b} by their definitions."""
    prompts, bs = np.stack([LOG_P, LOG_P[::-1]]), np.array([0.0, 0.5, 3.0])
    found = budget.tilting_frontier(prompts, CORRECT, bs)
    for i, log_p in enumerate(prompts):
        for j, b in enumerate(bs):
            q = log_tilt(log_p, CORRECT, 1, b)
            np.testing.assert_allclose(found.kl[i, j], divergence(q, log_p), atol=1e-12)
            np.testing.assert_allclose(found.mean_reward[i, j], np.exp(q) @ CORRECT)
    samples = budget.tilting_frontier(prompts - 3, CORRECT, bs, prompts + 1)
    np.testing.assert_allclose(samples, found, atol=1e-12)


@settings(max_examples=30)
@given(st.floats(0.2, 4), st.lists(st.floats(-1, 1), min_size=2, max_size=2))
def test_one_b_for_all_prompts_is_the_frontier_of_all_of_them_together(b, moves):
    """T5 over prompts: no two other tilts of the same mean KL earn more on average."""
    prompts = np.stack([LOG_P, np.log([0.3, 0.3, 0.1, 0.3])])
    together = budget.tilting_frontier(prompts, CORRECT, np.array([b]))
    spend, earned = together.kl.mean(), together.mean_reward.mean()

    def apart(share):
        kls, rewards = zip(*(
            (kl(q, p), np.exp(q) @ CORRECT)
            for p, move in zip(prompts, moves, strict=True)
            for q in [log_tilt(p, CORRECT, 1, max(share * b * np.exp(move), 0.0))]
        ), strict=True)  # fmt: skip
        return np.mean(kls), np.mean(rewards)

    low, high = 0.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if apart(middle)[0] < spend else (low, middle)
    assert apart(low)[1] <= earned + 1e-9


def test_the_gain_ratio_of_many_prompts_is_of_mean_moments():
    """T5 for one alpha and one b on all prompts, at a small budget, against the ratio of mean gains themselves."""
    prompts = np.stack([LOG_P, np.log([0.3, 0.25, 0.1, 0.35])])
    at = moments(prompts, CORRECT, 1, 0)
    expected = budget.gain_ratio(np.mean(at.cov), np.mean(at.var_log_p), np.mean(at.var_reward))
    x, y = 1e-4, 1e-4 * np.sqrt(np.mean(at.var_log_p) / np.mean(at.var_reward))  # the same mean KL to first order
    base = np.exp(prompts) @ CORRECT
    sharp = np.exp(log_tilt(prompts, CORRECT, 1 + x, 0)) @ CORRECT - base
    tilted = np.exp(log_tilt(prompts, CORRECT, 1, y)) @ CORRECT - base
    np.testing.assert_allclose(sharp.mean() / tilted.mean(), expected, rtol=1e-3)
    assert np.isnan(budget.gain_ratio(0.0, 0.0, 0.3))


def test_no_budget_moves_nothing_and_too_much_has_no_end():
    """T5's limits: b from 0 to inf at -log A₀, alpha from 1 to inf at -log p(modes)."""
    assert budget.tilting_at_budget(LOG_P, CORRECT, 0) == 0
    # At the very end, as kl computes it, too.
    assert budget.tilting_at_budget(LOG_P, CORRECT, kl(task_limit(LOG_P, CORRECT), LOG_P)) == np.inf
    assert budget.sharpening_at_budget(LOG_P, kl(sharpening_limit(LOG_P, CORRECT), LOG_P)) == np.inf
    assert budget.sharpening_at_budget(LOG_P, 0) == 1
    assert budget.tilting_at_budget(LOG_P, CORRECT, -np.log(0.2) + 1e-9) == np.inf
    assert 10 < budget.tilting_at_budget(LOG_P, CORRECT, -np.log(0.2) - 1e-3) < np.inf
    assert budget.sharpening_at_budget(LOG_P, np.log(2) + 1e-9) == np.inf
    assert 10 < budget.sharpening_at_budget(LOG_P, np.log(2) - 1e-3) < np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: budget.tilting_at_budget(LOG_P, CORRECT, -0.1),
         "budget must be >= 0 nats, got -0.1: a KL divergence is never negative"),
        (lambda: budget.sharpening_at_budget(LOG_P, np.nan),
         "budget must be >= 0 nats, got nan: a KL divergence is never negative"),
        (lambda: budget.tilting_at_budget(np.array([-np.inf, *LOG_P]), np.array([0.0, 2, 2, 2, 2]), 0.1),
         "reward is 2.0 on the whole support; no tilt moves p, so there is no b"),
        (lambda: budget.sharpening_at_budget(np.log([0.5, 0.5]), 0.1),
         "log_p is uniform on its support; no power moves it, so there is no alpha"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@given(st.lists(st.floats(0.05, 3.0), min_size=2, max_size=5, unique=True), st.floats(0.01, 0.99))
def test_mixing_policies_never_beats_the_tilt_and_meets_it_at_the_policies(bs, share):
    """T5: chords of the frontier of LOG_P lie below it; beyond the farthest policy its accuracy stands."""
    policies = [log_tilt(LOG_P, CORRECT, 1, b) for b in (0.0, *bs)]
    kls, accuracies = (
        np.array([divergence(q, LOG_P) for q in policies]),
        np.array([np.exp(q) @ CORRECT for q in policies]),
    )
    far = kls.max()
    spend = share * far
    best = log_tilt(LOG_P, CORRECT, 1, budget.tilting_at_budget(LOG_P, CORRECT, spend))
    assert accuracies[0] - 1e-12 <= budget.accuracy_by_mixing(spend, kls, accuracies) <= np.exp(best) @ CORRECT + 1e-9
    for at, accuracy in zip(kls, accuracies, strict=True):
        assert budget.accuracy_by_mixing(at, kls, accuracies) == pytest.approx(accuracy)
    assert budget.accuracy_by_mixing(2 * far, kls, accuracies) == accuracies.max()
    assert budget.accuracy_by_mixing(0.6, np.array([0.0, 0.1, 0.5]), np.array([0.5, 0.9, 0.8])) == 0.9


def test_the_correlation_of_what_hardly_ever_happens_is_one_and_not_infinite():
    """T5: two responses, the rare one wrong or right; variances of 1e-170 have a product below the smallest float."""
    log_p = np.array([0.0, np.log(1e-170)])
    for rare_is_right, expected in ((0.0, 1.0), (1.0, -1.0)):
        np.testing.assert_allclose(
            budget.small_budget_ratio(log_p, np.array([1 - rare_is_right, rare_is_right])), expected
        )
    assert np.isnan(budget.gain_ratio(0.0, 0.0, 1.0)) and np.isnan(budget.gain_ratio(0.0, 1.0, 0.0))


def test_a_frontier_has_its_b_last_whatever_stands_before():
    """T5: of one policy, of rows, and of a table of rows, each b by the definition of the tilt."""
    generator = np.random.default_rng(0)
    logits, b = generator.normal(size=(2, 3, 4)), np.array([0.0, 0.5, 3.0, 5.0, 7.0])
    reward = (generator.random((2, 3, 4)) < 0.5) * 1.0
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    weight = np.exp(log_p[..., None] + b * reward[..., None])
    q = weight / weight.sum(axis=-2, keepdims=True)
    mean, kl = (q * reward[..., None]).sum(axis=-2), (q * (np.log(q) - log_p[..., None])).sum(axis=-2)
    for at in ((), (1,), (1, 2)):
        found = budget.tilting_frontier(log_p[at], reward[at], b)
        np.testing.assert_allclose(found.mean_reward, mean[at])
        np.testing.assert_allclose(found.kl, kl[at], atol=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_a_reward_or_of_log_p_is_that_of_the_inverse_of_its_weight(scale):
    """T5: to twelve digits, so that neither the start of a search nor its end depends on a unit."""
    log_p, reward = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.4])
    one, other = (budget.tilting_at_budget(log_p, reward * s, 0.1) * s for s in (1.0, scale))
    np.testing.assert_allclose(other, one, rtol=1e-11)
    values, log_mass = np.array([0.0, -1.0, -1.4]), log_p
    one, other = ((budget.sharpening_at_budget(values * s, 0.1, log_mass) - 1) * s for s in (1.0, scale))
    np.testing.assert_allclose(other, one, rtol=1e-11 if scale < 1 else 1e-6)  # 1 + 1e-9 has seven digits of it


def test_a_budget_that_just_pays_for_the_best_reward_has_no_end():
    """T5: -log p of the best, as anyone would write it, whatever rounding did to the sum."""
    for depth in np.geomspace(1, 700, 40):
        log_p = log_softmax([0.0, -0.3, -depth])
        assert budget.tilting_at_budget(log_p, np.array([0.0, 0.0, 1.0]), -log_p[2]) == np.inf
