"""python -m toysims.voting: majority vote as a reward, with real votes: who wins, how fast, how often by luck (T21).

Answers against responses: a vote counts answers, sharpening weighs single responses, and they can pick opposite
winners (T3).
"""

from dataclasses import dataclass

import numpy as np

from toysims import experiment, votes
from toysims.config import TOO_FEW, SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class VotingConfig(SimulationConfig):
    """Train policies on the vote of their own samples, and compare with theory."""

    beta: float = within(2.0, 0.2, 20)  # KL weight of a round, against the policy of the round before
    rounds: int = within(30, 1, 1000)  # rounds of training
    groups: int = within(2000, least=100, why=TOO_FEW)  # independent votes that the reward of a round is averaged over
    replicas: int = within(400, least=50, why=TOO_FEW)  # independent runs


def prepare(config: VotingConfig) -> np.random.Generator:
    """The generator of all votes."""
    return np.random.default_rng(config.seed)


def simulate(config: VotingConfig, generator: np.random.Generator, run: SimulationRun) -> Outcome:
    """All four questions."""
    from figures.toysims.voting import voting_figure

    beta, rounds, groups, replicas = config.beta, config.rounds, config.groups, config.replicas
    parts = {
        "many answers": lambda: votes.many_answers(generator, beta, rounds, replicas),
        "two answers": lambda: votes.two_answers(generator, beta, rounds, groups, replicas),
        "luck": lambda: votes.luck(generator, beta, replicas),
        "answers and responses": lambda: votes.answers_and_responses(generator, beta, rounds),
    }
    return run.tabulate("voting", parts, voting_figure, {"seed": config.seed, "beta": beta})


main = experiment.command("voting", VotingConfig, prepare, simulate, stages=4)

if __name__ == "__main__":
    main()
