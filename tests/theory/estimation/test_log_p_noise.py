"""T32: a forecast from scores with a known error a token, against the finite sum over all responses."""

import dataclasses

import numpy as np
import pytest
from scipy.special import log_softmax

from theory.estimation.forecast import forecast, target_of
from theory.estimation.records import Method
from theory.estimation.samples import Rollouts
from theory.objectives import regime
from theory.score_noise import sd_of_a_token
from theory.vocabulary import LengthControl

ALPHA, PROMPTS, SAMPLES, SUPPORT = 3.0, 150, 64, 60


def world(sd, seed=0):
    """(samples with log p that errs by sd a token, the exact (length, log p, KL) at p^α): short and long responses."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(0.3 * rng.standard_normal((PROMPTS, SUPPORT)), axis=1)
    length = np.where(np.arange(SUPPORT) % 2, 200.0, 20.0) * np.ones((PROMPTS, 1))
    log_q = log_softmax(ALPHA * log_p, axis=1)
    exact = [np.sum(np.exp(log_q) * x, axis=1).mean() for x in (length, log_p, log_q - log_p)]
    drawn = np.array([rng.choice(SUPPORT, SAMPLES, p=np.exp(row)) for row in log_p])
    own, size = np.take_along_axis(log_p, drawn, 1), np.take_along_axis(length, drawn, 1)
    noisy = own + sd * np.sqrt(size) * rng.standard_normal(own.shape)
    response = np.arange(drawn.size).reshape(drawn.shape)  # no response comes back with one error
    return Rollouts.of_arrays(noisy, drawn % 3 == 0, size, response), dict(
        zip(("length", "log_p", "kl"), exact, strict=True)
    )


def told(rollouts, alpha=ALPHA, **how):
    target = target_of(regime("tempered", alpha=alpha), **how)
    return forecast(rollouts, [target], np.random.default_rng(1), (Method.PSIS,))[0].quantities


@pytest.mark.parametrize("seed", [0, 1])
def test_small_errors_are_taken_out(seed):
    """T32: s = .03, a bonus of .36 nats for 200 tokens. Unknown, the length is wrong and called reliable."""
    rollouts, exact = world(0.03, seed)
    old, new = told(rollouts), told(dataclasses.replace(rollouts, log_p_noise=0.03))
    assert old["length"].reliable and not old["length"].low <= exact["length"] <= old["length"].high
    for name, value in exact.items():
        assert new[name].reliable and new[name].low <= value <= new[name].high, name
    for name in ("log_p", "kl"):
        assert abs(new[name].value - exact[name]) < abs(old[name].value - exact[name]) / 3, name


def test_large_errors_are_a_doubt():
    """s = .1: errors of 2.8 nats in the weights of 200 tokens, of which the samples see the smaller ones."""
    rollouts, exact = world(0.1)
    old, new = told(rollouts), told(dataclasses.replace(rollouts, log_p_noise=0.1))
    assert not old["length"].low <= exact["length"] <= old["length"].high
    assert all(any("0.1 nats a token" in doubt for doubt in one.doubts) for one in new.values())
    limit = forecast(
        dataclasses.replace(rollouts, log_p_noise=0.1),
        [target_of(regime("sharpening"))],
        np.random.default_rng(1),
        (Method.PSIS,),
    )[0].quantities["accuracy"]
    assert any("0.1 nats a token" in doubt for doubt in limit.doubts), "which response is the likeliest is not known"


def test_without_weights_noise_is_none():
    """α = 1 weighs nothing, and scores without error are what they were, bit for bit."""
    rollouts, _ = world(0.0)
    noisy = dataclasses.replace(rollouts, log_p_noise=0.1)
    assert told(noisy, 1.0) == told(rollouts, 1.0)
    assert told(dataclasses.replace(rollouts, log_p_noise=0.0)) == told(rollouts)


def test_content_alone_never_saw_the_bonus():
    """A bonus that depends on length alone is taken off by the length term; log p is corrected there as well."""
    rollouts, _ = world(0.02)
    how = {"length_control": LengthControl.CONTENT}
    old, new = told(rollouts, **how), told(dataclasses.replace(rollouts, log_p_noise=0.02), **how)
    np.testing.assert_allclose(new["length"].value, old["length"].value, rtol=1e-6)
    assert new["log_p"].value < old["log_p"].value - 0.03


def test_the_error_a_token_is_found_from_rows_scored_twice():
    rng = np.random.default_rng(0)
    length = rng.integers(1, 400, 4000).astype(float)
    once, again = (-0.5 * length + 0.05 * np.sqrt(length) * rng.standard_normal(4000) for _ in range(2))
    again[::2] = np.nan
    found = sd_of_a_token(once, again, length)
    assert abs(found - 0.05) < 4 * 0.05 / np.sqrt(2 * 2000)
    assert np.isnan(sd_of_a_token(once, np.full(4000, np.nan), length))
