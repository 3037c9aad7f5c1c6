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
