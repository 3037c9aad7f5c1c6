"""python -m toysims.heterogeneity: many prompts, each with its own diversity gap, sharpened or paid for the task.

pass@1 can rise while pass@k falls, and votes are won or lost (T22), prompt by prompt as the gap says (T3); and at an
equal distance from the base model no policy is more accurate than the tilt (T5).
"""

from dataclasses import dataclass

import numpy as np

from toysims import experiment
from toysims.config import SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class HeterogeneityConfig(SimulationConfig):
    """Train a policy for each of many prompts, by sharpening and by task reward, and compare pass@k with theory."""

    prompts: int = within(400, 50, 20_000)  # prompts, each with its own policy
    k: int = within(24, 6, 1000)  # responses to a prompt
    alpha: float = within(4.0, above=1, most=20)  # power of the tempered policies
    beta: float = within(0.5, 0.05, 100)  # KL weight of the tilted policies


def prepare(config: HeterogeneityConfig) -> np.random.Generator:
    """The generator of prompts and samples."""
    return np.random.default_rng(config.seed)


def simulate(config: HeterogeneityConfig, generator: np.random.Generator, run: SimulationRun) -> Outcome:
    """pass@k and maj@k over many prompts, and the two prompts where sharpening helps most and least."""
    from figures.toysims.heterogeneity import heterogeneity_figure
    from theory.budget import small_budget_ratio
    from toysims import majority, pass_curves
    from toysims.equal_budget import equal_budget
    from toysims.policies.prompts import draw_prompts, trainings

    prompts = draw_prompts(generator, config.prompts, config.k)
    log_p, correct = prompts
    policies = trainings(config.alpha, config.beta)
    correlation = small_budget_ratio(log_p, correct)
    most, least = int(np.argmax(correlation)), int(np.argmin(correlation))
    parts = {
        "pass@k": lambda: pass_curves.curves(policies, prompts, generator),
        "maj@k": lambda: majority.curves(policies, prompts, generator),
        "equal budget, helped most": lambda: equal_budget(log_p[most], correct[most], most),
        "equal budget, helped least": lambda: equal_budget(log_p[least], correct[least], least),
    }
    summary = {"seed": config.seed, "prompts": config.prompts}
    return run.tabulate("heterogeneity", parts, heterogeneity_figure, summary)


main = experiment.command("heterogeneity", HeterogeneityConfig, prepare, simulate, stages=4)

if __name__ == "__main__":
    main()
