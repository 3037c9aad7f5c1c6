"""Reweighting to any optimum: against theory where the sample is in proportion, against brute force for the rest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import log_softmax, logsumexp

from theory.distribution import entropy, expectation, kl
from theory.estimation.forecast import target_of
from theory.estimation.reweight import (
    Reweighted,
    Target,
    enumerated,
    exact,
    plain_weights,
    reweight,
    score_of,
    tilting_frontier,
)
from theory.estimation.samples import Rollouts
from theory.objectives import optimum, regime
from theory.rejection import reward_log_draws, sharpening_log_draws
from theory.vocabulary import LengthControl

LOG_P = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
REWARD = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
LENGTH = np.array([2.0, 9.0, 4.0, 1.0, 12.0, 3.0])
FINISHED = np.array([True, True, True, False, True, False])
IN_PROPORTION = np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))
REGIMES = [
    ("task", {}),
    ("tilted", {"beta": 0.5}),
    ("sharpening", {}),
    ("tempered", {"alpha": 0.5}),
    ("tempered", {"alpha": 2.0}),
    ("tilted-tempered", {"alpha": 2.0, "beta": 0.5}),
]


def rollouts(responses_by_prompt):
    """Rollouts of the six responses above: one list of response numbers a prompt."""
    start = np.cumsum([0, *map(len, responses_by_prompt)])[:-1]
    i = np.concatenate(responses_by_prompt)
    prompts, rows = np.arange(len(start)), np.zeros(len(i), int)
    return Rollouts(prompts, start, LOG_P[i], REWARD[i], LENGTH[i], i, FINISHED[i], rows, np.zeros_like(prompts))


def of_theory(log_q):
    return {
        "accuracy": expectation(log_q, REWARD),
        "length": expectation(log_q, LENGTH),
        "log_p": expectation(log_q, LOG_P),
        "kl": kl(log_q, LOG_P),
        "entropy": entropy(log_q),
    }


@pytest.mark.parametrize(("name", "parameters"), REGIMES)
def test_a_sample_in_exact_proportion_gives_the_optimum_of_the_theory(name, parameters, monkeypatch):
    """T23 against T1: with every response in the sample as often as p says, reweighting (unsmoothed) is exact."""
    monkeypatch.setattr("theory.estimation.smoothing.FEWEST_FOR_TAIL", 10**9)
    objective = regime(name, **parameters)
    estimate = reweight(rollouts([IN_PROPORTION] * 2), target_of(objective))
    expected = of_theory(optimum(objective, LOG_P, REWARD))
    uncorrected = {name: estimate.value[name][1] + estimate.bias[name][1] for name in expected}
    if target_of(objective).is_face and name == "task":
        expected["kl"] = -np.log(np.mean(REWARD[IN_PROPORTION]))
    assert uncorrected == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("name", "parameters"), REGIMES)
def test_a_complete_list_of_responses_gives_the_optimum_of_the_theory(name, parameters):
    """T1, T4, T8: once all probability is listed nothing is estimated, and duplicates do not matter."""
    objective = regime(name, **parameters)
    complete = enumerated(rollouts([np.arange(6), np.array([3, 1, 0, 4, 2, 5, 0, 0, 1])]))
    estimate = exact(complete, target_of(objective))
    expected = of_theory(optimum(objective, LOG_P, REWARD))
    for prompt in (0, 1):
        assert {name: estimate.value[name][prompt] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("alpha", "b"), [(2.0, 0.0), (1.25, 0.0), (1.0, 0.5), (1.0, 4.0)])
def test_the_price_in_draws_is_that_of_rejection(alpha, b, monkeypatch):
    """T28: Rényi entropies for a power, the accuracy for a reward; by weights and by the list of all responses."""
    monkeypatch.setattr("theory.estimation.smoothing.FEWEST_FOR_TAIL", 10**9)
    accuracy = float(np.exp(LOG_P) @ REWARD)
    expected = reward_log_draws(accuracy, b) if b else sharpening_log_draws(LOG_P, alpha)
    sampled = reweight(rollouts([IN_PROPORTION] * 2), Target(alpha, b))
    listed = exact(rollouts([range(6)] * 2), Target(alpha, b))
    assert sampled.value["log_draws"][1] + sampled.bias["log_draws"][1] == pytest.approx(expected, abs=1e-9)
    assert listed.value["log_draws"] == pytest.approx([expected] * 2, abs=1e-9)
    assert listed.value["log_draws"][0] > listed.value["kl"][0] > 0
    assert "log_draws" not in reweight(rollouts([IN_PROPORTION] * 2), Target(np.inf, 0.0)).value


@pytest.mark.parametrize("target", [Target(2.0, 0.5), Target(np.inf, 0.0, 1.0), Target(1.0, np.inf)])
def test_a_list_of_all_responses_is_weighed_and_not_estimated(target):
    """By hand, for what the theory of optima has no name for; nothing of it is biased, and no sample is missing."""
    per_length = LOG_P / LENGTH**target.kappa
    face = per_length == per_length.max() if np.isinf(target.alpha) else REWARD == 1
    q = np.exp(LOG_P) * (face if target.is_face else np.exp(LOG_P + 0.5 * REWARD))
    q /= q.sum()
    found = exact(rollouts([np.arange(6)] * 2), target, ks=(1, 4))
    for name, value in (
        ("finished", q @ FINISHED), ("accuracy", q @ REWARD), ("length", q @ LENGTH), ("pass@1", q @ REWARD),
        ("pass@4", 1 - (1 - q @ REWARD) ** 4), ("kl", np.sum(q[q > 0] * np.log(q[q > 0] / np.exp(LOG_P[q > 0])))),
    ):  # fmt: skip
        assert found.value[name] == pytest.approx([value] * 2, abs=1e-12), name
    assert ("log_draws" in found.value) != target.is_face
    assert (found.ess == np.inf).all() and np.isnan(found.pareto_k)
    assert set(found.bias) == set(found.value) and all((bias == 0).all() for bias in found.bias.values())


def test_a_list_with_its_length_balanced_has_all_its_probability():
    """T20: q = p e^{t - λ|y|} adds up to 1; by samples in proportion the same λ, for whoever is scored by them."""
    t = 1.0 * LOG_P + 0.5 * REWARD
    target = Target(2.0, 0.5, 0.0, LengthControl.TRAJECTORY_BALANCE)
    rate = brentq(lambda rate: np.exp(LOG_P + t - rate * LENGTH).sum() - 1, -5, 5, xtol=1e-14)
    q = np.exp(LOG_P + t - rate * LENGTH)
    found = exact(rollouts([np.arange(6)]), target)
    assert (found.value["accuracy"][0], found.value["kl"][0]) == pytest.approx((q @ REWARD, q @ (t - rate * LENGTH)))
    assert "log_draws" not in found.value
    base = rollouts([IN_PROPORTION, np.arange(6)])
    scored = score_of(rollouts([[5, 0], [1]]), target, base=base)
    alike = brentq(lambda rate: np.exp(t - rate * LENGTH).mean() - 1, -5, 5, xtol=1e-14)
    assert scored == pytest.approx([*(t - rate * LENGTH)[[5, 0]], (t - alike * LENGTH)[1]])
    own = score_of(base, target)
    assert own[-6:] == pytest.approx(t - alike * LENGTH)


@pytest.mark.parametrize(("missing", "complete"), [(5e-7, True), (2e-6, False), (-5e-7, True), (-2e-6, False)])
def test_a_list_is_complete_to_a_millionth(missing, complete):
    listed = rollouts([np.arange(6)] * 2)
    log_p = np.where(np.arange(12) < 6, np.log1p(-missing), 0) + listed.log_p
    assert (enumerated(replace(listed, log_p=log_p)) is not None) == complete


def test_a_list_with_a_response_missing_is_not_complete():
    assert enumerated(rollouts([np.arange(6), np.arange(5)])) is None


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_the_length_exponent_enters_as_a_power_of_each_response(kappa):
    """T20: the optimum is ∝ p^{1 + (alpha-1)/|y|^kappa}."""
    log_q = log_softmax((1 + 2.0 / LENGTH**kappa) * LOG_P)
    estimate = exact(rollouts([np.arange(6)]), Target(3.0, 0.0, kappa))
    assert {name: value[0] for name, value in estimate.value.items() if name in of_theory(log_q)} == pytest.approx(
        of_theory(log_q), abs=1e-12
    )


def plain_estimate(i, target, largest=None):
    """The self-normalised estimate from one prompt's responses i, written out. largest: of t, were all right."""
    t = (target.alpha - 1) * LOG_P[i] / LENGTH[i] ** target.kappa + target.b * REWARD[i]
    w = np.exp(t - logsumexp(t))
    value = {"accuracy": w @ REWARD[i], "length": w @ LENGTH[i], "log_p": w @ LOG_P[i], "finished": w @ FINISHED[i]}
    largest = np.max(t + target.b * (1 - REWARD[i])) if largest is None else largest
    value["log_draws"] = largest - logsumexp(t) + np.log(len(i))
    value["kl"] = w @ t - logsumexp(t) + np.log(len(i))
    value["entropy"] = -value["log_p"] - value["kl"]
    value["pass@4"] = 1 - (1 - value["accuracy"]) ** 4
    return value


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=9), min_size=1, max_size=4),
    st.floats(0, 6),
    st.floats(-2, 8),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_closed_form_jackknife_is_the_one_that_leaves_each_sample_out_in_turn(samples, alpha, b, kappa):
    """T23: bias (n-1)(mean of the left-out estimates - estimate), the value corrected by it."""
    leave_out(samples, alpha, b, kappa)


