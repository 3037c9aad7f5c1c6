"""Autoregressive tabular policies on a tree of tokens, and natural policy gradient from returns of whole responses.

A context (the tokens so far) has a row of logits of its own, so that the tree can hold every distribution over its
responses. A learner is told the return of each response under its present policy, and nothing else.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from theory.sequences import PAD

EOS = 0


@dataclass(frozen=True, eq=False)
class Tree:
    """Every response of a policy with EOS, one row each: its tokens, and the context that each token is drawn in."""

    tokens: Int[np.ndarray, "y t"]
    context: Int[np.ndarray, "y t"]
    logits: Float[np.ndarray, "c v"]
    """of the reference policy p; -inf for a token that cannot follow"""

    @property
    def length(self) -> Int[np.ndarray, " y"]:
        """Tokens of each response, EOS included."""
        return (self.tokens != PAD).sum(axis=1)

    @property
    def log_p(self) -> Float[np.ndarray, " y"]:
        """log p of each response, in nats."""
        return np.asarray(log_policy(self, jnp.asarray(self.logits)))


class LearnedTree(NamedTuple):
    """Where an ascent ended: its logits, log π of the responses, its largest remaining advantage and its steps."""

    logits: Float[Array, "c v"]
    log_pi: Float[Array, " y"]
    advantage: Float[Array, ""]
    steps: Int[Array, ""]


def grow(
    key: Key[Array, ""],
    vocabulary: int,
    depth: int,
    stop_bias: float = 0.0,
    spread: float = 1.0,
) -> Tree:
    """All responses of at most `depth` content tokens 1 .. vocabulary, EOS last; logits spread · N(0, 1).

    stop_bias is added to the logit of EOS, in nats: above 0 responses end early. At full depth only EOS is left.
    ValueError when there is no content token or no depth.
    """
    if vocabulary < 1 or depth < 1:
        raise ValueError(f"vocabulary and depth must be at least 1, got {vocabulary} and {depth}")
    content = [p for n in range(depth + 1) for p in itertools.product(range(1, vocabulary + 1), repeat=n)]
    row = {prefix: i for i, prefix in enumerate(content)}
    tokens = np.full((len(content), depth + 1), PAD)
    context = np.zeros_like(tokens)
    for y, prefix in enumerate(content):
        tokens[y, : len(prefix) + 1] = (*prefix, EOS)
        context[y, : len(prefix) + 1] = [row[prefix[:t]] for t in range(len(prefix) + 1)]
    logits = spread * np.array(jax.random.normal(key, (len(content), vocabulary + 1), dtype=jnp.float64))
    logits[:, EOS] += stop_bias
    logits[[len(prefix) == depth for prefix in content], 1:] = -np.inf
    return Tree(tokens, context, logits)


def log_tokens(tree: Tree, logits: Float[Array, "c v"]) -> Float[Array, "y t"]:
    """log π(y_t | y_<t) of every token of every response, 0 on padding."""
    there = tree.tokens != PAD
    log_conditional = jax.nn.log_softmax(logits)[tree.context, np.where(there, tree.tokens, EOS)]
    return jnp.where(there, log_conditional, 0.0)


def log_policy(tree: Tree, logits: Float[Array, "c v"]) -> Float[Array, " y"]:
    """log π(y) = Σ_t log π(y_t | y_<t)."""
    return log_tokens(tree, logits).sum(axis=1)


def conditional_mean(tree: Tree, log_pi: Float[Array, " y"], f: Float[Array, "y t"]) -> Float[Array, "c v"]:
    """E_π[f_t | context, token]: the mean over the responses that go through this token. 0 where none does."""
    there = (tree.tokens != PAD).ravel()
    cell = (tree.context * tree.logits.shape[1] + np.where(tree.tokens == PAD, 0, tree.tokens)).ravel()[there]
    response = np.repeat(np.arange(len(tree.tokens)), tree.tokens.shape[1])[there]
    # Relative to the likeliest response of the cell, so that no context is too improbable to learn in.
    top = jax.ops.segment_max(log_pi[response], cell, tree.logits.size)
    weight = jnp.exp(log_pi[response] - top[cell])
    total = jax.ops.segment_sum(weight * f.ravel()[there], cell, tree.logits.size)
    mass = jax.ops.segment_sum(weight, cell, tree.logits.size)
    return (total / jnp.where(mass > 0, mass, 1.0)).reshape(tree.logits.shape)


def natural_step(
    tree: Tree, logits: Float[Array, "c v"], returns: Float[Array, "y t"], step_size: float
) -> tuple[Float[Array, "c v"], Float[Array, "c v"]]:
    """θ ← θ + η A, A(c, v) = E_π[R_t | c, v] - E_π[R_t | c]; and A itself.

    The policy gradient is visits(c) π(v|c) A(c, v) and the Fisher matrix of context c is visits(c) (diag π - ππᵀ), so
    A is the natural gradient. R_t is the return that token t answers for: the same at all t for a sequence-level one.
    """
    mean = conditional_mean(tree, log_policy(tree, logits), returns)
    pi = jax.nn.softmax(logits)
    advantage = jnp.where(pi > 0, mean - jnp.sum(pi * mean, axis=1, keepdims=True), 0.0)
    return jax.nn.log_softmax(logits + step_size * advantage), advantage


def ascend(
    tree: Tree,
    returns: Callable[[Float[Array, "c v"]], Float[Array, "y t"] | Float[Array, " y"]],
    step_size: float = 0.7,
    tolerance: float = 1e-10,
    max_steps: int = 20_000,
) -> LearnedTree:
    """Natural policy gradient from p, until no advantage exceeds the tolerance (nats).

    returns(logits) is the return of each response, or of each token of it, under the present policy.
    """

    @jax.jit
    def run(logits):
        def step(carry):
            logits, _, steps = carry
            now = returns(logits)
            now = jnp.broadcast_to(now[:, None], tree.tokens.shape) if now.ndim == 1 else now
            logits, advantage = natural_step(tree, logits, now, step_size)
            return logits, jnp.max(jnp.abs(advantage)), steps + 1

        def unfinished(carry):
            _, advantage, steps = carry
            return (advantage > tolerance) & (steps < max_steps)

        return jax.lax.while_loop(unfinished, step, (logits, jnp.asarray(jnp.inf), jnp.asarray(0)))

    logits, advantage, steps = run(jax.nn.log_softmax(jnp.asarray(tree.logits)))
    return LearnedTree(logits, log_policy(tree, logits), advantage, steps)
