"""A return that is standardised as a whole never settles: its last steps jump to and fro across the optimum (T14)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.tilt import log_tilt
from theory.trainers import rloo_alpha, two_cycle_deviation
from toysims.experiment import Part
from toysims.learners import trainer_steps as trainer
from toysims.verdict import at_most


def two_cycle(
    log_p: Float[np.ndarray, " k"], beta: float, step_size: float = 0.01, steps: int = 3000, starts: int = 40
) -> Part:
    """The std-normalised total return: the last distances to p^{1+1/β}, from many starting points."""
    log_target = log_tilt(log_p, np.zeros_like(log_p), rloo_alpha(beta), 0)

    reference, target = jnp.asarray(log_p), jnp.asarray(log_target)

    def distance(log_pi: Float[Array, " k"], other: Float[Array, " k"]) -> Float[Array, ""]:
        """sd_π of log other - log π*."""
        pi, d = jnp.exp(log_pi), other - target
        return jnp.sqrt(jnp.sum(pi * (d - jnp.sum(pi * d)) ** 2))

    def step(
        log_pi: Float[Array, " k"], _: None
    ) -> tuple[Float[Array, " k"], tuple[Float[Array, ""], Float[Array, ""]]]:
        new = jax.nn.log_softmax(log_pi + step_size * trainer.std_return_velocity(log_pi, reference, beta))
        jump = distance(log_pi, new) - jnp.abs(distance(log_pi, log_pi) - step_size)
        return new, (distance(new, new), jnp.abs(jump))

    first = jax.nn.log_softmax(jnp.linspace(1.0, 1.5, starts)[:, None] * reference)
    run = jax.jit(jax.vmap(lambda log_pi: jax.lax.scan(step, log_pi, None, length=steps)[1]))
    amplitude, jump = (np.asarray(x) for x in run(first))
    sums = (amplitude[:, 1:] + amplitude[:, :-1])[:, -200:]
    # All starts lie on the line of powers of p, so log p is the direction in which they leave the target.
    bound = two_cycle_deviation(log_target, log_p, step_size)
    checks = [
        at_most("standardised return: distance x goes to |x - η|, at every step", "T14", jump.max(), 1e-12),
        at_most(
            "standardised return: sum of two successive distances in parts of η, less 1",
            "T14",
            np.abs(sums / step_size - 1).max(),
            bound,
        ),
    ]
    points = [{"part": "two-cycle", "x": t, "amplitude": a, "step_size": step_size} for t, a in enumerate(amplitude[0])]
    return checks, points
