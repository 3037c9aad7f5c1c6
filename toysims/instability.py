"""python -m toysims.instability: when a policy stays where it arrives, and what drives it away.    [T8-T11]

Phase portraits on three responses for τ > 0, 0, < 0; the step-size limit; the slow rates of softmax logits;
self-reward and iterated sharpening with and without an anchor. Exit code 1 if a prediction fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theory.problem import Problem
from toysims import experiment
from toysims.config import ONE_RESPONSE, SimulationConfig, within
from toysims.experiment import Outcome, SimulationRun
from toysims.verdict import Check


@dataclass(frozen=True)
class InstabilityConfig(SimulationConfig):
    """Predict what is stable, at which rate and to whose gain, then simulate it and compare."""

    k: int = within(20, least=2, why=ONE_RESPONSE)  # responses, where the triangle is left
    tau: float = within(0.5, above=0, why="both signs are tried")  # size of the entropy weight, taken with either sign


def prepare(config: InstabilityConfig) -> Problem:
    """The problem over k responses; mild, so that exponents up to ten can be read off it."""
    import jax

    from toysims.policies import categorical

    return categorical.draw(jax.random.key(config.seed), config.k, 0.3, spread=0.7)


def simulate(config: InstabilityConfig, problem: Problem, run: SimulationRun) -> Outcome:
    """Every claim in turn; each part gives its checks and what the figure draws."""
    from figures.toysims.stability import stability_figure
    from harness.run_folder import write_json
    from toysims import stability

    run.stage("phase portraits")
    checks, portraits = stability.portraits(config.tau)
    claims: dict[str, Callable[[], tuple[list[Check], dict[str, Any]]]] = {
        "step size": lambda: stability.step_sizes(problem, config.tau),
        "softmax rates": lambda: stability.slowest_softmax_rate(problem, config.tau),
        "self-reward": lambda: stability.self_reward(problem),
        "iterated sharpening": lambda: stability.iterated(problem),
    }
    parts: dict[str, Any] = {}
    for name, claim in claims.items():
        run.stage(name)
        more, parts[name] = claim()
        checks += more
        run.log(part=name, **parts[name])

    parts["portraits"] = portraits
    write_json(run.output_dir / "stability.json", parts)  # what the figure is drawn from, to draw it again
    summary = {"k": config.k, "seed": config.seed, "tau": config.tau}
    return Outcome(checks, summary, {"stability.png": stability_figure(parts)})


main = experiment.command("instability", InstabilityConfig, prepare, simulate, stages=5)

if __name__ == "__main__":
    main()
