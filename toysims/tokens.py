"""python -m toysims.tokens: low temperature against the power of whole sequences, on trees of tokens (T16).

A learner that is paid token by token ends at low temperature; one that is paid for the whole response ends at p^α,
which looks ahead. Then the look-ahead from rollouts: its bias, and the jackknife that takes most of it away.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from toysims import experiment
from toysims.config import SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class TokensConfig(SimulationConfig):
    """Sharpen trees of tokens by token returns and by sequence returns, and compare both with theory."""

    vocabulary: int = within(3, 2, 5)  # content tokens
    depth: int = within(4, 2, 5, why="the tree has vocabulary^depth leaves")  # content tokens of the longest response
    alpha: float = within(3.0, above=1, most=8)  # power
    replicas: int = within(30_000, 100, 10**6)  # repetitions of the look-ahead estimate


def prepare(config: TokensConfig) -> Any:
    """A random tree."""
    import jax

    from toysims.policies.trees import grow

    return grow(jax.random.key(config.seed), config.vocabulary, config.depth)


def simulate(config: TokensConfig, tree: Any, run: SimulationRun) -> Outcome:
    """All four trees."""
    from figures.toysims.tokens import tokens_figure
    from toysims import low_temperature, rollout_lookahead

    alpha, generator = config.alpha, np.random.default_rng(config.seed)
    parts = {
        "token and sequence returns": lambda: (low_temperature.any_tree(tree, alpha), []),
        "even tree": lambda: (low_temperature.even_tree(tree, alpha), []),
        "pivotal choice": lambda: low_temperature.pivotal_tree(tree),
        "rollouts": lambda: rollout_lookahead.bias(tree.tokens, tree.log_p, alpha, generator, config.replicas),
    }
    return run.tabulate("tokens", parts, tokens_figure, {"seed": config.seed, "alpha": alpha})


main = experiment.command("tokens", TokensConfig, prepare, simulate, stages=4)

if __name__ == "__main__":
    main()
