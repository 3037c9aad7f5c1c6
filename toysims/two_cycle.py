"""A return that is standardised as a whole never settles: its last steps jump to and fro across the optimum (T14)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory.tilt import log_tilt
from theory.trainers import rloo_alpha
from toysims.learners import trainer_steps as trainer
from toysims.verdict import Check, at_most


def two_cycle(
    log_p: Float[np.ndarray, " k"], beta: float, step_size: float = 0.01, steps: int = 3000, starts: int = 40
) -> tuple[list[Check], list[dict]]:
    """The std-normalised total return: the last distances to p^{1+1/β}, from many starting points.

    With s(x) = x (1 + γx/2) for the distance of π* e^{xu}, γ the skewness of log p under π*, two successive
    distances add up to between η (1 - |γ|η/2) and η (1 + |γ|η), to first order in η.
    """
    log_target = log_tilt(log_p, np.zeros_like(log_p), rloo_alpha(beta), 0)

    def distance(log_pi, other):
        """sd_π of log other - log π*."""
        pi, d = jnp.exp(log_pi), other - log_target
        return jnp.sqrt(jnp.sum(pi * (d - jnp.sum(pi * d)) ** 2))

    def step(log_pi, _):
        new = jax.nn.log_softmax(log_pi + step_size * trainer.std_return_velocity(log_pi, jnp.asarray(log_p), beta))
        jump = distance(log_pi, new) - jnp.abs(distance(log_pi, log_pi) - step_size)
        return new, (distance(new, new), jnp.abs(jump))

    first = jax.nn.log_softmax(jnp.linspace(1.0, 1.5, starts)[:, None] * log_p)
    run = jax.jit(jax.vmap(lambda log_pi: jax.lax.scan(step, log_pi, None, length=steps)[1]))
    amplitude, jump = (np.asarray(x) for x in run(first))
    sums = (amplitude[:, 1:] + amplitude[:, :-1])[:, -200:]
    pi, centred = np.exp(log_target), log_p - np.exp(log_target) @ log_p
    skewness = abs(pi @ centred**3) / (pi @ centred**2) ** 1.5
    bound = skewness * step_size * (1 + skewness * step_size)
    checks = [
        at_most("standardised return: distance x goes to |x - η|, at every step", "T14", jump.max(), 1e-12),
        at_most("standardised return: two amplitudes, sum/η - 1", "T14", np.abs(sums / step_size - 1).max(), bound),
    ]
    points = [{"part": "two-cycle", "x": t, "amplitude": a, "step_size": step_size} for t, a in enumerate(amplitude[0])]
    return checks, points
