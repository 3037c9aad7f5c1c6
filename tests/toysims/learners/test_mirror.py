"""T8: the batched dynamics against one plain step after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.objectives import Objective
from toysims.learners import mirror, natural_gradient
from toysims.learners.objective import one, weights
from toysims.policies import categorical


@pytest.mark.parametrize("last", [Objective(0.3, 0.0, -0.2), Objective(0.3, 4.0, 0.2), Objective(0.3, 900.0, 0.2)])
@pytest.mark.parametrize("every", [1, 2, 8])
def test_batched_mirror_ascent_is_mirror_ascent(last, every):
    """T8: the batched program against one plain step after another: τ of every sign, bounded or not."""
    objectives = [Objective(1.0, 2.0, 0.5), Objective(0.5, 1.0, 0.0), last]
    problems = [categorical.draw(jax.random.key(seed), 6, 0.5) for seed in range(3)]
    log_p, reward = (jnp.asarray([getattr(p, name) for p in problems]) for name in ("log_p", "reward"))
    steps = jnp.asarray([0.3, 0.1, 0.7])
    batched = mirror.ascend(weights(objectives), steps, log_p, reward, 5, every)
    for i, objective in enumerate(objectives):
        log_pi = log_p[i]
        for _ in range(5):
            log_pi, _ = natural_gradient.mirror_step(one(objective), log_pi, log_p[i], reward[i], steps[i])
        np.testing.assert_allclose(batched[i], log_pi, rtol=1e-10)


def test_batched_replicator_is_the_replicator_equation_in_euler_steps():
    """T8, τ = 0: π ← π + η π (f - π·f), one policy at a time."""
    random = np.random.default_rng(4)
    pi, fitness = random.dirichlet(np.ones(5), size=3), random.normal(size=(3, 5)) ** 3
    batched = mirror.replicate(jnp.asarray(fitness), jnp.asarray(pi), 0.05, 7)
    for x, f, found in zip(pi, fitness, batched, strict=True):
        for _ in range(7):
            x = x + 0.05 * x * (f - x @ f)
        np.testing.assert_allclose(found, x, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 7, 8, 50, 512, 520])
def test_a_row_is_summed_whole_in_lanes_or_not(k):
    """Every entry counts once: those of the lanes, those behind the last full eight, and rows too long for lanes."""
    row = 2.0 ** (-np.arange(k) % 40)
    np.testing.assert_allclose(mirror._sum(jnp.asarray(row)), [row.sum()], rtol=1e-14)
