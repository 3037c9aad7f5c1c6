import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toysims.policies import chains

LIMIT = 3


@pytest.fixture(scope="module")
def policy():
    """A reference of two content states, and logits of another policy at each position."""
    markov = chains.draw(np.random.default_rng(5), 2, 0.3)
    return markov, jax.nn.log_softmax(jax.random.normal(jax.random.key(2), (LIMIT, 2, 3)))


def responses(log_pi, gain, tau):
    """Every response by hand: (length, log π, return), cut off at the limit without an EOS."""
    for moves in range(LIMIT + 1):
        for states in itertools.product(range(2), repeat=moves):
            actions = [*states, 2] if moves < LIMIT else list(states)
            log_mass = value = 0.0
            for position, (here, action) in enumerate(zip([0, *states], actions, strict=False)):
                step = float(log_pi[position, here, action])
                log_mass, value = log_mass + step, value + float(gain[here, action]) - tau * step
            yield moves, log_mass, value


def test_value_and_lengths_are_sums_over_responses(policy):
    markov, log_pi = policy
    gain = 1.7 * jnp.asarray(markov.log_p)
    listed = list(responses(log_pi, gain, 0.6))
    np.testing.assert_allclose(sum(np.exp(mass) for _, mass, _ in listed), 1)
    value = chains.evaluate(log_pi, gain, 0.6)[1][0, 0]
    np.testing.assert_allclose(value, sum(np.exp(mass) * gained for _, mass, gained in listed))
    lengths = [sum(np.exp(mass) for moves, mass, _ in listed if moves == n) for n in range(LIMIT + 1)]
    np.testing.assert_allclose(np.exp(chains.log_lengths(log_pi)), lengths)


def test_ascent_finds_the_power_of_the_cut_off_policy(policy):
    """T1: the value of the maximum is log Σ p^α, over responses that the limit allows, by hand."""
    markov, _ = policy
    log_p = jnp.asarray(markov.log_p)
    everywhere = jnp.broadcast_to(log_p, (LIMIT, *log_p.shape))
    log_z = np.logaddexp.reduce([1.7 * log_mass for _, log_mass, _ in responses(everywhere, log_p, 0.0)])
    learned = chains.ascend(log_p, 1.7 * log_p, 1.0, LIMIT)
    np.testing.assert_allclose(learned.value, log_z)


def test_the_start_stops_rarely_and_rows_are_distributions():
    markov = chains.draw(np.random.default_rng(0), 4, 0.2)
    np.testing.assert_allclose(markov.transition.sum(axis=1) + markov.stop, 1)
    assert markov.stop[0] == pytest.approx(0.02)
    assert (markov.stop[1:] > 0.05).all()
