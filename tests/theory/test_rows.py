"""What holds for a distribution holds for each of a batch; one wrong row of many is refused."""

import re

import numpy as np
import pytest

from theory import distribution, shortest_path, tilt
from theory.coordinates import alpha_of_mean_log_p
from theory.reweighting import limit_score
from theory.verifier import verified_accuracy

P = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.98, 0.01, 0.01]])
Q = np.log([[0.2, 0.3, 0.5], [0.4, 0.2, 0.4], [0.6, 0.1, 0.3]])
SCORE = np.array([[1e-9, 0.0, -2e-9], [3.0, -1.0, 0.5], [0.0, 1e-12, 0.0]])  # next to nothing, and much


@pytest.mark.parametrize(
    "call",
    [
        lambda p, q, t: distribution.total_variation(p, q),
        lambda p, q, t: distribution.kl(p, q),
        lambda p, q, t: distribution.entropy(p),
        lambda p, q, t: distribution.renyi_entropy(p, 1.00001),
        lambda p, q, t: distribution.log_sum_exp(t),
        lambda p, q, t: tilt.exponential_tilt(p, t).kl,
        lambda p, q, t: tilt.exponential_tilt(p, t).q,
        lambda p, q, t: limit_score(p),
    ],
)
def test_a_batch_is_each_of_its_rows(call):
    for i, row in enumerate(call(P, Q, SCORE)):
        np.testing.assert_allclose(row, call(P[i], Q[i], SCORE[i]), rtol=1e-12, atol=0)


def test_what_is_never_drawn_takes_no_digit_from_a_small_tilt():
    """T5: KL = Var(t)/2 for a small t, whatever else there is without mass."""
    log_p, score = np.append(P[0], -np.inf), np.append(SCORE[0], 7.0)
    p, t = np.exp(P[0]), SCORE[0]
    variance = p @ (t - p @ t) ** 2
    np.testing.assert_allclose(tilt.exponential_tilt(log_p, score).kl, variance / 2, rtol=1e-6)


def with_one(value):
    """Three rows, of which the second has this at its end."""
    rows = P.copy()
    rows[1, 2] = value
    return rows


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distribution.checked_log_p(with_one(np.nan)), "log_p holds nan"),
        (lambda: distribution.checked_log_p(with_one(-1.0)), "the probabilities of log_p sum to"),
        (lambda: distribution.checked_log_mass(with_one(np.nan)), "log_mass has a row whose largest entry is nan"),
        (lambda: distribution.checked_log_mass(with_one(np.inf)), "log_mass has a row whose largest entry is inf"),
        (
            lambda: distribution.checked_log_mass(np.array([[0.0, 0.0], [-np.inf, -np.inf]])),
            "log_mass has a row whose largest entry is -inf",
        ),
        (
            lambda: shortest_path.shortest_path(np.eye(2) / 2, np.full(3, 0.5), 0),
            "stop has shape (3,) but transition has",
        ),
        (lambda: verified_accuracy(np.array([0.5, 1.2]), 0.9, 0.1, 1.0), "accuracy must be between 0 and 1"),
        (lambda: verified_accuracy(np.array([0.5, 0.2]), 0.9, 0.1, np.array([-1.0, 1.0])), "b must be >= 0"),
        (lambda: distribution.checked_reward(with_one(np.nan), P), "reward holds nan; every entry must be finite"),
        (lambda: tilt.log_tilt(P, Q, np.array([1.0, -1.0, 2.0]), 0), "alpha must be finite and >= 0"),
        (lambda: tilt.log_tilt(P, Q, 1.0, np.array([0.0, np.inf, 0.0])), "b must be finite"),
        (
            lambda: shortest_path.shortest_path(np.array([[0.5, 0.0], [0.7, 0.6]]), np.array([0.5, -0.3]), 0),
            "stop holds an entry that is not a probability",
        ),
        (
            lambda: shortest_path.maximum_mean_cycle(np.array([[0.5, 0.0], [-0.1, 0.6]])),
            "transition holds an entry",
        ),
    ],
)
def test_one_wrong_entry_of_many_is_refused(call, message, as_users_call_it):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_the_mean_log_p_of_several_prompts_names_one_alpha():
    """T23: E log p over rows at the same power."""
    mean = np.mean([np.exp(tilt.log_tilt(p, 0 * p, 1.7, 0)) @ p for p in P])
    assert alpha_of_mean_log_p(P, 0 * P, float(mean)) == pytest.approx(1.7, rel=1e-9)
