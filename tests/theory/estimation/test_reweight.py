"""Reweighting to any optimum: against theory where the sample is in proportion, against brute force for the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from theory.distribution import entropy, expectation, kl
from theory.estimation.forecast import target_of
from theory.estimation.reweight import Target, enumerated, exact, plain_weights, reweight
from theory.estimation.samples import Rollouts
from theory.objectives import optimum, regime
from theory.rejection import reward_log_draws, sharpening_log_draws

LOG_P = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
REWARD = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
LENGTH = np.array([2.0, 9.0, 4.0, 1.0, 12.0, 3.0])
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
    return Rollouts(prompts, start, LOG_P[i], REWARD[i], LENGTH[i], i, rows == 0, rows, np.zeros_like(prompts))


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


def plain_estimate(i, target):
    """The self-normalised estimate from one prompt's responses i, written out."""
    t = (target.alpha - 1) * LOG_P[i] / LENGTH[i] ** target.kappa + target.b * REWARD[i]
    w = np.exp(t - logsumexp(t))
    value = {"accuracy": w @ REWARD[i], "length": w @ LENGTH[i], "log_p": w @ LOG_P[i]}
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
    target = Target(alpha, b, kappa)
    found = reweight(rollouts([np.array(s) for s in samples]), target, ks=(4,))
    for prompt, i in enumerate(map(np.array, samples)):
        full = plain_estimate(i, target)
        left_out = [plain_estimate(np.delete(i, drop), target) for drop in range(len(i))]
        for name, value in full.items():
            bias = (len(i) - 1) * (np.mean([one[name] for one in left_out]) - value)
            assert found.bias[name][prompt] == pytest.approx(bias, abs=1e-8)
            assert found.value[name][prompt] == pytest.approx(value - bias, abs=1e-8)


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
