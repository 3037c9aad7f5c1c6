"""python -m toysims.noise: how noisy are sampled policy gradients, as responses grow longer and groups larger (T15)?

Responses of n independent tokens, each with logits of its own. Sharpening pays log p, a sum over tokens; the task
pays 1 when the last token, the answer, is correct. Then a policy on its way to its optimum, where the noise dies out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from toysims import experiment
from toysims.config import SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun


@dataclass(frozen=True)
class NoiseConfig(SimulationConfig):
    """Sample RLOO gradients of sharpening and of a task reward, and compare their noise with theory."""

    vocabulary: int = within(5, 2, 50)  # tokens to choose from, the first of which is the correct answer
    alpha: float = within(3.0, above=1, most=10)  # power that the policy is trained to, to see its noise die out
    replicas: int = within(4000, 100, 10**6)  # sampled gradients for each entry


def prepare(config: NoiseConfig) -> Float[np.ndarray, " v"]:
    """log p of a token."""
    import jax

    from toysims.policies.categorical import draw

    return draw(jax.random.key(config.seed), config.vocabulary, 0.5, 1.0).log_p


def simulate(config: NoiseConfig, log_p: Float[np.ndarray, " v"], run: SimulationRun) -> Outcome:
    """Noise at the start, by length and group size, and on the way to the optimum."""
    from figures.toysims.noise import noise_figure
    from toysims import gradient_noise

    generator = np.random.default_rng(config.seed)
    parts = {
        "lengths and groups": lambda: gradient_noise.lengths_and_groups(log_p, generator, config.replicas),
        "on the way": lambda: gradient_noise.on_the_way(log_p, config.alpha, generator, config.replicas),
    }
    return run.tabulate("noise", parts, noise_figure, {"seed": config.seed})


main = experiment.command("noise", NoiseConfig, prepare, simulate, stages=2)

if __name__ == "__main__":
    main()
