"""Many prompts, each with a policy of its own over k responses; and all of them trained at once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from theory.objectives import Objective, regime
from toysims.learners.natural_gradient import mirror_step
from toysims.learners.objective import weights


class Regime(NamedTuple):
    """What is trained for (None: nothing), and the point of the plane where theory says that it ends."""

    objective: Objective | None
    alpha: float
    b: float


def regimes(alpha: float, beta: float) -> dict[str, Regime]:
    """The base model, the tempered and the tilted policy."""
    return {
        "base": Regime(None, 1.0, 0.0),
        "tempered": Regime(regime("tempered", alpha=alpha), alpha, 0.0),
        "tilted": Regime(regime("tilted", beta=beta), 1.0, 1 / beta),
    }


def draw_prompts(
    generator: np.random.Generator, prompts: int, k: int
) -> tuple[Float[np.ndarray, "prompts k"], Bool[np.ndarray, "prompts k"]]:
    """log p and correctness of k responses to each prompt.

    A share of the prompts, drawn one by one, is answered in few ways or in many, and the right ones are more or less
    likely: so both the base log-odds and the diversity gap differ from prompt to prompt.
    """
    right = np.argsort(generator.random((prompts, k)), axis=1) < generator.integers(1, k // 2 + 1, (prompts, 1))
    lean = generator.normal(1.0, 1.5, (prompts, 1))
    logits = generator.normal(0.0, 1.2, (prompts, k)) + lean * right
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), right


def trained(
    log_p: Float[np.ndarray, "prompts k"],
    right: Bool[np.ndarray, "prompts k"],
    objective: Objective | None,
    step_size: float = 0.5,
    steps: int = 60,
) -> Float[np.ndarray, "prompts k"]:
    """log π of every prompt after mirror ascent of J, all prompts at once; log p itself without an objective."""
    if objective is None:
        return log_p
    weight = jax.tree.map(lambda x: x[0], weights([objective]))
    step = step_size / objective.entropy_weight

    def ascend(log_p, reward):
        return jax.lax.scan(
            lambda log_pi, _: (mirror_step(weight, log_pi, log_p, reward, step)[0], None), log_p, None, length=steps
        )[0]

    return np.asarray(jax.jit(jax.vmap(ascend))(jnp.asarray(log_p), jnp.asarray(right, dtype=jnp.float64)))
