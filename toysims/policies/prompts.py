"""Many prompts, each with a policy of its own over k responses; and all of them trained at once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.objectives import Coordinates, Objective, regime
from toysims.learners.natural_gradient import mirror_step
from toysims.learners.objective import one


class Training(NamedTuple):
    """What is trained for (None: nothing), and the point of the plane where theory says that it ends."""

    objective: Objective | None
    target: Coordinates


def trainings(alpha: float, beta: float) -> dict[str, Training]:
    """The base model, the tempered and the tilted policy."""
    tempered, tilted = regime("tempered", alpha=alpha), regime("tilted", beta=beta)
    return {
        "base": Training(None, Coordinates(1.0, 0.0)),
        "tempered": Training(tempered, tempered.target),
        "tilted": Training(tilted, tilted.target),
    }


class Prompts(NamedTuple):
    """log p and correctness of the k responses to each prompt."""

    log_p: Float[np.ndarray, "prompts k"]
    correct: Bool[np.ndarray, "prompts k"]


def draw_prompts(generator: np.random.Generator, prompts: int, k: int) -> Prompts:
    """Many prompts with policies of their own.

    A share of the prompts, drawn one by one, is answered in few ways or in many, and the correct ones are more or
    less likely: so both the base log-odds and the diversity gap differ from prompt to prompt.
    """
    correct = np.argsort(generator.random((prompts, k)), axis=1) < generator.integers(1, k // 2 + 1, (prompts, 1))
    lean = generator.normal(1.0, 1.5, (prompts, 1))
    logits = generator.normal(0.0, 1.2, (prompts, k)) + lean * correct
    return Prompts(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), correct)


def trained(
    prompts: Prompts, objective: Objective | None, step_size: float = 0.5, steps: int = 60
) -> Float[np.ndarray, "prompts k"]:
    """log π of every prompt after mirror ascent of J, all prompts at once; log p itself without an objective."""
    log_p, correct = prompts
    if objective is None:
        return log_p
    weights, step = one(objective), step_size / objective.entropy_weight

    def ascend(log_p: Float[Array, " k"], reward: Float[Array, " k"]) -> Float[Array, " k"]:
        return jax.lax.scan(
            lambda log_pi, _: (mirror_step(weights, log_pi, log_p, reward, step)[0], None), log_p, None, length=steps
        )[0]

    return np.asarray(jax.jit(jax.vmap(ascend))(jnp.asarray(log_p), jnp.asarray(correct, dtype=jnp.float64)))
