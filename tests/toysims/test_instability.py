"""Stability claims, found out by simulation: the command holds, and each part finds a wrong prediction."""

import jax
import numpy as np
import pytest

from theory import dynamics
from toysims import stability
from toysims.policies import categorical


def test_every_stability_claim_holds(judge):
    """T8-T11 at the defaults of the command, which also draws them."""
    judged = judge("instability")
    assert not judged.failed and len(judged.predictions) == 16
    assert (judged.folder / "stability.png").exists()


@pytest.fixture
def problem():
    return categorical.draw(jax.random.key(7), 9, 0.3, spread=0.7)


@pytest.mark.parametrize(
    ("name", "wrong", "part"),
    [
        ("step_multiplier", lambda o, step: 1 - 1.01 * step * o.entropy_weight, lambda p: stability.step_sizes(p, 0.5)),
        ("step_is_stable", lambda o, step: step * o.entropy_weight < 1, lambda p: stability.step_sizes(p, 0.5)),
        ("softmax_rates", lambda log_q, o: np.array([0.02]), lambda p: stability.slowest_softmax_rate(p, 0.5)),
        ("self_reference_steps", lambda c1, c2, eta, k: (1 + eta) ** -k, lambda p: stability.self_reward(p)),
        ("iterated_sharpening", lambda alpha, rho, k: alpha**k, lambda p: stability.iterated(p, rounds=2)),
        ("self_sharpening_winner", lambda begin, *_: np.argmax(-begin, axis=-1), lambda p: stability.portraits(0.5)),
    ],
)
def test_a_wrong_prediction_of_stability_is_found(monkeypatch, problem, name, wrong, part):
    assert all(check.holds for check in part(problem)[0])
    monkeypatch.setattr(dynamics, name, wrong)
    assert not all(check.holds for check in part(problem)[0])
