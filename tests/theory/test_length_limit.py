"""T34: prefix mass, conditioning and dropping under a length limit, against training by the full sum."""

import itertools

import numpy as np
import pytest
from hard_policies import policies
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from theory.length_limit import finished_log_mass, length_limit_optima
from theory.tilt import log_tilt

LOG_P = np.log([0.3, 0.2, 0.1, 0.25, 0.15])
REWARD, FINISHED = np.array([0.0, 1.0, 1.0, 0.0, 0.0]), np.array([True, True, True, False, False])


def trained(alpha, b, treatment, natural, steps=4000):
    """Policy gradient from p with the mean over all samples of what RLOO does under each treatment."""
    theta, ended = LOG_P, FINISHED.astype(float)
    for _ in range(steps):
        log_pi = theta - np.logaddexp.reduce(theta)
        pi = np.exp(log_pi)
        gain = (alpha - 1) * LOG_P + b * REWARD - (log_pi - LOG_P)
        law = pi
        if treatment == "conditioned":
            law = pi * ended / (pi @ ended)
        if treatment == "dropped":
            gain = gain * ended
        push = (gain - law @ gain) * (1 if treatment == "prefix" else ended)
        theta = theta + (0.3 * push if natural else law * push - pi * (law @ push))
    return theta - np.logaddexp.reduce(theta)


@pytest.mark.parametrize(("alpha", "b"), [(2.0, 0.5), (1.5, 0.0), (0.5, 1.0)])
@pytest.mark.parametrize("treatment", ["prefix", "conditioned", "dropped"])
def test_training_ends_where_it_is_said(alpha, b, treatment):
    """T34: each treatment from p to its own optimum; within the finished for conditioning, which leaves prefixes be."""
    ended = trained(alpha, b, treatment, natural=True)
    expected = getattr(length_limit_optima(LOG_P, REWARD, FINISHED, alpha, b), treatment)
    if treatment == "conditioned":
        ended = np.where(FINISHED, ended - logsumexp(ended[FINISHED]), -np.inf)
    slowly = treatment == "dropped" and finished_log_mass(LOG_P, REWARD, FINISHED, alpha, b) > 0  # like 1/steps
    np.testing.assert_allclose(np.exp(ended), np.exp(expected), atol=2 / (0.3 * 4000) if slowly else 1e-6)


@pytest.mark.parametrize(("alpha", "b"), [(2.0, 0.5), (1.5, 0.0)])
def test_how_dropping_divides_the_cut_off_mass_depends_on_the_optimiser(alpha, b):
    """T34: the plain gradient ends at the same mass of every finished response, and another share of each prefix."""
    ended = np.exp(trained(alpha, b, "dropped", natural=False))
    expected = np.exp(length_limit_optima(LOG_P, REWARD, FINISHED, alpha, b).dropped)
    np.testing.assert_allclose(ended[FINISHED], expected[FINISHED], atol=1e-6)
    assert abs(ended[3] - expected[3]) > 0.05


def test_a_mean_over_groups_is_what_dropping_does():
    """T34: listing all groups of 3, where a cut-off sample counts 0 in the mean of the others and moves nothing."""
    log_pi, pi = LOG_P, np.exp(LOG_P)
    gain = np.where(FINISHED, LOG_P + 0.5 * REWARD, 0.0)
    total = np.zeros(5)
    for drawn in itertools.product(range(5), repeat=3):
        for i, y in enumerate(drawn):
            others = [gain[x] for j, x in enumerate(drawn) if j != i]
            push = FINISHED[y] * (gain[y] - np.mean(others))
            total += np.prod(pi[list(drawn)]) * push * (np.eye(5)[y] - pi) / 3
    push = pi * FINISHED * (gain - pi @ gain)
    np.testing.assert_allclose(total, push - np.exp(log_pi) * push.sum(), atol=1e-12)


