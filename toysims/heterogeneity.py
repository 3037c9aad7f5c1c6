"""python -m toysims.heterogeneity: many prompts, each with its own diversity gap, sharpened or paid for the task.

pass@1 can rise while pass@k falls, and votes are won or lost (T22), prompt by prompt as the gap says (T3); and at an
equal distance from the base model no policy is more accurate than the tilt (T5).
"""

from dataclasses import dataclass
from pathlib import Path

from harness.command import parse


@dataclass(frozen=True)
class HeterogeneityConfig:
    """Train a policy for each of many prompts, by sharpening and by task reward, and compare pass@k with theory."""

    prompts: int = 400
    """prompts, each with its own policy"""
    k: int = 24
    """responses to a prompt"""
    alpha: float = 4.0
    """power of the tempered policies"""
    beta: float = 0.5
    """KL weight of the tilted policies"""
    seed: int = 0
    """seed of the prompts and of the responses"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 50 <= self.prompts <= 20_000:
            raise ValueError(f"--prompts must be between 50 and 20000, got {self.prompts}")
        if not 6 <= self.k <= 1000:
            raise ValueError(f"--k must be between 6 and 1000, got {self.k}")
        if not 1 < self.alpha <= 20:
            raise ValueError(f"--alpha must be above 1 and at most 20, got {self.alpha}")
        if not 0.05 <= self.beta <= 100:
            raise ValueError(f"--beta must be between 0.05 and 100, got {self.beta}")


def simulate(config: HeterogeneityConfig, generator, run):
    """pass@k and maj@k over many prompts, and the two prompts where sharpening helps most and least."""
    import numpy as np
    import pandas as pd

    from figures.toysims.heterogeneity import heterogeneity_figure
    from harness import run_folder
    from theory.budget import small_budget_ratio
    from toysims import majority, verdict
    from toysims.equal_budget import equal_budget
    from toysims.experiment import Outcome
    from toysims.pass_curves import pass_curves
    from toysims.policies.prompts import draw_prompts, regimes

    log_p, right = draw_prompts(generator, config.prompts, config.k)
    policies = regimes(config.alpha, config.beta)
    correlation = small_budget_ratio(log_p, right)
    stages = {
        "pass@k": lambda: pass_curves(policies, log_p, right, generator),
        "maj@k": lambda: majority.curves(policies, log_p, right, generator),
    }
    for name, prompt in (("most", int(np.argmax(correlation))), ("least", int(np.argmin(correlation)))):
        stages[f"equal budget, helped {name}"] = lambda x=prompt: equal_budget(log_p[x], right[x], x)
    checks, rows = [], []
    for name, part in stages.items():
        run.stage(name)
        new = part()
        run.log(stage=name, predictions=verdict.records(new[0]))
        checks, rows = checks + new[0], rows + new[1]
    table = pd.DataFrame(rows)
    run_folder.write(run.output_dir / "heterogeneity.parquet", table.to_parquet)
    summary = {"seed": config.seed, "prompts": config.prompts}
    return Outcome(checks, summary, {"heterogeneity.png": heterogeneity_figure(table)})


def prepare(config: HeterogeneityConfig):
    """The generator of prompts and samples."""
    import numpy as np

    return np.random.default_rng(config.seed)


def main(arguments=None):
    config = parse(HeterogeneityConfig, "toysims.heterogeneity", arguments)
    from toysims.experiment import run

    run("toysims.heterogeneity", config, prepare, simulate, stages=4)


if __name__ == "__main__":
    main()
