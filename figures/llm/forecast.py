"""The two figures of a forecast: curves along alpha and along b, and the plane with the part that can be relied on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures import style
from figures.plane import draw_accuracy
from figures.study.words import known
from harness.run_folder import write

ROWS = (("accuracy", "accuracy"), ("length", "length / tokens"), ("entropy", "entropy / nats"))
ALPHA_TICKS = (0.5, 1, 2, 4, 8)
TIME = "viridis_r"  # of a run's own points: light at first, dark at the end


def draw_curve(ax, records: Sequence[dict[str, Any]], coordinate: str, quantity: str, colour: str) -> None:
    """The quantity with its 95 % band; faded and dashed, and without a band, where the rollouts cannot tell."""
    names = (coordinate, quantity, f"{quantity}_low", f"{quantity}_high")
    x, value, low, high = (np.array([record[name] for record in records], dtype=float) for name in names)
    told = np.array([bool(record[f"{quantity}_reliable"]) for record in records], dtype=bool)
    style.told_line(ax, x, value, told, colour, lw=1.4, zorder=2)
    ax.fill_between(x, low, high, where=told, color=colour, alpha=0.2, lw=0, zorder=1)
    if len(x) < 16:  # marks say where it was computed; of a dense line they would make a rope
        ax.plot(x[told], value[told], "o", color=colour, ms=3.5, zorder=3)
    if not told.all():
        ax.plot(x[~told], value[~told], "o", color=colour, ms=3.5, zorder=3, **style.told_mark(False))


def save_curves(path: Path, *arguments) -> None:
    write(path, curves_figure(*arguments).savefig)


def save_plane(path: Path, *arguments) -> None:
    write(path, plane_figure(*arguments).savefig)


def curves_figure(along_alpha: Sequence[dict[str, Any]], along_b: Sequence[dict[str, Any]], followed=None):
    """Accuracy, length and entropy along alpha (b = 0) and along b (alpha = 1), and a run's own points on them."""
    with style.figure(style.PAGE, 5.6, nrows=3, ncols=2, sharex="col", sharey="row") as (figure, axes):
        for row, (quantity, label) in zip(axes, ROWS, strict=True):
            draw_curve(row[0], along_alpha, "alpha", quantity, style.COLOURS["tempered"])
            draw_curve(row[1], along_b, "b", quantity, style.COLOURS["tilted"])
            base = next(record[quantity] for record in along_alpha if record["alpha"] == 1 and record["b"] == 0)
            for ax in row:
                if known(base):
                    ax.axhline(base, color="0.55", lw=0.8, ls=":", zorder=0)
            row[0].set_ylabel(label)
            run = [] if followed is None else list(followed[quantity])
            style.fit_y(row[0], _told([*along_alpha, *along_b], quantity, run), 0.08)
            _beyond(row[0], along_alpha, "alpha", quantity, style.COLOURS["tempered"])
            _beyond(row[1], along_b, "b", quantity, style.COLOURS["tilted"])
        if followed is not None:
            draw_followed(axes, followed)
        axes[0, 0].set_title("sharpening", color=style.COLOURS["tempered"], fontweight="bold")
        axes[0, 1].set_title("task reward", color=style.COLOURS["tilted"], fontweight="bold")
        axes[-1, 0].set(xlabel="power α on the base model (b = 0)", xscale="log")
        axes[-1, 0].set_xticks(ALPHA_TICKS, [f"{x:g}" for x in ALPHA_TICKS], minor=False)
        axes[-1, 0].minorticks_off()
        axes[-1, 1].set(xlabel="weight b = 1/β of the task reward (α = 1)")
        figure.legend(*_key(followed), loc="outside lower center", ncols=4)
    return figure


def draw_followed(axes, followed) -> None:
    """A run's own points, step by step, on the line that it moves along: light at its first step, dark at its last."""
    from matplotlib import colormaps

    column, coordinate = (0, "alpha") if followed["b"].abs().max() == 0 else (1, "b")
    shades = colormaps[TIME](np.linspace(0.4, 1, len(followed)))  # lighter ones do not stand out on white
    steps = followed["step"] if "step" in followed else np.arange(1, len(followed) + 1)
    for ax, (quantity, _) in zip(axes[:, column], ROWS, strict=True):
        ax.scatter(followed[coordinate], followed[quantity], s=5, c=shades, zorder=4, lw=0)
    for place, away in {0: (6, 10), len(followed) // 4: (-48, -14), len(followed) - 1: (16, -14)}.items():
        point, ax = followed.iloc[place], axes[0, column]
        where = {"textcoords": "offset points", "xytext": away, "fontsize": 6.5, "color": style.INK}
        where["arrowprops"] = {"arrowstyle": "-", "lw": 0.5, "color": style.QUIET}
        ax.annotate(f"step {int(np.asarray(steps)[place])}", (point[coordinate], point["accuracy"]), **where)


def plane_figure(records: Sequence[dict[str, Any]], alphas: Sequence[float], bs: Sequence[float]):
    """Accuracy as shade; faded and hatched where the rollouts cannot tell. records: those of each b in turn."""
    shape = len(bs), len(alphas)
    accuracy = np.array([record["accuracy"] for record in records], dtype=float).reshape(shape)
    told = np.array([bool(record["reliable"]) for record in records], dtype=bool).reshape(shape)
    with style.figure(style.COLUMN, 3.0) as (figure, ax):
        filled = draw_accuracy(ax, np.asarray(alphas, float), np.asarray(bs, float), accuracy, told)
        if filled is not None:
            figure.colorbar(filled, ax=ax, label="accuracy")
        ax.plot(1, 0, style.MARKERS["base"], color=style.COLOURS["base"], ms=6, clip_on=False, zorder=5)
        ax.annotate("base model", (1, 0), (6, 5), textcoords="offset points", fontsize=6.5, zorder=6)
        ax.set(xlabel="power α on the base model", ylabel="weight b = 1/β of the task reward")
        if not told.all():
            ax.set_title("faded and hatched: these samples cannot tell")
    return figure


def _told(records: Sequence[dict[str, Any]], quantity: str, run: Sequence[float]) -> list[float]:
    """What the axis has to show: the bands that can be relied on, and the run with them; the rest sets no scale."""
    told = [record for record in records if record[f"{quantity}_reliable"]]
    ends = [record[f"{quantity}{end}"] for record in told for end in ("", "_low", "_high")]
    found = [value for value in ends if known(value)]
    return [*found, *(value for value in run if known(value))] if found else []


def _beyond(ax, records: Sequence[dict[str, Any]], coordinate: str, quantity: str, colour: str) -> None:
    """An arrow at the edge for what cannot be told and lies outside."""
    points = [(own[coordinate], own[quantity]) for own in records if known(own[quantity])]
    style.outside(ax, [x for x, _ in points], [y for _, y in points], colour)


def _key(followed) -> tuple[list, list[str]]:
    from matplotlib.lines import Line2D

    made = {
        "forecast, 95 % band": Line2D([], [], color="0.35"),
        "cannot tell (arrow: outside)": Line2D([], [], color="0.35", ls=(0, (3, 2)), alpha=style.FADED + 0.2),
        "base model": Line2D([], [], color="0.55", lw=0.8, ls=":"),
    }
    if followed is not None:
        made["run: light first, dark last"] = Line2D([], [], marker="o", ls="", ms=3, color="#26828E")
    return list(made.values()), list(made)
