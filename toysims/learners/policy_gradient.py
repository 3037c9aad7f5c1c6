"""Gradient ascent of J on softmax logits, with exact gradients by automatic differentiation.    [T9]

Same fixed points as the natural gradient, but a plain step along a response is as slow as the response is
improbable (T9); Adam undoes that scale without knowing anything of the problem.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from toysims.learners.objective import Weights, value


def gradient(
    weights: Weights, theta: Float[Array, " k"], log_p: Float[Array, " k"], reward: Float[Array, " k"]
) -> Float[Array, " k"]:
    """∇_θ J(softmax θ) = π (R - E_π R), by automatic differentiation of J.    [T9]"""
    return jax.grad(value, argnums=1)(weights, theta, log_p, reward)


def climb(
    weights: Weights,
    start: Float[Array, " k"],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    steps: int = 3000,
) -> Float[Array, " k"]:
    """log π after Adam has climbed J from the logits `start`, its step falling from 1 nat to 1e-4.

    A quasi-Newton method would need fewer steps, but its long first ones end on a single response when
    1/beta is large: there every gradient vanishes.
    """
    # A reference that spans hundreds of nats, as a language model's does, has farther to go.
    first = jnp.maximum(1.0, (start.max() - start.min()) / 20)
    # Only the ratio of moments may matter, however small a probability makes the gradient.
    adam = optax.scale_by_adam(b1=0.9, b2=0.95, eps=1e-300)

    def step(carry, progress):
        theta, state = carry
        direction, state = adam.update(gradient(weights, theta, log_p, reward), state)
        return (theta + first * 1e-4**progress * direction, state), None

    (theta, _), _ = jax.lax.scan(step, (start, adam.init(start)), jnp.linspace(0.0, 1.0, steps))
    return jax.nn.log_softmax(theta)