@settings(max_examples=60)
@given(policies(least=6, most=6, zeros=False), st.floats(0.2, 5), st.floats(0, 4))
def test_the_dropped_end_has_no_return_and_conditioning_is_the_power_given_its_end(log_p, alpha, b):
    """T34: the return is 0 on the finished, prefixes keep the proportions of p; q_{α,b} given that it finishes."""
    reward = np.array([0.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    finished = np.array([1, 1, 1, 0, 0, 0]) == 1
    found = length_limit_optima(log_p, reward, finished, alpha, b)
    given_end = found.prefix[:3] - logsumexp(found.prefix[:3])
    np.testing.assert_allclose(found.prefix, log_tilt(log_p, reward, alpha, b))
    np.testing.assert_allclose(found.conditioned[:3], given_end, atol=1e-9)
    np.testing.assert_allclose(np.exp([logsumexp(x) for x in found]), 1, atol=1e-9)
    if finished_log_mass(log_p, reward, finished, alpha, b) < 0:
        np.testing.assert_allclose(found.dropped[:3], alpha * log_p[:3] + b * reward[:3], atol=1e-9)
        np.testing.assert_allclose(np.diff(found.dropped[3:]), np.diff(log_p[3:]), atol=1e-9)
    else:
        np.testing.assert_allclose(found.dropped, found.conditioned)


def test_sharpening_on_dropped_samples_ends_less_often():
    """T34: without a reward any α > 1 moves mass from what finishes to what does not, and α < 1 the other way."""
    base = np.exp(LOG_P[FINISHED]).sum()
    shares = [np.exp(length_limit_optima(LOG_P, REWARD, FINISHED, a, 0.0).dropped[:3]).sum() for a in (0.9, 1, 1.5, 3)]
    assert shares[0] > shares[1] > shares[2] > shares[3] and abs(shares[1] - base) < 1e-9


@pytest.mark.parametrize("alpha", [0.6, 1.0, 2.5])
def test_a_prefix_weighs_the_look_ahead_too_much(alpha):
    """T34, T16: of a three-token tree cut after one token; p^α gives a prefix p(u)^α E_p[p(future)^{α-1}]."""
    first, second = np.log([0.5, 0.3, 0.2]), np.log([[0.6, 0.4], [0.9, 0.1]])  # the first token 0 is an end
    whole = np.concatenate([first[:1], (first[1:, None] + second).ravel()])
    power = log_tilt(whole, 0 * whole, alpha, 0)
    of_prefix = np.array([power[0], *(logsumexp(power[1:].reshape(2, 2), axis=1))])
    ahead = np.array([0.0, *(logsumexp(second + (alpha - 1) * second, axis=1))])
    found = length_limit_optima(first, 0 * first, np.array([True, False, False]), alpha, 0.0)
    np.testing.assert_allclose(log_softmax(found.prefix + ahead), of_prefix, atol=1e-12)
    assert np.all(ahead * (alpha - 1) <= 0)


def test_nothing_finished_is_refused(as_users_call_it):
    with pytest.raises(ValueError, match="no response is finished"):
        length_limit_optima(LOG_P, REWARD, 0 * REWARD, 2.0, 0.0)
    with pytest.raises(ValueError, match=r"finished holds 0.5"):
        length_limit_optima(LOG_P, REWARD, 0.5 + 0 * REWARD, 2.0, 0.0)
    whole = length_limit_optima(LOG_P, REWARD, 0 * REWARD + 1, 2.0, 0.0)
    np.testing.assert_allclose(whole.dropped, whole.prefix, atol=1e-12)


def test_where_what_finishes_weighs_exactly_one_dropping_ends_where_conditioning_does():
    """T34 at Z_F = 1: half of the mass finishes and a reward of log 2 doubles it; nothing is divided by zero."""
    log_p, finished = np.log([0.25, 0.25, 0.5]), np.array([True, True, False])
    with np.errstate(all="raise"):
        found = length_limit_optima(log_p, np.array([1.0, 1.0, 0.0]), finished, 1.0, float(np.log(2)))
    np.testing.assert_array_equal(found.dropped, found.conditioned)
    np.testing.assert_allclose(np.exp(found.dropped), [0.5, 0.5, 0])
