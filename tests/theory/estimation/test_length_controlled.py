"""Targets that control length, from samples: the length term is fitted anew without each of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from theory.content import content_power
from theory.estimation.forecast import forecast
from theory.estimation.length_controlled import reweight_controlled
from theory.estimation.length_term import balance_rates, length_class
from theory.estimation.reweight import Target, exact, reweight
from theory.estimation.samples import Rollouts
from theory.estimation.smoothing import smoothed
from theory.trainers import balance_rate, trajectory_balance_optimum

LOG_P = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
REWARD = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
LENGTH = np.array([2.0, 9.0, 9.0, 2.0, 9.0, 3.0])
CONTROLS = ["content", "trajectory-balance"]


def rollouts(responses_by_prompt):
    """Rollouts of the six responses above: one list of response numbers a prompt."""
    start = np.cumsum([0, *map(len, responses_by_prompt)])[:-1]
    i = np.concatenate(responses_by_prompt)
    prompts, rows = np.arange(len(start)), np.zeros(len(i), int)
    return Rollouts(prompts, start, LOG_P[i], REWARD[i], LENGTH[i], i, rows == 0, rows, np.zeros_like(prompts))


def by_hand(i, target):
    """The estimate from one prompt's responses i, its length term fitted to them, written out."""
    score = (target.alpha - 1) * LOG_P[i] + target.b * REWARD[i]
    t = np.empty(len(i))
    if target.length_control == "content":
        for own in set(LENGTH[i]):
            rows = LENGTH[i] == own
            t[rows] = score[rows] - logsumexp(score[rows]) + np.log(rows.sum())
    else:
        t = score - balance_rate(score, LENGTH[i], np.zeros(len(i))) * LENGTH[i]
    w = np.exp(t) / len(i)
    value = {"accuracy": w @ REWARD[i], "length": w @ LENGTH[i], "log_p": w @ LOG_P[i], "kl": w @ t}
    value["entropy"] = -value["log_p"] - value["kl"]
    value["pass@4"] = 1 - (1 - value["accuracy"]) ** 4
    return value


@pytest.mark.parametrize("control", CONTROLS)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=9), min_size=1, max_size=4),
    st.floats(0, 6),
    st.floats(-2, 4),
)
def test_without_each_sample_the_length_term_is_fitted_anew(control, samples, alpha, b):
    """T18, T20, T23: with the term of all samples kept, a sample that has its length alone seemed to be sure of it."""
    target = Target(alpha, b, 0.0, control)
    found = reweight(rollouts([np.array(s) for s in samples]), target, ks=(4,))
    for prompt, i in enumerate(map(np.array, samples)):
        full = by_hand(i, target)
        left_out = [by_hand(np.delete(i, drop), target) for drop in range(len(i))]
        for name, value in full.items():
            bias = (len(i) - 1) * (np.mean([one[name] for one in left_out]) - value)
            assert found.bias[name][prompt] == pytest.approx(bias, abs=1e-7)
            put_in = found.untold[name][prompt] if found.untold else 0.0
            assert found.value[name][prompt] == pytest.approx(value - bias + put_in, abs=1e-7)


@pytest.mark.parametrize("control", CONTROLS)
def test_samples_in_proportion_give_the_optimum_of_the_theory(control):
    """T18, T20: with every response as often as p says, but for the smoothing and the correction."""
    drawn = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))])
    found = reweight_controlled(drawn, Target(2.0, 0.0, 0.0, control), drawn.log_p)
    q = np.exp(
        content_power(LOG_P, length_class(LENGTH), 2.0)
        if control == "content"
        else trajectory_balance_optimum(LOG_P, LENGTH, 2.0)
    )
    for name, column in (("accuracy", REWARD), ("length", LENGTH), ("log_p", LOG_P)):
        plain = found.value[name] + found.bias[name] - (found.untold[name] if found.untold else 0.0)
        assert plain[0] == pytest.approx(q @ column, abs=1e-9)
    kl = found.value["kl"] + found.bias["kl"] - (found.untold["kl"] if found.untold else 0.0)
    assert kl[0] == pytest.approx(q @ (np.log(q) - LOG_P), abs=1e-9)


