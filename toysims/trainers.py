"""python -m toysims.trainers: do RLOO, Dr. GRPO, GRPO and k3 in the loss end where theory says, exactly and sampled?

The reward is log p, the KL penalty has weight β (T12-T14). GRPO has two fixed points above β_c and none below in
the limit of large groups; groups of a few samples have one at every β (T25).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from toysims import experiment
from toysims.config import TOO_FEW, SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class TrainersConfig(SimulationConfig):
    """Train one policy on its own log-probabilities with each trainer, and compare the ends with theory."""

    k: int = within(8, 3, 100)  # responses
    spread: float = within(1.0, above=0, most=3)  # standard deviation of log p, nats
    beta: float = within(0.8, 0.1, 100)  # KL weight; GRPO runs at multiples of its own critical weight
    steps: int = within(1000, least=100, why=TOO_FEW)  # sampled steps of the trainers whose noise does not die out
    replicas: int = within(32, least=8, why=TOO_FEW)  # independent sampled runs


def prepare(config: TrainersConfig) -> Float[np.ndarray, " k"]:
    """log p of the policy."""
    import jax

    from toysims.policies.categorical import draw

    return draw(jax.random.key(config.seed), config.k, 0.5, config.spread).log_p


def simulate(config: TrainersConfig, log_p: Float[np.ndarray, " k"], run: SimulationRun) -> Outcome:
    """All trainers on one policy."""
    import jax

    from figures.toysims.trainers import trainers_figure
    from toysims import saddle_node, sampled_trainers
    from toysims.two_cycle import two_cycle

    beta, key = config.beta, jax.random.key(config.seed + 1)
    parts = {
        "exact fixed points": lambda: (sampled_trainers.fixed_points(log_p, beta), []),
        "saddle-node": lambda: saddle_node.branches(log_p),
        "square root": lambda: saddle_node.square_root(log_p),
        "clusters": lambda: (saddle_node.clusters(), []),
        "two-cycle": lambda: two_cycle(log_p, beta),
        "groups of samples": lambda: sampled_trainers.sampled(log_p, beta, key, config.steps, config.replicas),
    }
    return run.tabulate("trainers", parts, trainers_figure, {"k": config.k, "seed": config.seed})


main = experiment.command("trainers", TrainersConfig, prepare, simulate, stages=6)

if __name__ == "__main__":
    main()
