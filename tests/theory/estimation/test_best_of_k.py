from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.estimation.best_of_k import accuracy_of_likeliest, kl_bound, kl_of_likeliest, kl_with_atoms
from theory.estimation.samples import Rollouts
from theory.estimation.statistics import best_of_k


def rollouts(log_p, reward):
    """One prompt; equal log p is one response."""
    _, response = np.unique(log_p, return_inverse=True)
    return Rollouts.of_arrays(log_p[None], reward[None], np.ones((1, len(log_p))), response[None])


@given(st.lists(st.tuples(st.integers(-4, -1), st.booleans()), min_size=2, max_size=7), st.data())
def test_likeliest_of_k_is_the_mean_over_all_choices_of_k(rows, data):
    log_p, reward = (np.array(column, float) for column in zip(*rows, strict=True))
    k = data.draw(st.integers(1, len(rows)))
    picks = []
    for chosen in combinations(range(len(rows)), k):
        top = [i for i in range(len(rows)) if log_p[i] == max(log_p[list(chosen)])]
        picks.append(np.mean(reward[top]))
    found = accuracy_of_likeliest(rollouts(log_p, reward), k)[0]
    np.testing.assert_allclose(found, np.mean(picks), atol=1e-12)
    np.testing.assert_allclose(found, best_of_k(log_p, reward, k), atol=1e-12)


@given(st.lists(st.floats(0.05, 1), min_size=1, max_size=6), st.integers(1, 9))
def test_kl_of_the_likeliest_with_atoms_is_a_finite_sum_and_never_beyond_its_bound(weights, k):
    mass = np.array(weights) / np.sum(weights)
    top = np.cumsum(mass)
    q = np.array([top[i] ** k - (top[i] - mass[i]) ** k for i in range(len(mass))])
    exact = sum(q[i] * np.log(q[i] / mass[i]) for i in range(len(mass)) if q[i] > 0)
    np.testing.assert_allclose(kl_with_atoms(mass, k), exact, atol=1e-9)
    assert kl_with_atoms(mass, k) <= kl_bound(k) + 1e-9


def test_many_small_atoms_spend_the_whole_bound():
    assert kl_with_atoms(np.full(20_000, 1 / 20_000), 4) == pytest.approx(kl_bound(4), abs=1e-3)


@settings(max_examples=20)
@given(st.integers(2, 30), st.integers(2, 8), st.integers(0, 1000))
def test_kl_estimated_from_samples_is_near_that_of_the_atoms(responses, k, seed):
    generator = np.random.default_rng(seed)
    log_p = np.log(np.sort(generator.dirichlet(np.ones(responses))))
    drawn = generator.choice(responses, size=(200, 64), p=np.exp(log_p))
    sampled = Rollouts.of_arrays(log_p[drawn], drawn * 0, drawn * 0 + 1, drawn)
    assert kl_of_likeliest(sampled, k) == pytest.approx(kl_with_atoms(np.exp(log_p), k), abs=0.02)


def test_a_k_beyond_the_samples_is_refused():
    with pytest.raises(ValueError, match="k must be between 1 and the 2 samples that every prompt has, got 3"):
        accuracy_of_likeliest(rollouts(np.array([-1.0, -2.0]), np.array([1.0, 0.0])), 3)


def test_a_response_without_mass_adds_nothing():
    """T6: 0 log 0 is 0, and no warning."""
    assert kl_with_atoms(np.array([0.5, 0.0, 0.5]), 3) == kl_with_atoms(np.array([0.5, 0.5]), 3)


def test_the_likeliest_of_one_is_the_base_model_and_of_more_than_there_are_is_refused():
    y = np.arange(8).reshape(2, 4)
    rollouts = Rollouts.of_arrays(np.log(np.full((2, 4), 0.2)), y % 2, y + 1, y)
    np.testing.assert_allclose(accuracy_of_likeliest(rollouts, 1), [0.5, 0.5])
    assert kl_of_likeliest(rollouts, 1) == 0
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k must be between 1 and the 4 samples that every prompt has, got {k}"):
            accuracy_of_likeliest(rollouts, k)
    # Mass that adds up to more than 1 saves no more than the whole bound.
    sure = Rollouts.of_arrays(np.zeros((2, 4)), y % 2, y + 1, y)
    assert kl_of_likeliest(sure, 4) == 0


def test_responses_too_improbable_to_have_mass_cost_the_whole_bound():
    """At -800 nats e^{log p} is 0: no two of k are ever equal, and log k - (k-1)/k is spent."""
    log_p = -800.0 - np.arange(8.0)[None]
    rollouts = Rollouts.of_arrays(log_p, np.zeros((1, 8)), np.ones((1, 8)), np.arange(8)[None])
    for k in (2, 5):
        assert kl_of_likeliest(rollouts, k) == pytest.approx(kl_bound(k), abs=1e-12)


def test_the_smallest_number_of_samples_of_a_prompt_limits_k():
    log_p, rows, start = -np.arange(1.0, 8.0), np.zeros(7, int), np.array([0, 2])
    uneven = Rollouts(np.arange(2), start, log_p, log_p * 0, -log_p, np.arange(7), rows == 0, rows, 0 * start)
    with pytest.raises(ValueError, match="k must be between 1 and the 2 samples that every prompt has, got 3"):
        accuracy_of_likeliest(uneven, 3)
