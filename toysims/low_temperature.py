"""Trees of tokens trained by token returns and by sequence returns: low temperature, and the power that looks ahead.

(T16) A tree where the two differ, one where they agree, and one with a single pivotal choice.
"""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.distribution import total_variation
from theory.sequences import PAD, log_conditionals, log_low_temperature, log_token_normaliser, lookahead
from theory.tilt import log_tilt
from toysims.experiment import Part, Row
from toysims.policies import trees
from toysims.policies.trees import EOS, Tree
from toysims.verdict import Check, at_most

ALPHAS = (1.0, 1.5, 2.0, 3.0, 4.0)  # powers at which the pivotal tree is trained


def trained(tree: Tree, alphas: Sequence[float]) -> tuple[Float[np.ndarray, "a y"], Float[np.ndarray, "a y"]]:
    """log π of the responses after training by token returns, and after sequence returns: one row for each power."""
    reference = trees.log_tokens(tree, jnp.asarray(tree.logits))

    def by_token(alpha: Float[Array, ""]) -> Float[Array, " y"]:
        """α log p - log π of the one token: what comes after it is not its business."""
        return trees.ascend(tree, lambda logits: alpha * reference - trees.log_tokens(tree, logits)).log_pi

    def by_sequence(alpha: Float[Array, ""]) -> Float[Array, " y"]:
        gain = alpha * reference.sum(axis=1)
        return trees.ascend(tree, lambda logits: gain - trees.log_policy(tree, logits)).log_pi

    powers = jnp.asarray(alphas)
    return np.asarray(jax.vmap(by_token)(powers)), np.asarray(jax.vmap(by_sequence)(powers))


def any_tree(tree: Tree, alpha: float) -> list[Check]:
    """A random tree: both ends, and the two ways in which theory relates them."""
    tokens, log_p = tree.tokens, tree.log_p
    (by_token,), (by_sequence,) = trained(tree, [alpha])
    power, low = log_tilt(log_p, np.zeros_like(log_p), alpha, 0), log_low_temperature(tokens, log_p, alpha)
    # Per context: the look-ahead, less its mean, must be what the two policies differ by, less its mean.
    gap = log_conditionals(tokens, by_sequence) - log_conditionals(tokens, by_token) - lookahead(tokens, log_p, alpha)
    spread = [np.ptp(gap[(tree.context == c) & (tokens != PAD)]) for c in range(len(tree.logits))]
    weight = by_sequence - by_token - log_token_normaliser(tokens, log_p, alpha)
    return [
        at_most("sequence returns: distance to p^α", "T16", _distance(by_sequence, power), 1e-8),
        at_most("token returns: distance to low temperature", "T16", _distance(by_token, low), 1e-8),
        at_most("look-ahead = log-ratio of the two, context by context", "T16", max(spread), 1e-6),
        at_most("p^α = low temperature · Π Σ_v p(v|·)^α, up to Z", "T16", np.ptp(weight), 1e-6),
    ]


def even_tree(tree: Tree, alpha: float) -> list[Check]:
    """The same tokens after every prefix, and one length: the look-ahead is constant, so both ends are the same."""
    ends = tree.length.max() - 1
    there = tree.tokens != PAD
    position = np.zeros(len(tree.logits), dtype=int)
    position[tree.context[there]] = np.nonzero(there)[1]
    first = np.array([tree.logits[np.argmax(position == t)] for t in range(ends + 1)])
    first[:-1, EOS] = -np.inf  # no EOS before the end, so only the longest responses are left
    longest = tree.length > ends
    even = replace(tree, tokens=tree.tokens[longest], context=tree.context[longest], logits=first[position])
    (by_token,), (by_sequence,) = trained(even, [alpha])
    return [at_most("even tree: distance between the two ends", "T16", _distance(by_token, by_sequence), 1e-8)]


def pivotal_tree(tree: Tree) -> Part:
    """A pivotal choice: after token 1 there is one way on, after token 2 there are many, and token 2 is likelier."""
    root = tree.context[0, 0]
    logits = np.where(np.isneginf(tree.logits), -np.inf, 0.0)
    narrow = np.unique(tree.context[(tree.tokens[:, :1] == 1) & (tree.tokens != PAD)])
    narrow = narrow[(narrow != root) & np.isfinite(logits[narrow, 1])]
    logits[narrow, 1] = 8.0  # nearly certain to go on with token 1
    logits[root, :3] = -8.0, 0.0, 0.5  # token 2 leads by half a nat
    tree = replace(tree, logits=logits)
    log_p, first = tree.log_p, tree.tokens[:, 0] == 1
    checks: list[Check] = []
    rows: list[Row] = []
    for alpha, *learned in zip(ALPHAS, *trained(tree, ALPHAS), strict=True):
        targets = {
            "low temperature": log_low_temperature(tree.tokens, log_p, alpha),
            "power": log_tilt(log_p, np.zeros_like(log_p), alpha, 0),
        }
        for (name, target), log_pi in zip(targets.items(), learned, strict=True):
            share, predicted = (float(np.exp(x[first]).sum()) for x in (log_pi, target))
            claim = f"pivotal choice, α = {alpha:g}, {name}: chance of the narrow way"
            checks.append(Check(claim, "T16", predicted, share, 1e-8))
            rows.append({"part": "pivot", "x": alpha, "policy": name, "simulated": share, "predicted": predicted})
    return checks, rows


def _distance(log_a: Float[np.ndarray, " y"], log_b: Float[np.ndarray, " y"]) -> float:
    return float(total_variation(log_a, log_b))
