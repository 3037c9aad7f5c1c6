"""A tree of tokens trained under each way to weigh length: exponents, trajectory balance, content alone (T18, T20)."""

import jax
import jax.numpy as jnp
import numpy as np

from theory.content import content_power
from theory.trainers import length_normalised_optimum, trajectory_balance_optimum, trajectory_balance_rate
from toysims.policies import trees
from toysims.verdict import Check


def tree_rows(tree: trees.Tree, alpha: float) -> tuple[list[Check], list[dict]]:
    """One tree of tokens under each way to weigh length: the distribution that is learned, and its lengths."""
    log_p, length = tree.log_p, tree.length
    ell, size = jnp.asarray(log_p), jnp.asarray(length, dtype=jnp.float64)

    def normalised(kappa):
        """(α-1) log p/|y|^κ + log p - log π, the paper's reward."""
        return lambda log_pi: (alpha - 1) * ell / size**kappa + ell - log_pi

    def balance_rate(log_pi, scale):
        """λ that makes the mean residual zero, its least-squares value under π."""
        return jnp.sum(jnp.exp(log_pi) * (alpha * ell - log_pi) / scale)

    def balanced(scale):
        """Minus the slope of half the squared residual λ + (log π - α log p)/scale in log π."""
        return lambda log_pi: -(balance_rate(log_pi, scale) + (log_pi - alpha * ell) / scale) / scale

    def content(log_pi):
        """The return less its mean over responses of the same length, and a pull of the lengths back to p(L)."""
        gain = alpha * ell - log_pi
        mass, reference = (jax.ops.segment_sum(jnp.exp(x), length, tree.tokens.shape[1] + 1) for x in (log_pi, ell))
        mean = jax.ops.segment_sum(jnp.exp(log_pi) * gain, length, len(mass)) / jnp.where(mass > 0, mass, 1.0)
        return gain - mean[length] + jnp.log(reference[length]) - jnp.log(mass[length])

    trainers = {
        "power": (normalised(0.0), length_normalised_optimum(log_p, length, alpha, 0), "T20"),
        "κ = ½": (normalised(0.5), length_normalised_optimum(log_p, length, alpha, 0.5), "T20"),
        "κ = 1": (normalised(1.0), length_normalised_optimum(log_p, length, alpha, 1), "T20"),
        "trajectory balance": (
            balanced(jnp.ones_like(size)),
            length_normalised_optimum(log_p, length, alpha, 0),
            "T20",
        ),
        "balance with 1/|y|": (balanced(size), trajectory_balance_optimum(log_p, length, alpha), "T20"),
        "content only": (content, content_power(log_p, length, alpha), "T18"),
    }
    checks, rows = [], []
    for name, (returns, target, statement) in trainers.items():
        learned = trees.ascend(tree, lambda logits, returns=returns: returns(trees.log_policy(tree, logits)))
        pi, q = np.exp(np.asarray(learned.log_pi)), np.exp(target)
        checks.append(Check(f"tree, {name}: mean length", statement, float(q @ length), float(pi @ length), 1e-7))
        distance = float(np.abs(pi - q).sum() / 2)
        checks.append(Check(f"tree, {name}: distance to the target", statement, 0.0, distance, 1e-7))
        if name == "balance with 1/|y|":
            rate = float(balance_rate(learned.log_pi, size))
            checks.append(Check(f"tree, {name}: λ", "T20", trajectory_balance_rate(log_p, length, alpha), rate, 1e-7))
        rows.append({"part": "mean", "policy": name, "alpha": alpha, "base": float(np.exp(log_p) @ length)})
        rows[-1].update(simulated=float(pi @ length), predicted=float(q @ length))
    return checks, rows
