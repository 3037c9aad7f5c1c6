"""pass@k, and maj@k where votes were counted, of the base model and of every arm.    [T22]"""

from collections.abc import Mapping

from figures.llm.arms import Look
from figures.study.ends import BASE
from figures.study.pass_at_k import Curves
from figures.style import COLOURS, COLUMN, MARKERS, PAGE, figure, key


def pass_figure(passed: Curves, majority: Curves, looks: Mapping[str, Look]):
    """Two panels where votes are known."""
    panels = {"pass@k: any of k samples is correct": passed, "maj@k: a vote of k samples is correct": majority}
    panels = {title: curves for title, curves in panels.items() if curves}
    rows = -(-len(passed) // (2 * len(panels)))
    width = PAGE if majority else COLUMN
    shape = {"ncols": len(panels), "squeeze": False, "sharey": True}
    with figure(width, 2.6 + 0.14 * rows, **shape) as (canvas, axes):
        for ax, (title, curves) in zip(axes.flat, panels.items(), strict=True):
            draw_curves(ax, curves, looks)
            ax.set(xlabel="k", title=title)
        axes[0, 0].set_ylabel("share of prompts")
        canvas.legend(*key(*axes.flat), loc="outside lower center", ncols=2 * len(panels))
    return canvas


def draw_curves(ax, curves: Curves, looks: Mapping[str, Look]) -> None:
    """One line an arm, of k -> share."""
    for arm, own in curves.items():
        look = Look(COLOURS["base"], MARKERS["base"]) if arm == BASE else looks[arm]
        ax.plot(list(own), list(own.values()), marker=look.marker, color=look.colour, lw=1, label=arm)
    ticks = sorted({k for own in curves.values() for k in own})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.minorticks_off()
