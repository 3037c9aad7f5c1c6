"""The curves of one llm.train run, with the base model and the forecast drawn on them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import style
from harness.run_folder import read_metrics, write

# quantity of summary.json, the name it has in metrics.jsonl, axis label
PANELS = (
    ("accuracy", "accuracy", "accuracy"),
    ("length", "length", "length / tokens"),
    ("log_p", "log_p", r"mean $\ell=\log p$ / nats"),
    ("kl", "sequence_kl", r"KL$(\pi\,\|\,p)$ / nats"),
)


def draw_training(axes: Sequence, metrics: Sequence[dict[str, Any]], summary: dict[str, Any], colour: str) -> None:
    """One panel a quantity: the run step by step, its final evaluation, the base model and the forecast."""
    steps = [row["step"] for row in metrics]
    for ax, (quantity, column, label) in zip(axes, PANELS, strict=True):
        ax.plot(steps, [row[column] for row in metrics], color=colour, lw=1, label="training batches")
        ax.axhline(summary["base"][quantity], color="0.55", lw=1, ls=":", label="base model")
        forecast = summary["forecast"][quantity]
        ax.axhline(forecast, color="black", lw=1, ls="--", label="forecast of the optimum")
        ax.errorbar(
            steps[-1] * 1.03,
            summary["final"][quantity],
            yerr=2 * summary["final"][f"{quantity}_se"],
            color=colour,
            marker="o",
            ms=4,
            ls="",
            label="held-out prompts, end (±2 s.e.)",
        )
        ax.set(xlabel="step", ylabel=label)
        ax.margins(y=0.1)


def save_training(run: Path) -> Path:
    """Draw the figure of a run folder into it."""
    summary = json.loads((run / "summary.json").read_text())
    with style.figure(style.PAGE, 4.6, nrows=2, ncols=2) as (figure, axes):
        draw_training(axes.flat, list(read_metrics(run)), summary, style.COLOURS[summary["regime"]])
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
        write(run / "training.png", figure.savefig)
    return run / "training.png"
