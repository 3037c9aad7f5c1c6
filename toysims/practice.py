"""python -m toysims.practice: finite groups, faulty verifiers, prices, rare responses, noisy scores, other samplers.

What training does where the tidy statements leave off: the groups have 8 samples and not infinitely many (T25), all
prompts share their parameters (T26), the verifier errs (T27), a target is paid for in draws (T28), a response is seen
once in a hundred steps (T30, T31), log p has noise (T32), and the rollouts come from another law than the policy's
(T33). Every end is found by training on samples.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from toysims import experiment
from toysims.config import TOO_FEW, SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class PracticeConfig(SimulationConfig):
    """Train on samples as trainers, networks and verifiers are, and compare the ends with theory."""

    steps: int = within(600, least=50, why=TOO_FEW)  # of each run
    replicas: int = within(16, least=8, why=TOO_FEW)  # independent runs of each
    draws: int = within(100_000, least=1000, most=10**7)  # single samples: for steps, prices and weights


def prepare(config: PracticeConfig) -> Float[np.ndarray, " k"]:
    """log p of the policy that GRPO sharpens."""
    return np.log([0.4, 0.3, 0.17, 0.08, 0.05])


def simulate(config: PracticeConfig, log_p: Float[np.ndarray, " k"], run: SimulationRun) -> Outcome:
    """One part a statement."""
    from figures.toysims.practice import practice_figure
    from theory.problem import Problem
    from toysims import (
        faulty_verifier,
        finite_groups,
        mismatched_sampler,
        price_in_draws,
        rare_responses,
        score_noise,
        shared_parameters,
    )

    size = config.steps, config.replicas
    generator = np.random.default_rng(config.seed)
    problem = Problem(log_p, np.array([0.0, 1.0, 0.0, 1.0, 1.0]))
    shared = shared_parameters.draw(generator)
    parts = {
        "finite groups": lambda: finite_groups.ends(log_p, generator, *size),
        "faulty verifiers": lambda: faulty_verifier.ends(generator, *size),
        "largest steps": lambda: rare_responses.one_step(generator, config.draws),
        "undershoot": rare_responses.undershoot,
        "revival": rare_responses.revival,
        "another sampler": lambda: mismatched_sampler.table(problem, generator, *size),
        "another sampler, shared parameters": lambda: mismatched_sampler.shared(shared, generator, *size),
        "shared parameters, first steps": lambda: shared_parameters.first_steps(shared),
        "shared parameters, the end": lambda: shared_parameters.sampled(shared, generator, *size),
        "prices in draws": lambda: price_in_draws.kept(generator, config.draws),
        "filtered samples": lambda: price_in_draws.filtered(generator, *size),
        "noisy scores as weights": lambda: score_noise.weights(generator, config.draws, config.replicas),
        "noisy scores in a run": lambda: score_noise.run(generator, *size),
    }
    ratios = {"table": shared.table_ratio, "shared_parameters": shared.class_ratio}
    return run.tabulate("practice", parts, practice_figure, {"seed": config.seed, "gain_ratio": ratios})


main = experiment.command("practice", PracticeConfig, prepare, simulate, stages=13)

if __name__ == "__main__":
    main()
