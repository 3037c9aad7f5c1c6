"""T24: no optimum or flow leaves the support, and a finite sample of the reference narrows it further."""

import numpy as np
import pytest
from hard_policies import alphas, policies, tilts
from hypothesis import given
from hypothesis import strategies as st

from theory import dynamics, objectives, support, tilt, trainers
from theory.objectives import Objective


@given(policies(), alphas, tilts)
def test_no_point_limit_or_optimum_puts_mass_off_the_support(log_p, alpha, b):
    """T24: off it stays -inf, on it stays finite where the plane is (limits may drop more)."""
    on, reward = support.support(log_p), np.linspace(1, -1, len(log_p))
    assert on.tolist() == [p > 0 for p in np.exp(log_p)]
    assert (np.isfinite(tilt.log_tilt(log_p, reward, alpha, b)) == on).all()
    for log_q in (
        tilt.sharpening_limit(log_p, reward, b),
        tilt.task_limit(log_p, reward, alpha),
        objectives.optimum(Objective(1.0, 1.0, 0.0), log_p, reward),
        trainers.k3_in_loss_optimum(log_p, reward, 0.5),
        trainers.length_normalised_optimum(log_p, np.ones(len(log_p)), alpha),
        dynamics.self_sharpening_score(log_p, log_p, reward, Objective(1.0, 0.5, -1.0)),
    ):
        assert not np.isfinite(log_q[~on]).any() and np.isfinite(log_q[on]).any()


@given(policies(), st.integers(0, 500))
def test_a_sample_misses_a_response_with_the_chance_of_n_misses(log_p, samples):
    """T24: (1-p)^n, and its mean over p is the unseen mass."""
    p = np.exp(log_p)
    expected = (1 - p) ** samples
    np.testing.assert_allclose(support.missed_probability(log_p, samples), expected, atol=1e-12)
    np.testing.assert_allclose(support.unseen_mass(log_p, samples), p @ expected, atol=1e-12)
    np.testing.assert_allclose(support.unseen_mass(np.stack([log_p, log_p]), samples), [p @ expected] * 2, atol=1e-12)


def test_tiny_probabilities_are_missed_without_losing_digits_and_sure_ones_never():
    """T24: 10⁶ samples of a response at 10⁻²⁰; a certain response; no samples at all."""
    log_p = np.array([np.log1p(-1e-20), np.log(1e-20)])
    np.testing.assert_allclose(1 - support.missed_probability(log_p, 10**15)[1], 1e-5, rtol=1e-4)
    assert support.missed_probability(np.array([0.0, -np.inf]), 1).tolist() == [0.0, 1.0]
    assert support.missed_probability(np.array([4e-16, -np.inf]), 1).tolist() == [0.0, 1.0]  # rounding above one
    assert support.missed_probability(np.array([0.0, -np.inf]), 0).tolist() == [1.0, 1.0]


def test_the_unseen_mass_is_what_sampling_finds():
    """T24 by drawing: 4,000 samples of size 5, within four standard errors."""
    p = np.array([0.6, 0.25, 0.1, 0.05])
    drawn = np.random.default_rng(3).choice(4, p=p, size=(4000, 5))
    unseen = np.array([p[~np.isin(np.arange(4), row)].sum() for row in drawn])
    assert abs(unseen.mean() - support.unseen_mass(np.log(p), 5)) < 4 * unseen.std() / np.sqrt(4000)


def test_a_negative_number_of_samples_is_refused():
    with pytest.raises(ValueError) as error:
        support.missed_probability(np.log([0.5, 0.5]), -1)
    assert str(error.value) == "samples must be >= 0, got -1"
