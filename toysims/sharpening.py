"""python -m toysims.sharpening: every regime on one tiny policy, predicted, then found out by simulation.

For each regime theory says where in the (alpha, b) plane it ends, by which line, and whether it stays. Three
learners that know none of it then try: natural-gradient flow, gradient ascent on logits, sampled RLOO.
Exit code 1 if a prediction fails.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from harness.command import parse


@dataclass(frozen=True)
class Config:
    """Predict where each objective takes a policy over k responses, then simulate it and compare."""

    k: int = 50
    """number of responses"""
    seed: int = 0
    """of the drawn policy and of every sample"""
    alpha: float = 4.0
    """power on the reference, in the tempered regimes"""
    beta: float = 0.5
    """KL weight, in the tilted regimes; b = 1/beta"""
    correct_fraction: float = 0.2
    """share of the drawn responses that are correct"""
    policy: Path | None = None
    """JSON, JSONL or Parquet with log_p and reward of one prompt's responses, instead of a drawn policy"""
    prompt_id: str | None = None
    """which prompt, if the policy file has several"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that output_dir holds"""

    def __post_init__(self):
        if self.k < 2:
            raise ValueError(f"--k must be at least 2, got {self.k}: one response leaves no choice")
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}")
        if not (isfinite(self.alpha) and self.alpha >= 0):
            raise ValueError(f"--alpha must be finite and at least 0, got {self.alpha}")
        if not (isfinite(self.beta) and self.beta > 0):
            raise ValueError(f"--beta must be finite and above 0, got {self.beta}")
        if not 0 < self.correct_fraction < 1:
            raise ValueError(
                f"--correct-fraction must lie strictly between 0 and 1, got {self.correct_fraction}: "
                "with none or all correct the task reward has nothing to choose"
            )
        if self.prompt_id is not None and self.policy is None:
            raise ValueError(f"--prompt-id {self.prompt_id} needs --policy FILE")


def prepare(config: Config):
    """The problem, and a note on where it came from."""
    import jax

    from theory.policy_file import read_policy
    from toysims.policies import categorical

    if config.policy is None:
        problem = categorical.draw(jax.random.key(config.seed), config.k, config.correct_fraction)
        return problem, ()
    listed = read_policy(config.policy, config.prompt_id)
    return categorical.trainable(listed.problem, f"--policy {config.policy}"), (listed.note(config.policy),)


def simulate(config: Config, prepared, run):
    """All regimes, and what to print, write and draw about them."""
    from figures.plane import plane_figure
    from harness.run_folder import write_json
    from theory.objectives import REGIMES, Coordinates, Objective, regime
    from toysims import regimes
    from toysims.accuracy_map import accuracy_map
    from toysims.experiment import Outcome

    problem, notes = prepared
    parameters = {"tilted": ("beta",), "tempered": ("alpha",), "tilted-tempered": ("alpha", "beta")}
    attractors = {name: regime(name, **{p: getattr(config, p) for p in parameters.get(name, ())}) for name in REGIMES}
    repellers = {
        "minimum entropy": Objective(0.0, 0.0, -1.0),
        "self-sharpening": Objective(1.0, 0.0, -config.beta),  # task reward and β log π
    }
    extent = Coordinates(1.5 * max(config.alpha, 2.0), 1.5 * max(1 / config.beta, 2.0))
    found = regimes.find(problem, attractors, repellers, extent, config.seed, run)

    alphas, bs, accuracy = accuracy_map(problem, extent, repellers)
    paths = {name: path._asdict() for name, path in found.paths.items()}
    drawn = {"alphas": alphas, "bs": bs, "accuracy": accuracy, "paths": paths}
    write_json(run.output_dir / "plane.json", drawn)  # what the figure is drawn from, to draw it again
    canvas = plane_figure(alphas, bs, accuracy, found.paths)
    return Outcome(
        checks=found.checks,
        summary={"k": len(problem.log_p), "seed": config.seed, "regimes": found.regimes},
        figures={"plane.png": canvas},
        table=table(found.regimes),
        notes=(*notes, *found.notes),
    )


def table(rows):
    """One line a regime: accuracy as theory has it and as each learner found it, and how it ends.

    TV is the flow's total variation to theory: at the end, or on a ray at the edge of the plane.
    """
    from rich.table import Table

    result = Table(
        title="Accuracy of each regime: as theory has it, and as each learner found it\n",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    left = ("regime", "ends")
    for column in ("regime", "α", "b", "theory", "flow", "ascent", "RLOO", "±4se", "TV", "ends"):
        result.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    for row in rows:
        cells = [row["name"], f"{row['alpha']:.3g}", f"{row['b']:.3g}"]
        cells += [f"{row[which]['accuracy']:.4f}" for which in ("predicted", "simulated")]
        if "sampled_accuracy" in row:
            sampled = row["sampled_accuracy"]
            cells += [f"{row['climb']['accuracy']:.4f}", f"{sampled['simulated']:.4f}"]
            tolerance = f"{4 * sampled['standard_error']:.4f}" if sampled["judged"] else "not judged"
            cells += [tolerance, f"{row['total_variation']:.0e}", "stays"]
        elif "limit" in row:
            cells += ["", "", "", f"{row['total_variation']:.0e}", f"face {row['limit']['accuracy']:.4f}"]
        else:
            won = row["winners"]
            cells += ["", "", "", f"{row['total_variation']:.0e}", f"flees {won['right']}/{len(won['simulated'])}"]
        result.add_row(*cells)
    return result


def main(arguments=None):
    config = parse(Config, "toysims.sharpening", arguments)
    from toysims import experiment

    experiment.run("toysims.sharpening", config, prepare, simulate, stages=4)


if __name__ == "__main__":
    main()