@pytest.mark.parametrize(("alpha", "b", "kappa"), [(1.5, 0.7, 0.0), (0.5, -1.0, 1.0), (1.0, 2.0, 0.0)])
def test_each_sample_left_out_of_three_prompts(alpha, b, kappa):
    leave_out([[0, 1, 2, 3], [4, 4, 0], [5, 1]], alpha, b, kappa)


def leave_out(samples, alpha, b, kappa):
    target = Target(alpha, b, kappa)
    found = reweight(rollouts([np.array(s) for s in samples]), target, ks=(4,))
    for prompt, i in enumerate(map(np.array, samples)):
        full = plain_estimate(i, target)
        t = (alpha - 1) * LOG_P[i] / LENGTH[i] ** kappa + b  # of all samples, were they right
        left_out = [plain_estimate(np.delete(i, drop), target, t.max()) for drop in range(len(i))]
        for name, value in full.items():
            bias = (len(i) - 1) * (np.mean([one[name] for one in left_out]) - value)
            assert found.bias[name][prompt] == pytest.approx(bias, abs=1e-8)
            assert found.value[name][prompt] == pytest.approx(value - bias, abs=1e-8)


def test_a_single_sample_has_a_value_and_no_bias():
    """Of two prompts: the other's bias is known."""
    found = reweight(rollouts([[4], [0, 1, 2]]), Target(2.0, 1.0), ks=(4,))
    plain = plain_estimate(np.array([4]), Target(2.0, 1.0))
    assert set(found.value) == set(found.bias) == set(plain)
    for name, value in plain.items():
        assert found.value[name][0] == pytest.approx(value, abs=1e-12) and np.isnan(found.bias[name][0])
        assert np.isfinite(found.bias[name][1])
    w = np.exp(LOG_P[:3] + REWARD[:3])
    assert found.ess == pytest.approx([1, w.sum() ** 2 / np.sum(w**2)])