@pytest.mark.parametrize("control", CONTROLS)
def test_where_all_are_equally_long_a_length_term_changes_nothing(control):
    """T18, T20, T23: a constant comes off the score; the smoothed weights are those without any length term."""
    generator = np.random.default_rng(5)
    prompts, start = np.arange(3), np.array([0, 70, 140])
    log_p, zeros = generator.normal(-9, 3, 141), np.zeros(141, int)
    drawn = Rollouts(
        prompts, start, log_p, (log_p > -9) * 1.0, np.full(141, 7.0), np.arange(141), zeros == 0, zeros, 0 * prompts
    )
    free = reweight(drawn, Target(2.2, 0.5))
    found = reweight(drawn, Target(2.2, 0.5, length_control=control))
    assert found.pareto_k == pytest.approx(free.pareto_k, abs=0.02) and found.pareto_k > 0.3
    np.testing.assert_allclose(found.weight, free.weight, rtol=0.02)
    raw = np.exp(1.2 * log_p + 0.5 * drawn.reward)
    raw /= np.add.reduceat(raw, start)[drawn.each(prompts)]
    assert np.max(np.abs(raw / found.weight - 1)) > 0.1  # the tail is smoothed, and by more than that difference
    np.testing.assert_allclose(found.ess, 1 / np.add.reduceat(raw**2, start))


def test_effective_samples_of_content_are_the_harmonic_mean_over_samples_of_those_of_their_length():
    """T18, T23 by hand: lengths 2, 2, 2 and 9, weighed 1 : 2 : 3 within length 2."""
    drawn = rollouts([np.array([0, 3, 3, 1]), np.array([1, 2])])
    score = np.log([1, 2, 3, 50.0, 4, 4])
    within = 1 / ((1 + 4 + 9) / 36)
    harmonic = 1 / (3 / 4 / within + 1 / 4 / 1)
    found = reweight_controlled(drawn, Target(2.0, 0.0, 0.0, "content"), score)
    np.testing.assert_allclose(found.ess, [harmonic, 2.0])
    rate = reweight_controlled(drawn, Target(2.0, 0.0, 0.0, "trajectory-balance"), score)
    np.testing.assert_allclose(rate.ess, 1 / np.add.reduceat(rate.weight**2, [0, 4]))


def test_what_lone_lengths_would_add_is_their_share_of_the_mean_change_of_the_others():
    """T18 by hand: half of the first prompt's samples have no equal, none of the second's."""
    drawn = rollouts([np.array([0, 3, 1, 5]), np.array([1, 2, 0, 3])])
    found = reweight_controlled(drawn, Target(3.0, 1.0, 0.0, "content"), 2 * drawn.log_p + drawn.reward)
    base = {"accuracy": drawn.reward, "length": drawn.length, "log_p": drawn.log_p}
    for name, column in base.items():
        change = found.value[name] - found.untold[name] - drawn.mean(column)
        np.testing.assert_allclose(found.untold[name], np.array([0.5, 0.0]) * change.mean() / (1 - 0.25), atol=1e-12)
    assert abs(found.untold["log_p"][0]) > 0.01


@pytest.mark.parametrize("control", CONTROLS)
def test_more_than_sixteen_samples_are_left_away_in_sixteen_groups(control):
    """T23: every sixteenth together, also beside a prompt of few samples and one of a single one."""
    generator = np.random.default_rng(2)
    samples = [generator.integers(0, 6, 35), np.array([0, 3, 1, 2]), np.array([4])]
    target = Target(2.5, 0.7, 0.0, control)
    found = reweight(rollouts(samples), target)
    for prompt, groups in ((0, 16), (1, 4)):
        i = samples[prompt]
        full = by_hand(i, target)
        left_out = [by_hand(i[np.arange(len(i)) % 16 != out], target) for out in range(groups)]
        for name in ("accuracy", "kl", "log_p", "entropy"):
            bias = (groups - 1) * (np.mean([one[name] for one in left_out]) - full[name])
            assert found.bias[name][prompt] == pytest.approx(bias, abs=1e-9)
    assert all(np.isnan(bias[2]) for bias in found.bias.values())


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0, 30))
def test_the_rates_of_all_prompts_are_those_of_each(seed, spread):
    """T20: against theory.trainers.balance_rate, and from a guess on either side of the root."""
    generator = np.random.default_rng(seed)
    drawn = rollouts([generator.integers(0, 6, generator.integers(1, 9)) for _ in range(5)])
    score = spread * generator.normal(size=len(drawn.log_p))
    one_by_one = [
        balance_rate(score[rows], drawn.length[rows], np.zeros(rows.stop - rows.start)) for rows in drawn.prompt_rows()
    ]
    for guess in (None, np.full(5, -50.0), np.full(5, 50.0)):
        assert balance_rates(drawn, score, guess) == pytest.approx(one_by_one, abs=1e-9)


