"""python -m toysims.length: what sharpening does to the length of responses, found by training under a limit.

Markov policies: mean length, mode, existence threshold, the empty response, and the loops of a reward a token (T17).
A tree of tokens with EOS: length exponents and trajectory balance (T20), and sharpening of the content alone (T18).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from toysims import experiment
from toysims.config import SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class LengthConfig(SimulationConfig):
    """Train autoregressive policies with EOS by policy gradient, and compare their lengths with theory."""

    states: int = within(6, 2, 100)  # content states of the Markov policy, and tokens of the geometric one
    stop: float = within(
        0.15, above=0, most=0.5
    )  # probability of EOS: of the geometric policy, in the Markov one about
    limit: int = within(
        64, 16, 4096, why="lengths need room on both sides"
    )  # tokens; trained under it and under twice it
    depth: int = within(5, 1, 6, why="the tree has 3^depth leaves")  # content tokens of the tree's longest response
    alpha: float = within(3.0, above=1, most=10)  # power that the tree is sharpened to


def prepare(config: LengthConfig) -> dict[str, Any]:
    """The policies to be trained: two Markov policies and a tree."""
    import jax

    from toysims.policies import chains, trees

    return {
        "geometric": chains.uniform(config.states, config.stop),
        "Markov": chains.draw(np.random.default_rng(config.seed), config.states, config.stop),
        "tree": trees.grow(jax.random.key(config.seed), vocabulary=3, depth=config.depth, stop_bias=1.0),
    }


def simulate(config: LengthConfig, policies: dict[str, Any], run: SimulationRun) -> Outcome:
    """Every learner of this question."""
    from figures.toysims.length import length_figure
    from toysims.empty_response import empty_rows
    from toysims.length_weighing import tree_rows
    from toysims.loops import loop_rows
    from toysims.markov_length import markov_rows

    parts = {"tree": partial(tree_rows, policies["tree"], config.alpha)}
    for name in ("geometric", "Markov"):
        parts |= {
            f"{name}: length": partial(markov_rows, name, policies[name], config.limit),
            f"{name}: empty response": partial(empty_rows, name, policies[name]),
            f"{name}: loops": partial(loop_rows, name, policies[name], config.limit),
        }
    return run.tabulate("length", parts, length_figure, {"seed": config.seed})


main = experiment.command("length", LengthConfig, prepare, simulate, stages=7)

if __name__ == "__main__":
    main()