@pytest.mark.parametrize("i", [[0, 1, 1], [0, 1, 2, 3], [3, 3, 5], [1, 2, 4]])
def test_the_bias_of_a_face_of_right_answers_is_that_of_the_log_of_a_share(i):
    """T8: -log of the share of the samples with the largest reward, with each sample left away."""
    reward = REWARD[i]
    found = reweight(rollouts([i]), Target(1.0, np.inf))
    shares = [np.log(np.mean(one == one.max())) for one in (np.delete(reward, drop) for drop in range(len(i)))]
    full = -np.log(np.mean(reward == reward.max()))
    bias = (len(i) - 1) * (-np.mean(shares) - full)
    assert (found.bias["kl"][0], found.value["kl"][0]) == pytest.approx((bias, full - bias))
    assert "log_draws" not in found.value and np.isnan(found.pareto_k)


@pytest.mark.parametrize(("alpha", "kappa"), [(3.0, 0.0), (2.0, 1.0), (0.5, 0.5)])
def test_what_noise_in_log_p_does_on_average_is_taken_out(alpha, kappa):
    """T32 by hand: the weights lose (α-1)² s² L^{1-2κ}/2, log p loses (α-1) s² L^{1-κ} and KL the first again."""
    i, s = np.arange(6), 0.3
    noisy = replace(rollouts([i]), log_p_noise=s)
    bonus = (alpha - 1) ** 2 * s**2 * LENGTH ** (1 - 2 * kappa) / 2
    excess = (alpha - 1) * s**2 * LENGTH ** (1 - kappa)
    t = (alpha - 1) * LOG_P / LENGTH**kappa + 0.7 * REWARD - bonus
    w = np.exp(t - logsumexp(t))
    found = reweight(noisy, Target(alpha, 0.7, kappa))
    plain = {name: found.value[name][0] + found.bias[name][0] for name in found.value if name != "entropy"}
    expected = {"accuracy": w @ REWARD, "length": w @ LENGTH, "finished": w @ FINISHED, "log_p": w @ (LOG_P - excess)}
    expected["kl"] = w @ (t - bonus) - logsumexp(t) + np.log(6)
    assert plain == pytest.approx(expected, abs=1e-9)
    assert found.value["entropy"][0] == pytest.approx(-found.value["log_p"][0] - found.value["kl"][0])
    for target in (Target(np.inf, 0.0), Target(1.0, np.inf), Target(1.0, 0.7)):  # where only the order counts, or none
        quiet = reweight(rollouts([i]), target)
        assert {n: v[0] for n, v in reweight(noisy, target).value.items()} == {n: v[0] for n, v in quiet.value.items()}


