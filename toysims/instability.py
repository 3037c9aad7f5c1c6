"""python -m toysims.instability: when a policy stays where it arrives, and what drives it away.    [T8-T11]

Phase portraits on three responses for τ > 0, 0, < 0; the step-size limit; the slow rates of softmax logits;
self-reward and iterated sharpening with and without an anchor. Exit code 1 if a prediction fails.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from harness.command import parse


@dataclass(frozen=True)
class Config:
    """Predict what is stable, at which rate and to whose gain, then simulate it and compare."""

    k: int = 20
    """number of responses, where the triangle is left"""
    seed: int = 0
    """of the drawn policies and starts"""
    tau: float = 0.5
    """size of the entropy weight, taken with either sign"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that output_dir holds"""

    def __post_init__(self):
        if self.k < 2:
            raise ValueError(f"--k must be at least 2, got {self.k}: one response leaves no choice")
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        if not (isfinite(self.tau) and self.tau > 0):
            raise ValueError(f"--tau must be finite and above 0, got {self.tau}; both signs are tried")


def prepare(config: Config):
    """The problem over k responses; mild, so that exponents up to ten can be read off it."""
    import jax

    from toysims.policies import categorical

    return categorical.draw(jax.random.key(config.seed), config.k, 0.3, spread=0.7)


def simulate(config: Config, problem, run):
    """Every claim in turn; each part gives its checks and what the figure draws."""
    from figures.toysims.stability import stability_figure
    from harness.run_folder import write_json
    from toysims import stability
    from toysims.experiment import Outcome

    run.stage("phase portraits")
    checks, portraits = stability.portraits(config.tau)
    parts = {}
    for name, part in (
        ("step size", lambda: stability.step_sizes(problem, config.tau)),
        ("softmax rates", lambda: stability.slowest_softmax_rate(problem, config.tau)),
        ("self-reward", lambda: stability.self_reward(problem)),
        ("iterated sharpening", lambda: stability.iterated(problem)),
    ):
        run.stage(name)
        more, parts[name] = part()
        checks += more
        run.log(part=name, **parts[name])

    parts["portraits"] = portraits
    write_json(run.output_dir / "stability.json", parts)  # what the figure is drawn from, to draw it again
    summary = {"k": config.k, "seed": config.seed, "tau": config.tau}
    return Outcome(checks, summary, {"stability.png": stability_figure(parts)})


def main(arguments=None):
    config = parse(Config, "toysims.instability", arguments)
    from toysims import experiment

    experiment.run("toysims.instability", config, prepare, simulate, stages=5)


if __name__ == "__main__":
    main()
