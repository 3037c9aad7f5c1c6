"""The curves of one llm.train run, with the base model and the forecast drawn on them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from figures import style
from figures.study.arrival import on_the_way
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
END = "held-out prompts, end (±2 s.e.)"


def draw_training(axes: Iterable, run: TrainedRun, seen: Mapping[str, Batches], colour: str) -> None:
    """One panel a quantity: batches faint, their moving mean with its band, the end, the base model, the forecast.

    A forecast that could not be told is faded and dashed.
    """
    for ax, (quantity, label) in zip(axes, PANELS.items(), strict=True):
        own = seen[quantity]
        ax.plot(own.step, own.batch, color=colour, lw=0.5, alpha=0.3, label="training batches")
        ax.plot(own.step, own.mean, color=colour, lw=1.5, label="their moving mean, ±2 s.e.")
        ax.fill_between(own.step, own.mean - 2 * own.error, own.mean + 2 * own.error, color=colour, alpha=0.18, lw=0)
        told = bool(run.forecast.get(f"{quantity}_reliable"))
        if known(run.base[quantity]):
            ax.axhline(run.base[quantity], color="0.45", lw=1, ls=":", label="base model")
        if known(run.forecast[quantity]):
            look = {"ls": "-", "lw": 1} if told else {"ls": (0, (3, 2)), "lw": 1, **style.told_mark(False)}
            name = "forecast of the optimum" if told else "forecast (cannot be told)"
            ax.axhline(run.forecast[quantity], color="black", label=name, **look)
        ax.errorbar(
            own.step[-1] * 1.03,
            run.final[quantity],
            yerr=2 * run.final[f"{quantity}_se"],
            color=colour,
            marker="o",
            ms=5,
            ls="",
            label=END,
        )
        ax.set(xlabel="step", ylabel=label)
        ax.margins(y=0.1)


def finding(run: TrainedRun) -> str:
    """Where accuracy went, and whether the run is where its objective ends."""
    said = f"Accuracy {run.base['accuracy']:.3f} → {run.final['accuracy']:.3f}"
    if known(run.forecast["accuracy"]):
        doubt = "" if run.forecast.get("accuracy_reliable") else ", which could not be told"
        said += f" (optimum forecast at {run.forecast['accuracy']:.3f}{doubt})"
    why = on_the_way(run)
    return f"{said}: not there yet, {why}" if why else f"{said}: arrived"


def training_figure(run: TrainedRun):
    with style.figure(style.PAGE, 4.6, finding(run), nrows=2, ncols=2) as (figure, axes):
        seen = {quantity: batches(run, quantity) for quantity in PANELS}
        draw_training(list(axes.flat), run, seen, style.COLOURS[run.regime])
        figure.legend(*style.key(*axes.flat), loc="outside lower center", ncols=3)
    return figure


def save_training(folder: Path) -> Path:
    """Draw the figure of a run folder into it."""
    write(folder / "training.png", training_figure(read_run(folder, folder.name)).savefig)
    return folder / "training.png"