def test_a_sample_that_has_nearly_all_weight_is_left_out_without_cancellation():
    """At alpha = 60 the likeliest sample outweighs the rest by e^28; without it the next one rules."""
    found = reweight(rollouts([np.array([0, 1, 1])]), Target(60.0, 0.0))
    # Leaving out response 0 (length 2) leaves response 1 (length 9): bias = 2 ((9 + 2 + 2)/3 - 2).
    assert found.bias["length"][0] == pytest.approx(2 * (13 / 3 - 2), abs=1e-9)


def one_table(log_p):
    """100 prompts of 40 samples with the given log p, a third of them right."""
    zeros = np.zeros(4000, int)
    start, number = np.arange(0, 4000, 40), np.arange(4000)
    return Rollouts(
        np.arange(100), start, log_p, (number % 3 == 0) * 1.0, 5.0 + number % 7, number, zeros == 0, zeros, zeros[:100]
    )


def test_importance_weights_with_a_heavy_tail_are_reported_as_such():
    """T23: an exponential tail of t with mean m has Pareto shape m; a t with its tail on the other side has none."""
    surprise = np.random.default_rng(0).exponential(size=4000)
    for mean in (0.3, 0.9, 2.0):
        # A tail of 190 points knows its shape to about (1 + k)/sqrt(190).
        error = (1 + mean) / np.sqrt(190)
        assert reweight(one_table(-60 + mean * surprise), Target(2.0, 0.0)).pareto_k == pytest.approx(
            mean, abs=3 * error
        )
        assert reweight(one_table(-mean * surprise), Target(2.0, 0.0)).pareto_k < 0


