"""A tree of tokens trained under each way to weigh length: exponents, trajectory balance, content alone (T18, T20)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.content import content_power
from theory.distribution import expectation, total_variation
from theory.trainers import length_normalised_optimum, trajectory_balance_optimum, trajectory_balance_rate
from toysims.experiment import Part, Row
from toysims.policies import trees
from toysims.policies.trees import Tree
from toysims.verdict import Check, at_most

Responses = Float[Array, " y"]
Returns = Callable[[Responses], Responses]  # the return of every response under its present policy, log π


class Weighing(NamedTuple):
    """A trainer of the tree: what it pays, the policy that theory says it ends at, and the statement."""

    returns: Returns
    target: Float[np.ndarray, " y"]
    source: str


def normalised(log_p: Responses, length: Responses, alpha: float, kappa: float) -> Returns:
    """(α-1) log p/|y|^κ + log p - log π, the paper's reward."""
    return lambda log_pi: (alpha - 1) * log_p / length**kappa + log_p - log_pi


def balance_rate(log_pi: Responses, log_p: Responses, alpha: float, scale: Responses) -> Float[Array, ""]:
    """λ that makes the mean residual zero, its least-squares value under π."""
    return jnp.sum(jnp.exp(log_pi) * (alpha * log_p - log_pi) / scale)


def balanced(log_p: Responses, alpha: float, scale: Responses) -> Returns:
    """Minus the slope of half the squared residual λ + (log π - α log p)/scale in log π."""
    return lambda log_pi: -(balance_rate(log_pi, log_p, alpha, scale) + (log_pi - alpha * log_p) / scale) / scale


def content_only(tree: Tree, log_p: Responses, alpha: float) -> Returns:
    """The return less its mean over responses of the same length, and a pull of the lengths back to p(L)."""
    length, lengths = tree.length, tree.tokens.shape[1] + 1

    def returns(log_pi: Responses) -> Responses:
        gain = alpha * log_p - log_pi
        mass, reference = (jax.ops.segment_sum(jnp.exp(x), length, lengths) for x in (log_pi, log_p))
        mean = jax.ops.segment_sum(jnp.exp(log_pi) * gain, length, lengths) / jnp.where(mass > 0, mass, 1.0)
        return gain - mean[length] + jnp.log(reference[length]) - jnp.log(mass[length])

    return returns


def weighings(tree: Tree, alpha: float) -> dict[str, Weighing]:
    """Every way to weigh length. The learner is paid the returns; the target is for the comparison afterwards."""
    log_p, length = tree.log_p, tree.length
    reference, size = jnp.asarray(log_p), jnp.asarray(length, dtype=jnp.float64)
    exponents = {
        name: Weighing(
            normalised(reference, size, alpha, kappa), length_normalised_optimum(log_p, length, alpha, kappa), "T20"
        )
        for name, kappa in (("power", 0.0), ("κ = ½", 0.5), ("κ = 1", 1.0))
    }
    plain = balanced(reference, alpha, jnp.ones_like(size))
    return exponents | {
        "trajectory balance": Weighing(plain, length_normalised_optimum(log_p, length, alpha, 0.0), "T20"),
        "balance with 1/|y|": Weighing(
            balanced(reference, alpha, size), trajectory_balance_optimum(log_p, length, alpha), "T20"
        ),
        "content only": Weighing(content_only(tree, reference, alpha), content_power(log_p, length, alpha), "T18"),
    }


def tree_rows(tree: Tree, alpha: float) -> Part:
    """One tree of tokens under each way to weigh length: the distribution that is learned, and its lengths."""
    log_p, length = tree.log_p, tree.length
    base = float(expectation(log_p, length))
    checks: list[Check] = []
    rows: list[Row] = []
    for name, (returns, target, source) in weighings(tree, alpha).items():
        learned = _learn(tree, returns)
        log_pi = np.asarray(learned.log_pi)
        simulated, predicted = (float(expectation(log_q, length)) for log_q in (log_pi, target))
        distance = float(total_variation(log_pi, target))
        checks.append(Check(f"tree, {name}: mean length", source, predicted, simulated, 1e-7))
        checks.append(at_most(f"tree, {name}: distance to the target", source, distance, 1e-7))
        if name == "balance with 1/|y|":
            rate = float(balance_rate(learned.log_pi, jnp.asarray(log_p), alpha, jnp.asarray(length, dtype=float)))
            checks.append(Check(f"tree, {name}: λ", "T20", trajectory_balance_rate(log_p, length, alpha), rate, 1e-7))
        row = {"part": "mean", "policy": name, "alpha": alpha, "base": base}
        rows.append({**row, "simulated": simulated, "predicted": predicted})
    return checks, rows


def _learn(tree: Tree, returns: Returns) -> trees.LearnedTree:
    return trees.ascend(tree, lambda logits: returns(trees.log_policy(tree, logits)))