def long_answers(generator, kinds=40, most=300):
    """Kinds of prompt whose responses have 100 to 2,000 tokens, the longer the less likely."""
    for _ in range(kinds):
        z = generator.normal(size=most)
        length = np.round(np.exp(np.clip(6.1 - 0.4 * z + 0.6 * generator.normal(size=most), np.log(100), np.log(2000))))
        right = generator.random(most) < 1 / (1 + np.exp(-z))
        yield log_softmax(1.2 * z), right.astype(float), length


def table(kinds, responses):
    start = np.cumsum([0, *map(len, responses)])[:-1]
    columns = [np.concatenate([kind[n][y] for kind, y in zip(kinds, responses, strict=True)]) for n in range(3)]
    zeros, prompts = np.zeros(len(columns[0]), int), np.arange(len(kinds))
    return Rollouts(prompts, start, *columns, np.concatenate(responses), zeros == 0, zeros, 0 * prompts)


@pytest.mark.parametrize("samples", [8, 64])
def test_content_of_lengths_that_no_other_sample_has_is_not_told(samples):
    """T18: 200 prompts, lengths of 100 to 2,000, alpha = 2: a KL of a quarter of the true one was marked reliable."""
    generator = np.random.default_rng(0)
    kinds = list(long_answers(generator))
    truth = exact(table(kinds, [np.arange(300)] * 40), Target(2.0, 0.0, 0.0, "content")).value["kl"].mean()
    drawn = [kinds[i] for i in generator.integers(40, size=200)]
    responses = [generator.choice(300, size=samples, p=np.exp(log_p)) for log_p, *_ in drawn]
    asked = [Target(2.0, 0.0, 0.0, "content")]
    (record,) = forecast(table(drawn, responses), asked, generator, ("psis",))
    assert not record["kl"].reliable and not record["accuracy"].reliable
    assert record["kl"].value < truth  # and a lower bound is what it is said to be
    assert record["kl"].at_least


def test_samples_that_have_no_equal_in_length_are_no_tail_to_fit():
    """T18, T23: sixty of one length are too few for a Pareto tail, and sixty of lengths of their own say nothing."""
    log_p, rows = np.random.default_rng(1).normal(-9, 3, 120), np.zeros(120, int)
    length = np.concatenate([np.full(60, 2.0), np.round(1.25 ** np.arange(10, 70))])
    one = np.zeros(1, int)
    drawn = Rollouts(one, one, log_p, 0 * log_p, length, np.arange(120), rows == 0, rows, one)
    found = reweight(drawn, Target(2.0, 0.0, 0.0, "content"))
    assert np.isnan(found.pareto_k)
    np.testing.assert_allclose(found.weight[60:], 1 / 120)


def test_the_tail_is_that_of_all_that_have_an_equal_seen_from_the_mean_of_their_length():
    """T18, T23: sixty pairs, each about its own mean; thirty lone samples are not looked at."""
    log_p, rows, one = np.random.default_rng(1).normal(-9, 3, 150), np.zeros(150, int), np.zeros(1, int)
    length = np.round(1.25 ** np.concatenate([np.repeat(np.arange(10, 70), 2), np.arange(70, 100)]))
    drawn = Rollouts(one, one, log_p, 0 * log_p, length, np.arange(150), rows == 0, rows, one)
    pairs = log_p[:120].reshape(60, 2)
    _, shape = smoothed((pairs - pairs.mean(axis=1, keepdims=True)).ravel())
    assert reweight(drawn, Target(2.0, 0.0, 0.0, "content")).pareto_k == pytest.approx(shape, rel=1e-9)
    assert np.isfinite(shape)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_prompt_of_one_sample_is_what_that_sample_is(control):
    """T24: its weight is 1 at any power, so that it is always right, or never."""
    found = reweight(rollouts([np.array([1]), np.array([3])]), Target(2.0, 0.5, 0.0, control), ks=(4,))
    np.testing.assert_allclose(found.value["accuracy"], [1, 0], atol=1e-9)
    np.testing.assert_allclose(found.value["pass@4"], [1, 0], atol=1e-9)