def test_a_constant_of_a_prompt_changes_nothing_and_a_reward_alone_has_no_tail():
    """Weights are normalised prompt by prompt: prompts whose responses are all less likely are like the others."""
    surprise = np.random.default_rng(0).exponential(size=4000)
    plain = one_table(-60 + 0.9 * surprise)
    moved = replace(plain, log_p=plain.log_p - plain.each(np.linspace(0, 40, 100)))
    one, other = (reweight(table, Target(2.0, 0.5)) for table in (plain, moved))
    assert one.pareto_k == pytest.approx(other.pareto_k, abs=1e-6) and one.pareto_k > 0.5
    for name in ("accuracy", "length", "kl"):
        assert one.value[name] == pytest.approx(other.value[name], abs=1e-6)
    for target in (Target(1.0, 3.0), Target(1.0, np.inf), Target(np.inf, 0.0)):
        assert np.isnan(reweight(plain, target).pareto_k)


def test_the_frontier_is_that_of_forty_weights_from_none_to_twelve(monkeypatch):
    """T5: means over prompts at b = 0 and at forty b from .05 to 12 in equal ratios."""
    asked = []

    def scripted(rollouts, target):
        asked.append(target)
        apart = np.array([0.5, 1.5])
        return Reweighted({"kl": target.b * apart, "accuracy": 0.1 + 0.02 * target.b * apart}, {}, apart, None, np.nan)

    monkeypatch.setattr("theory.estimation.reweight.reweight", scripted)
    frontier = tilting_frontier(rollouts([[0], [1]]))
    b = np.array([target.b for target in asked])
    assert {target.alpha for target in asked} == {1.0} and len(b) == 41 and b[0] == 0
    assert (b[1], b[-1]) == pytest.approx((0.05, 12)) and b[2:] / b[1:-1] == pytest.approx([240 ** (1 / 39)] * 39)
    np.testing.assert_allclose(frontier.kl, b)
    np.testing.assert_allclose(frontier.mean_reward, 0.1 + 0.02 * b)


def test_smoothing_a_light_tail_hardly_moves_the_estimate():
    generator = np.random.default_rng(1)
    table, target = one_table(-3 * generator.exponential(size=4000)), Target(2.0, 0.0)
    plain = table.sum(plain_weights(table, target) * table.length).mean()
    estimate = reweight(table, target)
    assert (estimate.value["length"] + estimate.bias["length"]).mean() == pytest.approx(plain, abs=0.02)


def test_modes_that_tie_share_the_policy():
    """T4: p^alpha spreads over all responses with the largest log p; with two of them its entropy is log 2, not 0."""
    log_p, length = np.log([0.3, 0.3, 0.2, 0.2]), np.array([3.0, 5.0, 4.0, 6.0])

    def drawn(i):
        i, zeros = np.array(i), np.zeros(len(i), int)
        one = np.zeros(1, int)
        return Rollouts(one, one, log_p[i], 1.0 * (i == 0), length[i], i, zeros == 0, zeros, one)

    found = reweight(drawn([0, 0, 1, 1, 2, 3, 2]), Target(np.inf, 0.0))
    # Each mode stands there twice, so that no sample that is left away takes one with it.
    assert found.value["entropy"][0] == pytest.approx(np.log(2)) == pytest.approx(0.693, abs=1e-3)
    assert found.value["kl"][0] == pytest.approx(-np.log(0.6)) and found.bias["kl"][0] == pytest.approx(0, abs=1e-12)
    for rows in ([0, 1, 1, 2, 3], [0, 2, 2, 3], [2, 3, 3], [0, 1], [0, 0, 2]):
        by_hand = [-np.log(0.6 if {0, 1} <= set(y) else 0.3 if {0, 1} & set(y) else 0.4 if {2, 3} <= set(y) else 0.2)
                   for y in ([*rows[:i], *rows[i + 1:]] for i in range(len(rows)))]  # fmt: skip
        found = reweight(drawn(rows), Target(np.inf, 0.0))
        full = found.value["kl"][0] + found.bias["kl"][0]
        assert found.bias["kl"][0] == pytest.approx((len(rows) - 1) * (np.mean(by_hand) - full)), rows
