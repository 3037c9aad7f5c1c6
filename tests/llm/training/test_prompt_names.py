"""What a group of responses is called changes nothing: advantages and diagnostics know prompts by what is equal."""

import numpy as np
import pytest

from llm.training import rewards
from llm.training.length_returns import balance_return, content_return
from llm.training.rewards import task_reward

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(6), 8)
LOG_P, LENGTH = -RNG.gamma(2, 3, 48), RNG.integers(1, 9, 48).astype(float)
LOG_PI = LOG_P + RNG.normal(0, 0.5, 48)
COMPLETIONS = [r"\boxed{7}" if right else "no" for right in RNG.random(48) < 0.4]


def named(order):
    return [f"prompt {order[group]}" for group in GROUPS]


@pytest.mark.parametrize("own_return", [balance_return, content_return])
def test_shuffled_names_change_no_return(own_return):
    expected = own_return(named(range(6)), LOG_P, LOG_PI, LENGTH, 2.0)
    for order in ([3, 1, 5, 0, 2, 4], [5, 4, 3, 2, 1, 0]):
        np.testing.assert_allclose(own_return(named(order), LOG_P, LOG_PI, LENGTH, 2.0), expected, atol=1e-12)
    mixed = [named(range(6))[i] for i in RNG.permutation(48)]  # other groups, and not only other names
    assert np.abs(own_return(mixed, LOG_P, LOG_PI, LENGTH, 2.0) - expected).max() > 0.1


def logged(prompts, rows=slice(None)):
    """What task_reward logs of these rows."""
    found = {}
    numbers = (column[rows].tolist() for column in (LOG_P, LOG_PI, LENGTH.astype(int)))
    some = COMPLETIONS[rows]
    task_reward(some, ["7"] * len(some), [True] * len(some), *numbers, found.__setitem__, prompts=prompts[rows])
    return found


def test_shuffled_names_change_nothing_that_is_logged():
    assert logged(named([3, 1, 5, 0, 2, 4])) == pytest.approx(logged(named(range(6))))


def test_two_processes_log_what_one_logs_however_the_responses_are_shared(monkeypatch):
    """A share that splits a group, and shares of 12 and 36 rows: spreads and covariances are of all."""
    alone, prompts = logged(named(range(6))), named(range(6))
    shares, handed = [slice(0, 12), slice(12, 48)], [[], []]
    for place, rows in enumerate(shares):
        monkeypatch.setattr(rewards, "gather_object", lambda mine, place=place: handed[place].append(mine) or mine)
        logged(prompts, rows)
    both = iter([handed[0][call] + handed[1][call] for call in range(2)])
    monkeypatch.setattr(rewards, "gather_object", lambda _: next(both))
    assert logged(prompts, shares[0]) == pytest.approx(alone)
    assert alone["log_p_sd"] > 1 and abs(alone["accuracy_slope"]) > 0.01
