"""The curves of one llm.train run, with the base model and the forecast drawn on them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from figures import style
from figures.study.course import Batches, batches
from figures.study.runs import TrainedRun, read_run
from figures.study.words import known
from harness.run_folder import write

# quantity, axis label
PANELS = {
    "accuracy": "accuracy",
    "length": "length / tokens",
    "log_p": r"mean $\ell=\log p$ / nats",
    "kl": r"KL$(\pi\,\|\,p)$ / nats",
}


def draw_training(axes: Iterable, run: TrainedRun, seen: Mapping[str, Batches], colour: str) -> None:
    """One panel a quantity: the run step by step, its final evaluation, the base model and the forecast."""
    for ax, (quantity, label) in zip(axes, PANELS.items(), strict=True):
        steps = seen[quantity].step
        ax.plot(steps, seen[quantity].batch, color=colour, lw=1, label="training batches")
        lines = {"base model": (run.base, "0.55", ":"), "forecast of the optimum": (run.forecast, "black", "--")}
        for name, (level, shade, dashes) in lines.items():
            if known(level[quantity]):
                ax.axhline(level[quantity], color=shade, lw=1, ls=dashes, label=name)
        ax.errorbar(
            steps[-1] * 1.03,
            run.final[quantity],
            yerr=2 * run.final[f"{quantity}_se"],
            color=colour,
            marker="o",
            ms=4,
            ls="",
            label="held-out prompts, end (±2 s.e.)",
        )
        ax.set(xlabel="step", ylabel=label)
        ax.margins(y=0.1)


def training_figure(run: TrainedRun):
    with style.figure(style.PAGE, 4.6, nrows=2, ncols=2) as (figure, axes):
        seen = {quantity: batches(run, quantity) for quantity in PANELS}
        draw_training(list(axes.flat), run, seen, style.COLOURS[run.regime])
        figure.legend(*style.key(*axes.flat), loc="outside upper center", ncols=4)
    return figure


def save_training(folder: Path) -> Path:
    """Draw the figure of a run folder into it."""
    write(folder / "training.png", training_figure(read_run(folder, folder.name)).savefig)
    return folder / "training.png"
