"""The two figures of a forecast: curves along alpha and along b, and the plane with the part that can be relied on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures import style
from harness.run_folder import write

ROWS = (("accuracy", "accuracy"), ("length", "length / tokens"), ("entropy", "entropy / nats"))


def draw_curve(ax, records: Sequence[dict[str, Any]], coordinate: str, quantity: str, colour: str) -> None:
    """The quantity with its 95 % band; hollow marks where the rollouts cannot tell."""
    x = np.array([record[coordinate] for record in records])
    value, low, high = (np.array([record[f"{quantity}{end}"] for record in records]) for end in ("", "_low", "_high"))
    reliable = np.array([record[f"{quantity}_reliable"] for record in records])
    ax.plot(x, value, color=colour, lw=1, zorder=2)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, lw=0, zorder=1)
    ax.plot(x[reliable], value[reliable], "o", color=colour, ms=4, zorder=3)
    if not reliable.all():
        ax.plot(x[~reliable], value[~reliable], "o", mfc="white", mec=colour, ms=4, zorder=3)


def save_curves(path: Path, *arguments) -> None:
    write(path, curves_figure(*arguments).savefig)


def save_plane(path: Path, *arguments) -> None:
    write(path, plane_figure(*arguments).savefig)


def curves_figure(along_alpha: Sequence, along_b: Sequence, followed=None):
    """Accuracy, length and entropy along alpha (b = 0) and along b (alpha = 1), and a run's own points on them."""
    with style.figure(style.PAGE, 5.6, nrows=3, ncols=2, sharex="col", sharey="row") as (figure, axes):
        for column, (records, coordinate, regime) in enumerate(
            ((along_alpha, "alpha", "tempered"), (along_b, "b", "tilted"))
        ):
            for ax, (quantity, label) in zip(axes[:, column], ROWS, strict=True):
                draw_curve(ax, records, coordinate, quantity, style.COLOURS[regime])
                ax.axhline(_base(along_alpha, quantity), color="0.55", lw=0.8, ls=":", zorder=0)
                if column == 0:
                    ax.set_ylabel(label)
                told = [record for record in records if record[f"{quantity}_reliable"]]
                if column == 0 and told:  # what cannot be told must not set the scale
                    both = told + [record for record in along_b if record[f"{quantity}_reliable"]]
                    run = [] if followed is None else list(followed[quantity])
                    low = min([r[f"{quantity}_low"] for r in both] + run)
                    high = max([r[f"{quantity}_high"] for r in both] + run)
                    margin = 0.08 * (high - low) + 1e-6
                    ax.set_ylim(low - margin, high + margin)
        if followed is not None:
            column, coordinate = (0, "alpha") if followed["b"].abs().max() == 0 else (1, "b")
            for ax, (quantity, _) in zip(axes[:, column], ROWS, strict=True):
                ax.plot(followed[coordinate], followed[quantity], ".", color="black", ms=2)
        axes[-1, 0].set(xlabel="power α on the reference (b = 0)", xscale="log")
        axes[-1, 0].set_xticks(ticks := [0.5, 1, 2, 4, 8], [f"{x:g}" for x in ticks], minor=False)
        axes[-1, 0].minorticks_off()
        axes[-1, 1].set(xlabel="weight b = 1/β of the task reward (α = 1)")
        handles = {"forecast, 95 % band": _mark("0.4", "0.4"), "cannot tell": _mark("white", "0.4")}
        if followed is not None:
            handles["run, step by step"] = _mark("black", "black", ms=2)
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return figure


def plane_figure(records: Sequence[dict[str, Any]], alphas: Sequence[float], bs: Sequence[float]):
    """Accuracy as shade; hatched where the rollouts cannot tell."""
    shape = len(bs), len(alphas)
    accuracy = np.array([record["accuracy"] for record in records]).reshape(shape)
    reliable = np.array([record["reliable"] for record in records]).reshape(shape)
    with style.figure(style.COLUMN, 2.8) as (figure, ax):
        if min(shape) > 1:
            shades = ax.contourf(alphas, bs, accuracy, levels=np.linspace(0, 1, 21), cmap=style.ACCURACY)
            lines = ax.contour(alphas, bs, accuracy, levels=np.arange(0.1, 1, 0.1), colors="white", linewidths=0.6)
            ax.clabel(lines, fmt="%.1f", fontsize=6)
            ax.contourf(alphas, bs, np.where(reliable, 0.0, 1.0), levels=[0.5, 1.5], colors="none", hatches=["////"])
            figure.colorbar(shades, ax=ax, label="accuracy", ticks=[0, 0.25, 0.5, 0.75, 1])
        ax.plot(1, 0, style.MARKERS["base"], color="white", mec=style.COLOURS["base"], clip_on=False, zorder=5)
        ax.set(xlabel="power α on the reference", ylabel="weight b = 1/β of the task reward")
        ax.set_title("hatched: these rollouts cannot tell")
    return figure


def _mark(face, edge, ms=4):
    from matplotlib.lines import Line2D

    return Line2D([], [], marker="o", ls="", mfc=face, mec=edge, ms=ms)


def _base(records, quantity):
    return next(record[quantity] for record in records if record["alpha"] == 1 and record["b"] == 0)
