"""python -m toysims.sharpening: every regime on one tiny policy, predicted, then found out by simulation.

For each regime theory says where in the (alpha, b) plane it ends, by which line, and whether it stays. Three
learners that know none of it then try: natural-gradient flow, gradient ascent on logits, sampled RLOO.
Exit code 1 if a prediction fails.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.memory import check_memory
from theory.objectives import REGIMES, Coordinates, Objective, regime
from theory.policy_file import read_policy
from theory.problem import Problem
from toysims import experiment
from toysims.config import ONE_CLASS, ONE_RESPONSE, SimulationConfig, within
from toysims.experiment import Outcome, Row, SimulationRun


@dataclass(frozen=True)
class SharpeningConfig(SimulationConfig):
    """Predict where each objective takes a policy over k responses, then simulate it and compare."""

    k: int = within(50, least=2, why=ONE_RESPONSE)  # number of responses
    alpha: float = within(4.0, least=0)  # power on the reference, in the tempered regimes
    beta: float = within(0.5, above=0)  # KL weight, in the tilted regimes; b = 1/beta
    correct_fraction: float = within(
        0.2, above=0, below=1, why=ONE_CLASS
    )  # share of the drawn responses that are correct
    policy: Path | None = None  # JSON, JSONL or Parquet with log_p and reward of one prompt's responses
    prompt_id: str | None = None  # which prompt, if the policy file has several

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prompt_id is not None and self.policy is None:
            raise ValueError(f"--prompt-id {self.prompt_id} needs --policy FILE")
        if self.policy is None:
            check_memory("--k", self.k, 1000)


def prepare(config: SharpeningConfig) -> tuple[Problem, list[str]]:
    """The problem, and a note on where it came from."""
    import jax

    from toysims.policies import categorical

    if config.policy is None:
        return categorical.draw(jax.random.key(config.seed), config.k, config.correct_fraction), []
    listed = read_policy(config.policy, config.prompt_id)
    return categorical.trainable(listed.problem, f"--policy {config.policy}"), [listed.note(config.policy)]


def simulate(config: SharpeningConfig, prepared: tuple[Problem, list[str]], run: SimulationRun) -> Outcome:
    """All regimes, and what to print, write and draw about them."""
    from figures.plane import plane_figure
    from figures.toysims.right_and_wrong import finding, right_and_wrong_figure
    from harness.run_folder import write_json
    from toysims import regimes, right_and_wrong
    from toysims.accuracy_map import accuracy_map

    problem, notes = prepared
    attractors = {str(name): regime(name, **{p: getattr(config, p) for p in name.parameters}) for name in REGIMES}
    repellers = {
        "minimum entropy": Objective(0.0, 0.0, -1.0),
        "self-sharpening": Objective(1.0, 0.0, -config.beta),  # task reward and β log π
    }
    extent = Coordinates(1.5 * max(config.alpha, 2.0), 1.5 * max(1 / config.beta, 2.0))
    found = regimes.find(problem, attractors, repellers, extent, config.seed, run)
    run.stage("two rewards exchanged")
    named = {
        "-".join([name, *(f"{getattr(config, p):g}" for p in name.parameters)]): attractors[name] for name in REGIMES
    }
    cases, checks = right_and_wrong.both(problem, named)
    write_json(run.output_dir / "right_and_wrong.json", {"cases": cases})

    alphas, bs, accuracy = accuracy_map(problem, extent, repellers)
    paths = {name: path._asdict() for name, path in found.paths.items()}
    drawn = {"alphas": alphas, "bs": bs, "accuracy": accuracy, "paths": paths}
    write_json(run.output_dir / "plane.json", drawn)  # what the figure is drawn from, to draw it again
    canvas = plane_figure(alphas, bs, accuracy, found.paths)
    return Outcome(
        checks=[*found.checks, *checks],
        summary={"k": len(problem), "seed": config.seed, "regimes": found.regimes},
        figures={"right_and_wrong.png": right_and_wrong_figure(cases), "plane.png": canvas},
        table=table(found.regimes),
        notes=[*notes, *found.notes],
        unjudged=found.unjudged,
        learnt=finding(cases),
    )


def table(rows: list[Row]) -> Any:
    """One line a regime: accuracy as theory has it and as each learner found it, and how it ends.

    TV is the flow's total variation to theory: at the end, or on a ray at the edge of the plane. ±4se is how far the
    accuracy of sampled RLOO may be from theory's: four standard errors.
    """
    from rich.table import Table

    result = Table(
        title="Accuracy of each regime: as theory has it, and as each learner found it\n",
        title_justify="left",
        caption="\nb = 1/β. ±4se: how far sampled RLOO may be off. TV: total variation between the flow and theory. "
        "ends: it stays at its optimum, goes to a face (its accuracy), or flees (winners foreseen)",
        caption_justify="left",
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
            cells += ["", "", "", f"{row['total_variation']:.0e}", f"flees {won['foreseen']}/{len(won['simulated'])}"]
        result.add_row(*cells)
    return result


main = experiment.command("sharpening", SharpeningConfig, prepare, simulate, stages=5)

if __name__ == "__main__":
    main()
